// export: write all records of a tree, as of one instant, to a file or standard output.
#include <unistd.h>

#include <memory>
#include <optional>

#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "storage/base/status_macros.h"
#include "tools/cli/command.h"
#include "tools/cli/progress.h"
#include "tools/cli/record_format.h"

namespace moraine::cli {
namespace {

struct ExportArguments {
  std::string file = "-";
  std::string format;  // empty: by the file's ending
};

// Returns how many records were written.
absl::StatusOr<uint64_t> WriteAll(Session& session, RecordWriter& writer, Output& output) {
  uint64_t total = 0;
  if (IsTerminal(STDERR_FILENO)) {
    MORAINE_ASSIGN_OR_RETURN(const Stats stats, session.database().Stats());
    total = stats.records;
  }
  Progress progress("exporting", total);
  uint64_t records = 0;
  std::string text;
  writer.Begin(&text);
  Scan scan = session.database().Scan(session.tree());
  for (const Entry entry : scan) {
    writer.Write(session.Shown(entry.key), session.Shown(entry.value), &text);
    output.Write(text);
    text.clear();
    ++records;
    progress.Update(records, records);
    if (output.closed()) break;
  }
  if (!scan.status().ok()) return scan.status();
  writer.End(&text);
  output.Write(text);
  MORAINE_RETURN_IF_ERROR(output.Flush());
  return records;
}

absl::StatusOr<int> Export(Session& session, const ExportArguments& arguments) {
  MORAINE_RETURN_IF_ERROR(session.Open(Access::kRead));
  const std::string format =
      arguments.format.empty() ? FormatOfPath(arguments.file) : arguments.format;
  const std::unique_ptr<RecordWriter> writer = NewRecordWriter(format);
  if (arguments.file == "-") {
    // The records are the output: no summary may follow them.
    MORAINE_RETURN_IF_ERROR(WriteAll(session, *writer, session.output()).status());
    return kExitOk;
  }
  MORAINE_ASSIGN_OR_RETURN(OutputFile file, OutputFile::Create(arguments.file));
  Output output(file.descriptor(), arguments.file);
  MORAINE_ASSIGN_OR_RETURN(const uint64_t records, WriteAll(session, *writer, output));
  MORAINE_RETURN_IF_ERROR(file.Commit());
  session.PrintResult({{"records", records}, {"file", arguments.file}, {"format", format}},
                      fmt::format("exported {} records to {}", records, arguments.file));
  return kExitOk;
}

}  // namespace

void AddExport(CommandLine& line) {
  auto arguments = std::make_shared<ExportArguments>();
  line.Add("export", "Write all records of a tree to a file")
      .Text("file", &arguments->file, "the file, or - for standard output")
      .Text("--format", &arguments->format, "how records are written; by the file's ending",
            FormatNames())
      .OnUse([arguments](Session& session) { return Export(session, *arguments); });
}

}  // namespace moraine::cli
