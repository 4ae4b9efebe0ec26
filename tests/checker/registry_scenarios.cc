// Snapshots against pruning (invariants R1 and R2 of snapshot_registry.h).
#include <map>

#include "storage/base/ids.h"
#include "storage/tree/snapshot_registry.h"
#include "tests/checker/ring_memory.h"
#include "tests/checker/scenarios.h"

namespace moraine::checker {
namespace {

class Positions {
 public:
  Lsn Tail() const { return Lsn(ring_.Tail()); }
  uint64_t Reserve() { return ring_.Reserve(kRecord); }

 private:
  CheckedRingMemory<4> memory_;
  CheckedRing<4> ring_{memory_, 64, 0};
};
using Registry = BasicSnapshotRegistry<CheckedPolicy, Positions>;
using Flag = CheckedPolicy::Atomic<uint32_t>;

// A version of a key at `old_ts`, over which a writer commits another. The pruner drops the old one
// when the registry lets it; a snapshot that reads it must still find it.
struct Key {
  uint64_t old_ts = 8;
  Flag pruned;
};

void TakeAndRead(Registry& registry, const Positions& log, Key& key, uint64_t successor_ts) {
  uint64_t snapshot = 0;
  Registry::Slot* slot = registry.Take(&log, &snapshot);
  bool needs_old = key.old_ts < snapshot && snapshot <= successor_ts;
  if (needs_old) MORAINE_REQUIRE(key.pruned.load(std::memory_order_relaxed) == 0);
  registry.Release(slot);
}

void Prune(Registry& registry, const Positions& log, Key& key, uint64_t successor_ts) {
  PruneView view;
  registry.Read(&log, &view);
  if (!view.Needed(key.old_ts, successor_ts)) key.pruned.store(1, std::memory_order_relaxed);
}

// The old version was committed before; the successor is the first record that is reserved.
void OneSnapshot(Execution& execution) {
  Positions log;
  Registry registry;
  Key key;
  constexpr uint64_t kSuccessor = 64;
  execution.Run({[&] { TakeAndRead(registry, log, key, kSuccessor); },
                 [&] {
                   MORAINE_REQUIRE(log.Reserve() == kSuccessor);
                   Prune(registry, log, key, kSuccessor);
                 }});
}

// The pruner must see every one of several snapshots.
void TwoSnapshots(Execution& execution) {
  Positions log;
  Registry registry;
  uint64_t ignored = 0;
  registry.Release(registry.Take(&log, &ignored));
  Key key;
  constexpr uint64_t kSuccessor = 64;
  auto read = [&] { TakeAndRead(registry, log, key, kSuccessor); };
  execution.Run({read, read, [&] {
                   log.Reserve();
                   Prune(registry, log, key, kSuccessor);
                 }});
}

// The slot is there already, and idle, so it is claimed and not made.
void RecycledSlot(Execution& execution) {
  Positions log;
  Registry registry;
  uint64_t ignored = 0;
  registry.Release(registry.Take(&log, &ignored));
  Key key;
  constexpr uint64_t kSuccessor = 64;
  execution.Run({[&] { TakeAndRead(registry, log, key, kSuccessor); },
                 [&] {
                   log.Reserve();
                   Prune(registry, log, key, kSuccessor);
                 }});
}

// A writer commits, a third thread prunes and learns of the successor by an acquiring read.
void WriterAndPruner(Execution& execution) {
  Positions log;
  Registry registry;
  Key key;
  constexpr uint64_t kSuccessor = 64;
  Flag committed;
  execution.Run({[&] { TakeAndRead(registry, log, key, kSuccessor); },
                 [&] {
                   log.Reserve();
                   committed.store(1, std::memory_order_release);
                 },
                 [&] {
                   if (committed.load(std::memory_order_acquire) == 0) return;
                   Prune(registry, log, key, kSuccessor);
                 }});
}

// A slot belongs to one snapshot at a time, with all that its last owner did.
void SlotsAreExclusive(Execution& execution) {
  Positions log;
  Registry registry;
  uint64_t ignored = 0;
  registry.Release(registry.Take(&log, &ignored));
  std::map<Registry::Slot*, Plain<int>> uses;
  auto visit = [&] {
    uint64_t snapshot = 0;
    Registry::Slot* slot = registry.Take(&log, &snapshot);
    Plain<int>& use = uses[slot];
    use.Set(use.Get() + 1);
    registry.Release(slot);
  };
  execution.Run({visit, visit});
  if (execution.any_stopped()) return;
  MORAINE_REQUIRE(registry.count() == 0);
  MORAINE_REQUIRE(uses.count(registry.Take(&log, &ignored)) == 1);
}

// A taken snapshot pins its own position and nothing else.
void SnapshotPinsItsPosition(Execution& execution) {
  Positions log;
  Registry registry;
  uint64_t snapshot = 0;
  execution.Run({[&] { registry.Take(&log, &snapshot); }, [&] { log.Reserve(); }});
  log.Reserve();
  PruneView view;
  registry.Read(&log, &view);
  MORAINE_REQUIRE(view.horizon == 128 && view.active == std::vector<uint64_t>{snapshot});
}

// Slots that were just made are seen whole by whoever walks the list.
void WalkWhileSlotsAreMade(Execution& execution) {
  Positions log;
  Registry registry;
  auto take = [&] {
    uint64_t snapshot = 0;
    registry.Take(&log, &snapshot);
  };
  execution.Run({take, take, [&] { registry.count(); }});
  MORAINE_REQUIRE(registry.count() == 2 || execution.any_stopped());
}

}  // namespace

std::vector<NamedScenario> RegistryScenarios() {
  Options stops;
  stops.most_stops = 1;
  stops.most_own_steps = 40;
  return {{"registry: one snapshot", &OneSnapshot},
          {"registry: two snapshots", &TwoSnapshots},
          {"registry: recycled slot", &RecycledSlot},
          {"registry: writer and pruner", &WriterAndPruner},
          {"registry: slots are exclusive", &SlotsAreExclusive},
          {"registry: a snapshot pins its position", &SnapshotPinsItsPosition},
          {"registry: walk while slots are made", &WalkWhileSlotsAreMade},
          {"registry: lock-free", &SlotsAreExclusive, stops}};
}

}  // namespace moraine::checker
