// Bytes as text: keys and values may hold any bytes, terminals, lines and JSON may not.
#ifndef MORAINE_TOOLS_CLI_BYTE_TEXT_H_
#define MORAINE_TOOLS_CLI_BYTE_TEXT_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "nlohmann/json_fwd.hpp"

namespace moraine::cli {

std::string HexEncode(std::string_view bytes);
// InvalidArgument unless `text` is an even number of hexadecimal digits.
absl::StatusOr<std::string> HexDecode(std::string_view text);

// One field of a line: backslash, TAB, newline, carriage return and NUL become \\ \t \n \r \0; all
// other bytes stand for themselves, so UTF-8 stays readable. EscapeLine never returns a line break
// or a TAB, and UnescapeLine undoes it; it also takes \xHH.
std::string EscapeLine(std::string_view bytes);
absl::StatusOr<std::string> UnescapeLine(std::string_view text);

// Text in UTF-8 as a JSON string, other bytes as {"hex":"00ff"}.
nlohmann::json ToJson(std::string_view bytes);

// For messages: quoted, escaped, and cut when long.
std::string Quote(std::string_view bytes);

}  // namespace moraine::cli

#endif  // MORAINE_TOOLS_CLI_BYTE_TEXT_H_
