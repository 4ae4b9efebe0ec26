// Escapes in both directions; what one writes, the other reads back byte for byte.
#include "tools/cli/byte_text.h"

#include <simdjson.h>

#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace moraine::cli {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Letters after the backslash, and the bytes they stand for.
constexpr std::string_view kEscapeLetters = "\\tnr0";
constexpr std::string_view kEscapedBytes("\\\t\n\r\0", 5);

}  // namespace

std::string HexEncode(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kHexDigits[byte >> 4];
    text += kHexDigits[byte & 15];
  }
  return text;
}

absl::StatusOr<std::string> HexDecode(std::string_view text) {
  if (text.size() % 2 != 0) {
    return absl::InvalidArgumentError(
        fmt::format("{} has an odd number of hexadecimal digits; write two per byte", Quote(text)));
  }
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = HexDigit(text[i]);
    const int low = HexDigit(text[i + 1]);
    if (high < 0 || low < 0) {
      return absl::InvalidArgumentError(fmt::format(
          "{} is not hexadecimal at digit {}; write two digits per byte", Quote(text), i + 1));
    }
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

std::string EscapeLine(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (const char c : bytes) {
    const size_t index = kEscapedBytes.find(c);
    if (index == std::string_view::npos) {
      text += c;
    } else {
      text += '\\';
      text += kEscapeLetters[index];
    }
  }
  return text;
}

absl::StatusOr<std::string> UnescapeLine(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      bytes += text[i];
      continue;
    }
    const char letter = ++i < text.size() ? text[i] : ' ';
    const size_t index = kEscapeLetters.find(letter);
    if (index != std::string_view::npos) {
      bytes += kEscapedBytes[index];
    } else if (letter == 'x' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
               HexDigit(text[i + 2]) >= 0) {
      bytes += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    } else {
      return absl::InvalidArgumentError(
          "a backslash begins one of \\\\ \\t \\n \\r \\0 \\xHH; write \\\\ for the backslash");
    }
  }
  return bytes;
}

nlohmann::json ToJson(std::string_view bytes) {
  if (simdjson::validate_utf8(bytes.data(), bytes.size())) return std::string(bytes);
  return {{"hex", HexEncode(bytes)}};
}

std::string Quote(std::string_view bytes) {
  constexpr size_t kMost = 60;
  std::string text = "\"";
  for (const char c : bytes.substr(0, kMost)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && bytes.size() > kMost)) {
      text += fmt::format("\\x{:02x}", byte);
    } else {
      text += c;
    }
  }
  if (!simdjson::validate_utf8(text.data(), text.size())) return "0x" + HexEncode(bytes);
  return bytes.size() > kMost ? text + fmt::format("...\" ({} bytes)", bytes.size()) : text + "\"";
}

}  // namespace moraine::cli
