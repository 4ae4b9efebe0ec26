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

#include <cstdint>
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

class SnapshotRegistry {
 public:
  struct Slot {
    Atomic<uint64_t> ts{kIdle};
    Atomic<uint32_t> claimed{1};
    Slot* next = nullptr;  // immutable once linked
  };

  SnapshotRegistry() = default;
  SnapshotRegistry(const SnapshotRegistry&) = delete;
  SnapshotRegistry& operator=(const SnapshotRegistry&) = delete;
  ~SnapshotRegistry();

  // Registers the current tail of `log` (nullptr: a database that is only read, where everything is
  // visible). The slot is released by Release.
  Slot* Take(const Log* log, uint64_t* ts);
  void Release(Slot* slot);
  // Fills `view`, reusing its memory. `log` nullptr: recovery, when no snapshot exists.
  void Read(const Log* log, PruneView* view) const;
  uint64_t count() const;

 private:
  static constexpr uint64_t kIdle = ~uint64_t{0};
  static constexpr uint64_t kWithoutLog = kIdle - 7;
  Slot* Claim();

  alignas(64) Atomic<Slot*> head_{nullptr};
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_SNAPSHOT_REGISTRY_H_
