// Edges of lists, of sessions and of time.
//
// An element that took effect and that nobody read came after all that were read: lists only grow.
// So whoever read the longest list missed all such elements. With r readers and w writers that
// would be r * w edges; one node between them stands for all. A transaction that is on both sides
// would reach itself through it and gets edges of its own: two of them have lost an update, so a
// few are enough for the verdict.
#include "tools/history/dependencies.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace moraine::history {
namespace {

constexpr size_t kMostDirect = 4;

class Drawing {
 public:
  Drawing(const History& history, const VersionOrders& orders)
      : history_(history),
        orders_(orders),
        graph_(static_cast<uint32_t>(history.transactions().size())),
        unread_(history.key_count()) {
    for (uint32_t index = 0; index < orders_.appends().size(); ++index) {
      const AppendOfTransaction& append = orders_.appends()[index];
      if (append.position == kNone && orders_.TookEffect(append.transaction))
        unread_[append.key].push_back(index);
    }
  }

  void DrawKey(uint32_t key) {
    DrawOrder(key);
    for (const ExternalRead& read : orders_.reads()[key]) {
      if (read.compatible) DrawRead(key, read);
    }
    DrawUnread(key);
  }

  void DrawSessions() {
    std::vector<uint32_t> last(history_.session_count(), kNone);
    for (uint32_t index = 0; index < history_.transactions().size(); ++index) {
      const Transaction& transaction = history_.transactions()[index];
      if (transaction.session == kNone || transaction.outcome != Outcome::kCommitted) continue;
      uint32_t before = std::exchange(last[transaction.session], index);
      if (before != kNone) graph_.AddEdge({before, index, kSession});
    }
  }

  // A chain of nodes along the time: who has ended leads into it, who begins is led to by it. What
  // ends at the instant at which another begins is not before it.
  void DrawTime() {
    std::vector<std::tuple<uint64_t, bool, uint32_t>> events;  // when, whether it ends, who
    for (uint32_t index = 0; index < history_.transactions().size(); ++index) {
      const Transaction& transaction = history_.transactions()[index];
      if (!orders_.TookEffect(index)) continue;
      if (transaction.begin) events.emplace_back(*transaction.begin, false, index);
      // An unknown outcome may have come to be at any later time.
      if (transaction.end && transaction.outcome == Outcome::kCommitted)
        events.emplace_back(*transaction.end, true, index);
    }
    std::sort(events.begin(), events.end());
    uint32_t now = kNone;
    bool after_end = false;
    for (const auto& [time, ends, index] : events) {
      if (ends && !after_end) {
        uint32_t next = graph_.AddNode();
        if (now != kNone) graph_.AddEdge({now, next, kPass});
        now = next;
      }
      after_end = ends;
      if (ends) {
        graph_.AddEdge({index, now, kRealTime});
      } else if (now != kNone) {
        graph_.AddEdge({now, index, kPass});
      }
    }
  }

  Graph Finish() {
    graph_.Finish();
    return std::move(graph_);
  }

 private:
  const AppendOfTransaction& AppendAt(uint32_t append) const { return orders_.appends()[append]; }
  bool Counts(uint32_t append) const {
    return append != kNone && orders_.TookEffect(AppendAt(append).transaction);
  }

  void DrawOrder(uint32_t key) {
    uint32_t before = kNone;
    for (uint32_t append : orders_.orders()[key]) {
      if (!Counts(append)) continue;
      if (before != kNone && AppendAt(before).transaction != AppendAt(append).transaction) {
        graph_.AddEdge({AppendAt(before).transaction, AppendAt(append).transaction, kWriteWrite,
                        key, before, append});
      }
      before = append;
    }
  }

  EdgeMask MissingKind(const ExternalRead& read) const {
    if (history_.transactions()[read.transaction].snapshot_only) return kReadWriteSnapshot;
    return read.by_range ? kReadWriteRange : kReadWrite;
  }

  void DrawRead(uint32_t key, const ExternalRead& read) {
    const std::vector<uint32_t>& order = orders_.orders()[key];
    uint32_t newest = read.seen() > 0 ? order[read.seen() - 1] : kNone;
    if (Counts(newest) && AppendAt(newest).transaction != read.transaction) {
      graph_.AddEdge(
          {AppendAt(newest).transaction, read.transaction, kWriteRead, key, newest, kNone});
    }
    uint32_t next = read.seen();
    while (next < order.size() && !Counts(order[next])) ++next;
    if (next == order.size()) return;
    // Its own append follows: what comes after that is the business of the order.
    if (AppendAt(order[next]).transaction == read.transaction) return;
    graph_.AddEdge({read.transaction, AppendAt(order[next]).transaction, MissingKind(read), key,
                    newest, order[next]});
  }

  void DrawUnread(uint32_t key) {
    const std::vector<uint32_t>& unread = unread_[key];
    if (unread.empty()) return;
    std::vector<uint32_t> writers;
    for (uint32_t append : unread) writers.push_back(AppendAt(append).transaction);
    std::ranges::sort(writers);
    const std::vector<uint32_t>& order = orders_.orders()[key];
    size_t end = order.size();
    while (end > 0 && !Counts(order[end - 1])) --end;
    uint32_t newest = end > 0 ? order[end - 1] : kNone;
    uint32_t beyond = graph_.AddNode();
    for (uint32_t append : unread) {
      graph_.AddEdge({beyond, AppendAt(append).transaction, kPass, key, kNone, append});
    }
    size_t direct = 0;
    auto lead = [&](uint32_t from, EdgeMask kind) {
      if (!std::ranges::binary_search(writers, from)) {
        graph_.AddEdge({from, beyond, kind, key, newest, kNone});
      } else if (direct++ < kMostDirect) {
        for (uint32_t append : unread) {
          if (AppendAt(append).transaction == from) continue;
          graph_.AddEdge({from, AppendAt(append).transaction, kind, key, newest, append});
        }
      }
    };
    if (newest != kNone) lead(AppendAt(newest).transaction, kWriteWrite);
    for (const ExternalRead& read : orders_.reads()[key]) {
      bool nothing_after = read.seen() >= end && read.compatible;
      if (nothing_after) lead(read.transaction, MissingKind(read));
    }
  }

  const History& history_;
  const VersionOrders& orders_;
  Graph graph_;
  std::vector<std::vector<uint32_t>> unread_;  // by key: appends that came after all that was read
};

}  // namespace

Graph DrawDependencies(const History& history, const VersionOrders& orders, bool with_time) {
  Drawing drawing(history, orders);
  for (uint32_t key = 0; key < history.key_count(); ++key) drawing.DrawKey(key);
  if (with_time) {
    drawing.DrawSessions();
    drawing.DrawTime();
  }
  return drawing.Finish();
}

}  // namespace moraine::history
