// One JSON object per line. Written by nlohmann::json, read by simdjson, which checks UTF-8.
#include <simdjson.h>

#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "storage/base/status_macros.h"
#include "tools/cli/byte_text.h"
#include "tools/cli/record_format.h"

namespace moraine::cli {
namespace {

class JsonlWriter : public RecordWriter {
 public:
  void Write(std::string_view key, std::string_view value, std::string* out) override {
    const nlohmann::ordered_json line = {{"key", ToJson(key)}, {"value", ToJson(value)}};
    out->append(line.dump()).append("\n");
  }
};

class JsonlReader : public RecordReader {
 public:
  explicit JsonlReader(Input& input) : input_(input) {}

  absl::StatusOr<bool> Next(std::string* key, std::string* value) override {
    do {
      line_number_ = input_.line();
      if (!input_.NextLine(&line_)) {
        if (!input_.status().ok()) return input_.status();
        return false;
      }
    } while (line_.find_first_not_of(" \t\r") == std::string::npos);
    simdjson::dom::object object;
    const simdjson::error_code error = parser_.parse(line_.data(), line_.size()).get(object);
    if (error != simdjson::SUCCESS) {
      return input_.Malformed(line_number_,
                              fmt::format("no JSON object: {}", simdjson::error_message(error)));
    }
    MORAINE_RETURN_IF_ERROR(Member(object, "key", key));
    MORAINE_RETURN_IF_ERROR(Member(object, "value", value));
    return true;
  }

 private:
  absl::Status Member(const simdjson::dom::object& object, std::string_view name,
                      std::string* bytes) {
    simdjson::dom::element element;
    std::string_view text;
    if (object.at_key(name).get(element) == simdjson::SUCCESS) {
      if (element.get(text) == simdjson::SUCCESS) {
        *bytes = text;
        return absl::OkStatus();
      }
      if (element["hex"].get(text) == simdjson::SUCCESS) {
        absl::StatusOr<std::string> decoded = HexDecode(text);
        if (!decoded.ok()) return input_.Malformed(line_number_, decoded.status().ToString());
        *bytes = *std::move(decoded);
        return absl::OkStatus();
      }
    }
    return input_.Malformed(
        line_number_, fmt::format(R"("{}" must be a string, or {{"hex":"00ff"}} for bytes)", name));
  }

  Input& input_;
  std::string line_;
  uint64_t line_number_ = 0;
  simdjson::dom::parser parser_;
};

}  // namespace

std::unique_ptr<RecordWriter> NewJsonlWriter() { return std::make_unique<JsonlWriter>(); }
std::unique_ptr<RecordReader> NewJsonlReader(Input& input) {
  return std::make_unique<JsonlReader>(input);
}

}  // namespace moraine::cli
