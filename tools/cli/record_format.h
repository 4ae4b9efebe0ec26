// The text formats of import and export. Each carries any key and any value, byte for byte:
//
//   tsv    KEY<TAB>VALUE<LF>, both escaped as in byte_text.h (\\ \t \n \r \0, and \xHH when read)
//   csv    RFC 4180 with a first line `key,value`: fields with comma, quote, CR or LF stand in
//          quotes, a quote inside is doubled; all other bytes as they are
//   jsonl  one object per line: {"key":"text","value":"text"}; what is not UTF-8 is {"hex":"00ff"}
//          in place of the text; other members are ignored when read
//   pairs  +KEYBYTES,VALUEBYTES:KEY->VALUE<LF>, then an empty line at the end: the format of
//          cdbmake, which escapes nothing and is the fastest
#ifndef MORAINE_TOOLS_CLI_RECORD_FORMAT_H_
#define MORAINE_TOOLS_CLI_RECORD_FORMAT_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "tools/cli/input.h"

namespace moraine::cli {

class RecordWriter {
 public:
  virtual ~RecordWriter() = default;
  // Each appends to `out`: what stands before all records, one record, what stands after all.
  virtual void Begin(std::string*) {}
  virtual void Write(std::string_view key, std::string_view value, std::string* out) = 0;
  virtual void End(std::string*) {}
};

class RecordReader {
 public:
  virtual ~RecordReader() = default;
  // The next record; false at the end. A malformed record is InvalidArgument and says where.
  virtual absl::StatusOr<bool> Next(std::string* key, std::string* value) = 0;
};

// "tsv", "csv", "jsonl" and "pairs".
std::vector<std::string> FormatNames();
// The format that the ending of a file name asks for; tsv when it asks for none.
std::string FormatOfPath(std::string_view path);

// `format` is one of FormatNames(); a reader borrows its input.
std::unique_ptr<RecordWriter> NewRecordWriter(std::string_view format);
std::unique_ptr<RecordReader> NewRecordReader(std::string_view format, Input& input);

// The factories behind them, one file per format.
std::unique_ptr<RecordWriter> NewTsvWriter();
std::unique_ptr<RecordReader> NewTsvReader(Input& input);
std::unique_ptr<RecordWriter> NewCsvWriter();
std::unique_ptr<RecordReader> NewCsvReader(Input& input);
std::unique_ptr<RecordWriter> NewJsonlWriter();
std::unique_ptr<RecordReader> NewJsonlReader(Input& input);
std::unique_ptr<RecordWriter> NewPairsWriter();
std::unique_ptr<RecordReader> NewPairsReader(Input& input);

}  // namespace moraine::cli

#endif  // MORAINE_TOOLS_CLI_RECORD_FORMAT_H_
