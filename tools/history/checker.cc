// Orders, graph, cycles, and the words for each step of a cycle.
#include "tools/history/checker.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "tools/history/cycles.h"
#include "tools/history/dependencies.h"
#include "tools/history/version_orders.h"

namespace moraine::history {
namespace {

class Explanation {
 public:
  Explanation(const History& history, const VersionOrders& orders)
      : history_(history), orders_(orders) {}

  Example Of(const Cycle& cycle) const {
    Example example;
    std::string path;
    for (const Dependency& dependency : cycle.dependencies) {
      example.transactions.push_back(dependency.from);
      absl::StrAppend(&path, history_.NameOf(dependency.from), " ", Sign(dependency.kind), "> ");
    }
    example.lines.push_back(path + history_.NameOf(cycle.dependencies.front().from));
    for (const Dependency& dependency : cycle.dependencies)
      example.lines.push_back(Sentence(dependency));
    return example;
  }

 private:
  static std::string Sign(EdgeMask kind) {
    switch (kind) {
      case kWriteWrite:
        return "-ww-";
      case kWriteRead:
        return "-wr-";
      case kSession:
        return "-session-";
      case kRealTime:
        return "-time-";
      default:
        return "-rw-";
    }
  }

  std::string ElementOf(uint32_t append) const {
    return append == kNone ? "nothing" : history_.ElementText(orders_.appends()[append].element);
  }

  std::string Sentence(const Dependency& dependency) const {
    std::string from = history_.NameOf(dependency.from);
    std::string to = history_.NameOf(dependency.to);
    const Transaction& first = history_.transactions()[dependency.from];
    const Transaction& second = history_.transactions()[dependency.to];
    if (dependency.kind == kSession)
      return absl::StrCat(from, " came before ", to, " in session ",
                          history_.SessionName(first.session));
    if (dependency.kind == kRealTime)
      return absl::StrCat(from, " had ended at ", *first.end, " when ", to, " began at ",
                          *second.begin);
    const std::string& key = history_.KeyName(dependency.key);
    std::string before = ElementOf(dependency.before);
    std::string after = ElementOf(dependency.after);
    if (dependency.kind == kWriteWrite)
      return absl::StrCat(from, " appended ", before, " to ", key, ", then ", to, " appended ",
                          after);
    if (dependency.kind == kWriteRead)
      return absl::StrCat(from, " appended ", before, " to ", key, ", which ", to, " read");
    if (dependency.kind == kReadWriteRange)
      return absl::StrCat(from, " scanned and did not find ", key, ", to which ", to, " appended ",
                          after);
    return absl::StrCat(from, " read ", key,
                        dependency.before == kNone ? " as empty" : " up to " + before, ", without ",
                        after, ", which ", to, " appended");
  }

  const History& history_;
  const VersionOrders& orders_;
};

}  // namespace

Report CheckHistory(const History& history, Level level) {
  Report report(level);
  VersionOrders orders(history, &report);
  Graph graph = DrawDependencies(history, orders, level == Level::kStrict);
  CycleSearch search = FindCycles(graph);
  Explanation explanation(history, orders);
  for (const Cycle& cycle : search.cycles) report.Add(cycle.name, explanation.Of(cycle));
  report.set_complete(search.complete);
  return report;
}

}  // namespace moraine::history
