// Choosing a format by its name or by the ending of a file.
#include "tools/cli/record_format.h"

namespace moraine::cli {

std::vector<std::string> FormatNames() { return {"tsv", "csv", "jsonl", "pairs"}; }

std::string FormatOfPath(std::string_view path) {
  for (const std::string& name : FormatNames()) {
    if (path.ends_with("." + name)) return name;
  }
  return "tsv";
}

std::unique_ptr<RecordWriter> NewRecordWriter(std::string_view format) {
  if (format == "csv") return NewCsvWriter();
  if (format == "jsonl") return NewJsonlWriter();
  if (format == "pairs") return NewPairsWriter();
  return NewTsvWriter();
}

std::unique_ptr<RecordReader> NewRecordReader(std::string_view format, Input& input) {
  if (format == "csv") return NewCsvReader(input);
  if (format == "jsonl") return NewJsonlReader(input);
  if (format == "pairs") return NewPairsReader(input);
  return NewTsvReader(input);
}

}  // namespace moraine::cli
