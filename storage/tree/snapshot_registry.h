// Purpose: knows which positions of the commit order some snapshot still reads, so that
// consolidation drops every version that none of them needs, however old the oldest is (J. Böttcher
// et al., "Scalable garbage collection for in-memory MVCC systems", VLDB 2019).
// State word: Slot::ts = kIdle | 0 (being taken: pins everything) | S.
// States and transitions: kIdle -> 0 -> S by the taker, S -> kIdle by the releaser. Slots are
//   claimed by one CAS.
// Who may call what: all members: any thread.
// Invariants
//   R1 a pruner that does not see a slot pinned read its horizon H before the taker read S, so
//      S >= H.
//   R2 a version v with successor w may go only if w.ts < H and no seen S has v.ts < S <= w.ts.
// Publication: none beyond the sequentially consistent fences on both sides [R1].
// Reclamation: slots live as long as the registry and are recycled.
// Progress: Take is lock-free (allocates when all slots are in use), Release wait-free, Read
//   wait-free in the number of slots.
// What could go wrong:
//   taker                                pruner
//   reads Tail = 50
//                                        H = 60, sees no slot, prunes the version of 40 under 55
//   stores S = 50; reads the key: 40 is gone
//   Pinning with 0 before reading Tail excludes it.
// Tests that would fail: snapshot_registry_test, engine_snapshot_test, txn_commit.pml SCEN=10.
#ifndef MORAINE_STORAGE_TREE_SNAPSHOT_REGISTRY_H_
#define MORAINE_STORAGE_TREE_SNAPSHOT_REGISTRY_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "storage/log/log.h"
#include "storage/sync/atomic.h"

namespace moraine {

// What a pruner may assume: no snapshot reads a position below `horizon` except those listed.
struct PruneView {
  uint64_t horizon = 0;
  std::vector<uint64_t> active;  // ascending, each below horizon

  // Whether a version with this timestamp must stay although one with `successor_ts` is above it.
  bool Needed(uint64_t ts, uint64_t successor_ts) const;
  // Below this no reader can tell timestamps apart.
  uint64_t Oldest() const { return active.empty() ? horizon : active.front(); }
};

// Positions: whose Tail() is the next position; the log.
template <class Policy, class Positions>
class BasicSnapshotRegistry {
 public:
  struct Slot {
    typename Policy::template Atomic<uint64_t> ts{kIdle};
    typename Policy::template Atomic<uint32_t> claimed{1};
    Slot* next = nullptr;  // immutable once linked
  };

  BasicSnapshotRegistry() = default;
  BasicSnapshotRegistry(const BasicSnapshotRegistry&) = delete;
  BasicSnapshotRegistry& operator=(const BasicSnapshotRegistry&) = delete;
  ~BasicSnapshotRegistry();

  // Registers the current tail of `log` (nullptr: a database that is only read, where everything is
  // visible). The slot is released by Release.
  Slot* Take(const Positions* log, uint64_t* ts);
  void Release(Slot* slot);
  // Fills `view`, reusing its memory. `log` nullptr: recovery, when no snapshot exists.
  void Read(const Positions* log, PruneView* view) const;
  uint64_t count() const;

 private:
  static constexpr uint64_t kIdle = ~uint64_t{0};
  static constexpr uint64_t kWithoutLog = kIdle - 7;
  Slot* Claim();

  alignas(64) typename Policy::template Atomic<Slot*> head_{nullptr};
};
using SnapshotRegistry = BasicSnapshotRegistry<DefaultPolicy, Log>;

template <class Policy, class Positions>
BasicSnapshotRegistry<Policy, Positions>::~BasicSnapshotRegistry() {
  // order: relaxed: no other thread uses a registry being destroyed
  Slot* at = head_.load(std::memory_order_relaxed);
  while (at != nullptr) std::unique_ptr<Slot>(std::exchange(at, at->next));
}

template <class Policy, class Positions>
typename BasicSnapshotRegistry<Policy, Positions>::Slot*
BasicSnapshotRegistry<Policy, Positions>::Claim() {
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

template <class Policy, class Positions>
typename BasicSnapshotRegistry<Policy, Positions>::Slot*
BasicSnapshotRegistry<Policy, Positions>::Take(const Positions* log, uint64_t* ts) {
  Slot* slot = Claim();
  // order: relaxed: the fence below orders it before the read of the tail
  slot->ts.store(0, std::memory_order_relaxed);
  // order: seq_cst: either a pruner sees the slot, or its horizon was read before our position [R1]
  Policy::Fence(std::memory_order_seq_cst);
  *ts = log != nullptr ? log->Tail().value() : kWithoutLog;
  // order: relaxed: a pruner that still sees 0 only keeps more
  slot->ts.store(*ts, std::memory_order_relaxed);
  return slot;
}

template <class Policy, class Positions>
void BasicSnapshotRegistry<Policy, Positions>::Release(Slot* slot) {
  // order: relaxed: a pruner that still sees S only keeps more
  slot->ts.store(kIdle, std::memory_order_relaxed);
  // order: release -> SnapshotRegistry::Release [R1]
  slot->claimed.store(0, std::memory_order_release);
}

template <class Policy, class Positions>
void BasicSnapshotRegistry<Policy, Positions>::Read(const Positions* log, PruneView* view) const {
  view->active.clear();
  view->horizon = log != nullptr ? log->Tail().value() : kIdle;
  // order: seq_cst: pairs with the fence in Take [R1]
  Policy::Fence(std::memory_order_seq_cst);
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

template <class Policy, class Positions>
uint64_t BasicSnapshotRegistry<Policy, Positions>::count() const {
  uint64_t count = 0;
  // order: acquire <- SnapshotRegistry::Claim [R1]
  for (Slot* at = head_.load(std::memory_order_acquire); at != nullptr; at = at->next) {
    // order: relaxed: a statistic
    count += at->ts.load(std::memory_order_relaxed) != kIdle;
  }
  return count;
}

// The engine's own is compiled once.
extern template class BasicSnapshotRegistry<DefaultPolicy, Log>;

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_SNAPSHOT_REGISTRY_H_
