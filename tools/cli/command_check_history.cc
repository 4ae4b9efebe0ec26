// check-history: whether a history of transactions, of any database, keeps what an isolation level
// promises. Needs no database of ours.
#include <memory>
#include <string>
#include <utility>

#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "storage/base/status_macros.h"
#include "tools/cli/command.h"
#include "tools/cli/input.h"
#include "tools/history/checker.h"
#include "tools/history/history_reader.h"

namespace moraine::cli {
namespace {

constexpr char kDescription[] =
    "Check a history of transactions for isolation anomalies\n\n"
    "FILE has a transaction a line, in JSON, of lists to which unique elements are appended:\n"
    R"(  {"name":"T1","ops":[["read","x",[1]],["append","x",2],["append","y",3]]})"
    "\n"
    R"(  {"name":"T2","session":"a","begin":10,"end":25,"ops":[["scan","x","z",[["x",[1]]]]]})"
    "\n"
    R"(  {"outcome":"aborted","ops":[["append","y",4]]})"
    "\n"
    "Members besides ops may be left out; outcome is committed, aborted or unknown; isolation is\n"
    "snapshot for a transaction that asked for no more. begin and end are whole numbers of one\n"
    "clock and needed for --level strict, as is session, the name of what runs one transaction\n"
    "after another. The exit code is 1 when an anomaly is found that the level forbids.";

struct CheckArguments {
  std::string file;
  std::string level = "serializable";
};

// Lines are numbered by the input; the reader's errors already say which.
absl::StatusOr<history::History> ReadHistory(Input& input) {
  history::HistoryReader reader;
  std::string text;
  for (;;) {
    const uint64_t number = input.line();
    if (!input.NextLine(&text)) break;
    const absl::Status added = reader.AddLine(text, number);
    if (!added.ok())
      return absl::InvalidArgumentError(
          fmt::format("{}: {}", input.name(), std::string(added.message())));
  }
  if (!input.status().ok()) return input.status();
  absl::StatusOr<history::History> finished = reader.Finish();
  if (finished.ok()) return finished;
  return absl::InvalidArgumentError(
      fmt::format("{}: {}", input.name(), std::string(finished.status().message())));
}

bool HasTime(const history::History& history) {
  for (const history::Transaction& transaction : history.transactions()) {
    if (transaction.session != history::kNone || (transaction.begin && transaction.end))
      return true;
  }
  return history.transactions().empty();
}

absl::StatusOr<int> RunCheckHistory(Session& session, const CheckArguments& arguments) {
  MORAINE_ASSIGN_OR_RETURN(const std::unique_ptr<Input> input, Input::Open(arguments.file));
  MORAINE_ASSIGN_OR_RETURN(const history::History read, ReadHistory(*input));
  history::Level level = history::Level::kSerializable;
  if (arguments.level == "snapshot") level = history::Level::kSnapshot;
  if (arguments.level == "strict") level = history::Level::kStrict;
  if (level == history::Level::kStrict && !HasTime(read)) {
    return absl::InvalidArgumentError(fmt::format(
        R"({}: strict needs "begin" and "end", or "session", and no transaction has them)",
        input->name()));
  }
  const history::Report report = history::CheckHistory(read, level);
  if (session.options().json) {
    session.PrintJson(report.Json(read));
  } else {
    session.output().Write(report.Text(read));
  }
  return report.valid() ? kExitOk : kExitNotFound;
}

}  // namespace

void AddCheckHistory(CommandLine& line) {
  auto arguments = std::make_shared<CheckArguments>();
  line.AddPlain("check-history", kDescription)
      .Required("file", &arguments->file, "the history; - is standard input")
      .Text("--level", &arguments->level, "what was promised",
            {"serializable", "snapshot", "strict"})
      .OnUse([arguments](Session& session) { return RunCheckHistory(session, *arguments); });
}

}  // namespace moraine::cli
