// The report of a verification as JSON text, for moraine_verify.
#ifndef MORAINE_API_C_REPORT_JSON_H_
#define MORAINE_API_C_REPORT_JSON_H_

#include <string>

#include <moraine/stats.h>

namespace moraine::c {

// {"schema":1,"clean":..,"pages":..,..,"findings":[{"where":..,"what":..},..]}. Bytes of a finding
// that are not ASCII are written as \u00XX, one for each, so that the text is valid whatever a
// damaged key holds.
std::string ReportJson(const VerifyReport& report);

}  // namespace moraine::c

#endif  // MORAINE_API_C_REPORT_JSON_H_
