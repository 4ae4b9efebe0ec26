// Slots of live snapshots in a list that only grows.
#include "storage/tree/snapshot_registry.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace moraine {

bool PruneView::Needed(uint64_t ts, uint64_t successor_ts) const {
  if (successor_ts >= horizon) return true;
  auto first_above = std::upper_bound(active.begin(), active.end(), ts);
  return first_above != active.end() && *first_above <= successor_ts;
}

SnapshotRegistry::~SnapshotRegistry() {
  // order: relaxed: no other thread uses a registry being destroyed
  Slot* at = head_.load(std::memory_order_relaxed);
  while (at != nullptr) std::unique_ptr<Slot>(std::exchange(at, at->next));
}

SnapshotRegistry::Slot* SnapshotRegistry::Claim() {
  // order: acquire <- SnapshotRegistry::Claim [R1]
  for (Slot* at = head_.load(std::memory_order_acquire); at != nullptr; at = at->next) {
    uint32_t free = 0;
    // order: acquire <- SnapshotRegistry::Release [R1]
    if (at->claimed.compare_exchange_strong(free, 1, std::memory_order_acquire,
                                            std::memory_order_relaxed)) {
      return at;
    }
  }
  auto fresh = std::make_unique<Slot>();
  // order: relaxed: only the CAS below publishes
  Slot* head = head_.load(std::memory_order_relaxed);
  do {
    fresh->next = head;
    // order: release -> SnapshotRegistry::Claim [R1]
  } while (!head_.compare_exchange_weak(head, fresh.get(), std::memory_order_release,
                                        std::memory_order_relaxed));
  return fresh.release();
}

SnapshotRegistry::Slot* SnapshotRegistry::Take(const Log* log, uint64_t* ts) {
  Slot* slot = Claim();
  // order: relaxed: the fence below orders it before the read of the tail
  slot->ts.store(0, std::memory_order_relaxed);
  // order: seq_cst: either a pruner sees the slot, or its horizon was read before our position [R1]
  DefaultPolicy::Fence(std::memory_order_seq_cst);
  *ts = log != nullptr ? log->Tail().value() : kWithoutLog;
  // order: relaxed: a pruner that still sees 0 only keeps more
  slot->ts.store(*ts, std::memory_order_relaxed);
  return slot;
}

void SnapshotRegistry::Release(Slot* slot) {
  // order: relaxed: a pruner that still sees S only keeps more
  slot->ts.store(kIdle, std::memory_order_relaxed);
  // order: release -> SnapshotRegistry::Release [R1]
  slot->claimed.store(0, std::memory_order_release);
}

void SnapshotRegistry::Read(const Log* log, PruneView* view) const {
  view->active.clear();
  view->horizon = log != nullptr ? log->Tail().value() : kIdle;
  // order: seq_cst: pairs with the fence in Take [R1]
  DefaultPolicy::Fence(std::memory_order_seq_cst);
  // order: acquire <- SnapshotRegistry::Claim [R1]
  for (Slot* at = head_.load(std::memory_order_acquire); at != nullptr; at = at->next) {
    // order: relaxed: the fence above is what orders it
    uint64_t ts = at->ts.load(std::memory_order_relaxed);
    if (ts == 0) view->horizon = 0;
    if (ts != 0 && ts < view->horizon) view->active.push_back(ts);
  }
  std::erase_if(view->active, [view](uint64_t ts) { return ts >= view->horizon; });
  std::sort(view->active.begin(), view->active.end());
}

uint64_t SnapshotRegistry::count() const {
  uint64_t count = 0;
  // order: acquire <- SnapshotRegistry::Claim [R1]
  for (Slot* at = head_.load(std::memory_order_acquire); at != nullptr; at = at->next) {
    // order: relaxed: a statistic
    count += at->ts.load(std::memory_order_relaxed) != kIdle;
  }
  return count;
}

}  // namespace moraine
