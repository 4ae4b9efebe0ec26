// import: load records from a file or standard input.
#include <chrono>
#include <memory>

#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "storage/base/status_macros.h"
#include "tools/cli/byte_text.h"
#include "tools/cli/command.h"
#include "tools/cli/progress.h"
#include "tools/cli/record_format.h"

namespace moraine::cli {
namespace {

constexpr size_t kBatchRecords = 1000;
constexpr size_t kBatchBytes = size_t{1} << 20;

struct ImportArguments {
  std::string file;
  std::string format;  // empty: by the file's ending
};

// Collects records into batches and counts what is in the database.
class Importer {
 public:
  explicit Importer(Session& session) : session_(session) {}

  absl::Status Add(const std::string& key, const std::string& value) {
    MORAINE_ASSIGN_OR_RETURN(const std::string key_bytes, session_.FromArgument(key));
    MORAINE_ASSIGN_OR_RETURN(const std::string value_bytes, session_.FromArgument(value));
    batch_.Put(session_.tree(), key_bytes, value_bytes);
    if (batch_.size() < kBatchRecords && batch_.size_bytes() < kBatchBytes) return absl::OkStatus();
    return Apply();
  }

  // Makes everything durable.
  absl::Status Finish() {
    MORAINE_RETURN_IF_ERROR(Apply());
    return session_.database().Flush();
  }

  uint64_t records() const { return records_ + batch_.size(); }
  uint64_t bytes() const { return bytes_ + batch_.size_bytes(); }

 private:
  absl::Status Apply() {
    MORAINE_RETURN_IF_ERROR(session_.database().Apply(batch_, Durability::kNone));
    records_ += batch_.size();
    bytes_ += batch_.size_bytes();
    batch_.Clear();
    return absl::OkStatus();
  }

  Session& session_;
  Batch batch_;
  uint64_t records_ = 0;
  uint64_t bytes_ = 0;
};

absl::Status ReadAll(RecordReader& reader, const Input& input, Importer& importer) {
  Progress progress("importing", input.size());
  std::string key;
  std::string value;
  while (true) {
    MORAINE_ASSIGN_OR_RETURN(const bool more, reader.Next(&key, &value));
    if (!more) return absl::OkStatus();
    const absl::Status added = importer.Add(key, value);
    if (!added.ok()) {
      return absl::Status(added.code(), fmt::format("{}: before line {}: {}", input.name(),
                                                    input.line(), std::string(added.message())));
    }
    progress.Update(input.offset(), importer.records());
  }
}

absl::StatusOr<int> Import(Session& session, const ImportArguments& arguments) {
  const auto start = std::chrono::steady_clock::now();
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<Input> input, Input::Open(arguments.file));
  MORAINE_RETURN_IF_ERROR(session.Open(Access::kLoad));
  const std::string format =
      arguments.format.empty() ? FormatOfPath(arguments.file) : arguments.format;
  const std::unique_ptr<RecordReader> reader = NewRecordReader(format, *input);
  Importer importer(session);
  const absl::Status read = ReadAll(*reader, *input, importer);
  // What was read before a bad record is good: it stays, and the message says how much it is.
  MORAINE_RETURN_IF_ERROR(importer.Finish());
  if (!read.ok()) {
    return absl::Status(read.code(), fmt::format("{}; the {} records before it were imported",
                                                 std::string(read.message()), importer.records()));
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  session.PrintResult(
      {{"records", importer.records()}, {"bytes", importer.bytes()}, {"seconds", seconds}},
      fmt::format("imported {} records, {} bytes, in {:.2f} s", importer.records(),
                  importer.bytes(), seconds));
  return kExitOk;
}

}  // namespace

void AddImport(CommandLine& line) {
  auto arguments = std::make_shared<ImportArguments>();
  line.Add("import", "Load records from a file")
      .Required("file", &arguments->file, "the file, or - for standard input")
      .Text("--format", &arguments->format, "how records are written; by the file's ending",
            FormatNames())
      .OnUse([arguments](Session& session) { return Import(session, *arguments); });
}

}  // namespace moraine::cli
