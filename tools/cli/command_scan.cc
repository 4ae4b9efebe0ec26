// scan: print the records of a range, either way.
#include <cstdint>
#include <memory>

#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "storage/base/status_macros.h"
#include "tools/cli/byte_text.h"
#include "tools/cli/command.h"

namespace moraine::cli {
namespace {

struct ScanArguments {
  OptionalText prefix;
  OptionalText from;
  OptionalText to;
  uint64_t limit = UINT64_MAX;
  bool reverse = false;
  bool keys_only = false;
};

absl::StatusOr<Range> RangeOf(const Session& session, const ScanArguments& arguments) {
  if (arguments.prefix.given) {
    MORAINE_ASSIGN_OR_RETURN(const std::string prefix, session.FromArgument(arguments.prefix.text));
    return Prefix(prefix);
  }
  Range range;
  if (arguments.from.given) {
    MORAINE_ASSIGN_OR_RETURN(const std::string from, session.FromArgument(arguments.from.text));
    range.lower = Including(from);
  }
  if (arguments.to.given) {
    MORAINE_ASSIGN_OR_RETURN(const std::string to, session.FromArgument(arguments.to.text));
    range.upper = Excluding(to);
  }
  return range;
}

void PrintEntry(Session& session, const ScanArguments& arguments, const Entry& entry) {
  if (session.options().json) {
    nlohmann::ordered_json line = {{"key", session.ShownJson(entry.key)}};
    if (!arguments.keys_only) line["value"] = session.ShownJson(entry.value);
    session.PrintJson(line);
    return;
  }
  session.output().Write(EscapeLine(session.Shown(entry.key)));
  if (!arguments.keys_only) {
    session.output().Write("\t");
    session.output().Write(EscapeLine(session.Shown(entry.value)));
  }
  session.output().Write("\n");
}

absl::StatusOr<int> RunScan(Session& session, const ScanArguments& arguments) {
  MORAINE_ASSIGN_OR_RETURN(const Range range, RangeOf(session, arguments));
  MORAINE_RETURN_IF_ERROR(session.Open(Access::kRead));
  uint64_t left = arguments.limit;
  Scan scan = session.database().Scan(
      session.tree(), range, arguments.reverse ? Direction::kBackward : Direction::kForward);
  if (left == 0) return kExitOk;
  for (const Entry entry : scan) {
    PrintEntry(session, arguments, entry);
    if (--left == 0 || session.output().closed()) break;
  }
  if (!scan.status().ok()) return scan.status();
  return kExitOk;
}

}  // namespace

void AddScan(CommandLine& line) {
  auto arguments = std::make_shared<ScanArguments>();
  line.Add("scan", "Print the records of a range, key TAB value")
      .Optional("--prefix", &arguments->prefix, "keys that begin with this")
      .Optional("--from", &arguments->from, "first key, included", "--prefix")
      .Optional("--to", &arguments->to, "end of the keys, excluded", "--prefix")
      .Number("--limit", &arguments->limit, "print at most this many")
      .Flag("--reverse", &arguments->reverse, "from the last to the first")
      .Flag("--keys-only", &arguments->keys_only, "leave out the values")
      .OnUse([arguments](Session& session) { return RunScan(session, *arguments); });
}

}  // namespace moraine::cli
