// Writing a verification's report as JSON.
#include "api/c/report_json.h"

#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace moraine::c {

namespace {

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (byte < 0x20 || byte >= 0x7f) {
      absl::StrAppendFormat(&quoted, "\\u%04x", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

}  // namespace

std::string ReportJson(const VerifyReport& report) {
  std::string json = absl::StrCat("{\"schema\":1,\"clean\":", report.clean() ? "true" : "false",
                                  ",\"pages\":", report.pages, ",\"records\":", report.records,
                                  ",\"log_records\":", report.log_records,
                                  ",\"disk_pages\":", report.disk_pages, ",\"findings\":[");
  const char* separator = "";
  for (const VerifyFinding& finding : report.findings) {
    absl::StrAppend(&json, separator, "{\"where\":", Quoted(finding.where),
                    ",\"what\":", Quoted(finding.what), "}");
    separator = ",";
  }
  return json + "]}";
}

}  // namespace moraine::c
