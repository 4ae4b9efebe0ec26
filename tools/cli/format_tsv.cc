// One record per line, key and value separated by a TAB, both escaped.
#include "absl/strings/str_cat.h"

#include "storage/base/status_macros.h"
#include "tools/cli/byte_text.h"
#include "tools/cli/record_format.h"

namespace moraine::cli {
namespace {

class TsvWriter : public RecordWriter {
 public:
  void Write(std::string_view key, std::string_view value, std::string* out) override {
    absl::StrAppend(out, EscapeLine(key), "\t", EscapeLine(value), "\n");
  }
};

class TsvReader : public RecordReader {
 public:
  explicit TsvReader(Input& input) : input_(input) {}

  absl::StatusOr<bool> Next(std::string* key, std::string* value) override {
    const uint64_t line = input_.line();
    if (!input_.NextLine(&line_)) {
      if (!input_.status().ok()) return input_.status();
      return false;
    }
    const size_t tab = line_.find('\t');
    if (tab == std::string::npos) {
      return input_.Malformed(line, "no TAB between key and value");
    }
    if (line_.find('\t', tab + 1) != std::string::npos) {
      return input_.Malformed(line, "a second TAB; write \\t for one inside a value");
    }
    const std::string_view view = line_;
    MORAINE_RETURN_IF_ERROR(Field(view.substr(0, tab), line, key));
    MORAINE_RETURN_IF_ERROR(Field(view.substr(tab + 1), line, value));
    return true;
  }

 private:
  absl::Status Field(std::string_view text, uint64_t line, std::string* bytes) {
    absl::StatusOr<std::string> unescaped = UnescapeLine(text);
    if (!unescaped.ok()) {
      const absl::string_view why = unescaped.status().message();
      return input_.Malformed(line, {why.data(), why.size()});
    }
    *bytes = *std::move(unescaped);
    return absl::OkStatus();
  }

  Input& input_;
  std::string line_;
};

}  // namespace

std::unique_ptr<RecordWriter> NewTsvWriter() { return std::make_unique<TsvWriter>(); }
std::unique_ptr<RecordReader> NewTsvReader(Input& input) {
  return std::make_unique<TsvReader>(input);
}

}  // namespace moraine::cli
