// Comma-separated fields as spreadsheets know them (RFC 4180), with a header line.
#include "storage/base/status_macros.h"
#include "tools/cli/record_format.h"

namespace moraine::cli {
namespace {

constexpr std::string_view kHeader = "key,value";

void AppendField(std::string_view bytes, std::string* out) {
  if (bytes.find_first_of("\",\r\n") == std::string_view::npos) {
    out->append(bytes);
    return;
  }
  *out += '"';
  for (const char c : bytes) {
    if (c == '"') *out += '"';
    *out += c;
  }
  *out += '"';
}

class CsvWriter : public RecordWriter {
 public:
  void Begin(std::string* out) override { out->append(kHeader).append("\n"); }
  void Write(std::string_view key, std::string_view value, std::string* out) override {
    AppendField(key, out);
    *out += ',';
    AppendField(value, out);
    *out += '\n';
  }
};

class CsvReader : public RecordReader {
 public:
  explicit CsvReader(Input& input) : input_(input) {}

  absl::StatusOr<bool> Next(std::string* key, std::string* value) override {
    if (!header_read_) {
      header_read_ = true;
      MORAINE_ASSIGN_OR_RETURN(const bool more, NextRow(key, value));
      if (!more || *key != "key" || *value != "value") {
        return input_.Malformed(1, "the first line must be the header key,value; add it");
      }
    }
    return NextRow(key, value);
  }

 private:
  absl::StatusOr<bool> NextRow(std::string* key, std::string* value) {
    const uint64_t line = input_.line();
    if (input_.Peek() == Input::kEnd) {
      if (!input_.status().ok()) return input_.status();
      return false;
    }
    MORAINE_RETURN_IF_ERROR(Field(line, key));
    if (input_.Next() != ',') return input_.Malformed(line, "a row has two fields: key,value");
    MORAINE_RETURN_IF_ERROR(Field(line, value));
    int end = input_.Next();
    if (end == '\r' && input_.Peek() == '\n') end = input_.Next();
    if (end != '\n' && end != Input::kEnd) {
      return input_.Malformed(line, "more than two fields, or text after a closing quote");
    }
    return true;
  }

  // Stops before the comma or the end of the line.
  absl::Status Field(uint64_t line, std::string* bytes) {
    bytes->clear();
    if (input_.Peek() != '"') {
      for (int c = input_.Peek(); c != ',' && c != '\r' && c != '\n' && c != Input::kEnd;
           c = input_.Peek()) {
        if (c == '"') return input_.Malformed(line, "a quote inside an unquoted field");
        *bytes += static_cast<char>(input_.Next());
      }
      return absl::OkStatus();
    }
    input_.Next();
    while (true) {
      const int c = input_.Next();
      if (c == Input::kEnd) return input_.Malformed(line, "a quoted field does not end");
      if (c == '"') {
        if (input_.Peek() != '"') return absl::OkStatus();
        input_.Next();
      }
      *bytes += static_cast<char>(c);
    }
  }

  Input& input_;
  bool header_read_ = false;
};

}  // namespace

std::unique_ptr<RecordWriter> NewCsvWriter() { return std::make_unique<CsvWriter>(); }
std::unique_ptr<RecordReader> NewCsvReader(Input& input) {
  return std::make_unique<CsvReader>(input);
}

}  // namespace moraine::cli
