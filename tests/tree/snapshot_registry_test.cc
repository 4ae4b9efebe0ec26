// Which versions snapshots need, against the definition; and the registry under threads that take,
// release and prune at once.
#include "storage/tree/snapshot_registry.h"

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "storage/sync/atomic.h"
#include "tests/support/schedule.h"
#include "tests/support/seeds.h"
#include "tests/tree/tree_fixture.h"

namespace moraine {
namespace {

// A reader at S sees the version iff it is below S and its successor is not. Readers that may still
// come stand at the horizon or above.
bool NaivelyNeeded(const PruneView& view, uint64_t ts, uint64_t successor_ts) {
  std::vector<uint64_t> readers = view.active;
  for (uint64_t s = view.horizon; s <= std::max(successor_ts, view.horizon); ++s)
    readers.push_back(s);
  return std::any_of(readers.begin(), readers.end(),
                     [&](uint64_t s) { return ts < s && s <= successor_ts; });
}

TEST(PruneViewTest, NeededAgreesWithTheDefinition) {
  Random random(TestSeed());
  for (int round = 0; round < 5000; ++round) {
    PruneView view;
    view.horizon = 1 + random.Below(20);
    for (uint64_t s = 1; s < view.horizon; ++s) {
      if (random.OneIn(4)) view.active.push_back(s);
    }
    EXPECT_EQ(view.Oldest(), view.active.empty() ? view.horizon : view.active.front());
    for (uint64_t ts = 0; ts < 24; ++ts) {
      for (uint64_t successor = ts + 1; successor < 25; ++successor) {
        bool needed = NaivelyNeeded(view, ts, successor);
        // A version at or above the horizon is kept without a look at who reads it.
        if (successor >= view.horizon) needed = true;
        ASSERT_EQ(view.Needed(ts, successor), needed)
            << "horizon " << view.horizon << ", " << ts << " under " << successor;
      }
    }
  }
}

TEST(SnapshotRegistryTest, ReadListsWhatIsTakenAndNotReleased) {
  TreeWorld world;
  std::unique_ptr<Tree> tree = world.NewTree(1);
  SnapshotRegistry& registry = world.snapshots();
  PruneView view;
  registry.Read(&world.log(), &view);
  EXPECT_TRUE(view.active.empty());
  EXPECT_EQ(view.horizon, world.log().Tail().value());
  uint64_t first = 0;
  uint64_t second = 0;
  SnapshotRegistry::Slot* a = registry.Take(&world.log(), &first);
  PutInto(*tree, "a", "1");
  SnapshotRegistry::Slot* b = registry.Take(&world.log(), &second);
  EXPECT_LT(first, second);
  PutInto(*tree, "a", "2");
  registry.Read(&world.log(), &view);
  EXPECT_EQ(view.active, (std::vector<uint64_t>{first, second}));
  EXPECT_EQ(registry.count(), 2u);
  registry.Release(a);
  registry.Read(&world.log(), &view);
  EXPECT_EQ(view.active, std::vector<uint64_t>{second});
  uint64_t third = 0;
  EXPECT_EQ(registry.Take(&world.log(), &third), a) << "slots are recycled";
  registry.Release(a);
  registry.Release(b);
  EXPECT_EQ(registry.count(), 0u);
}

TEST(SnapshotRegistryTest, ASlotThatIsBeingTakenPinsEverything) {
  TreeWorld world;
  uint64_t ts = 0;
  SnapshotRegistry::Slot* slot = world.snapshots().Take(&world.log(), &ts);
  // order: relaxed: one thread
  slot->ts.store(0, std::memory_order_relaxed);
  PruneView view;
  world.snapshots().Read(&world.log(), &view);
  EXPECT_EQ(view.horizon, 0u);
  EXPECT_EQ(view.Oldest(), 0u);
  EXPECT_TRUE(view.Needed(8, 16));
  world.snapshots().Release(slot);
}

TEST(SnapshotRegistryTest, WithoutALogEveryVersionIsVisibleAndOldOnesGo) {
  SnapshotRegistry registry;
  uint64_t ts = 0;
  SnapshotRegistry::Slot* slot = registry.Take(nullptr, &ts);
  EXPECT_GT(ts, uint64_t{1} << 60);
  EXPECT_LT(ts, ReadPoint::kLatest);
  PruneView view;
  registry.Read(nullptr, &view);
  EXPECT_FALSE(view.Needed(8, 16));
  registry.Release(slot);
}

// A snapshot that is held while a view is looked at is in the view or not below its horizon, whether
// it was taken before the view was read, meanwhile or after.
TEST(SnapshotRegistryTest, NoPrunerMissesASnapshotThatIsHeld) {
  TreeWorld world;
  std::unique_ptr<Tree> tree = world.NewTree(1);
  SnapshotRegistry& registry = world.snapshots();
  constexpr size_t kTakers = 2;
  Atomic<uint64_t> held[kTakers];  // what a taker certainly holds; 0: maybe nothing
  Atomic<uint32_t> running{kTakers};
  std::vector<std::thread> threads;
  for (Atomic<uint64_t>& mine : held) {
    uint64_t seed = Random::Derive(TestSeed(), threads.size());
    threads.emplace_back([&, seed] {
      AtomicJitter jitter(seed);  // with --config=check: stops between reading the tail and pinning
      for (uint64_t i = 0; i < 40000 / kSanitizerSlowdown; ++i) {
        uint64_t ts = 0;
        SnapshotRegistry::Slot* slot = registry.Take(&world.log(), &ts);
        // order: seq_cst: this test looks for orders that the registry forgot, it adds none
        mine.store(ts, std::memory_order_seq_cst);
        PutInto(*tree, Numbered(i % 10), "v");
        // order: seq_cst: as above
        mine.store(0, std::memory_order_seq_cst);
        registry.Release(slot);
      }
      // order: relaxed: only ends the test
      running.fetch_sub(1, std::memory_order_relaxed);
    });
  }
  PruneView view;
  uint64_t caught = 0;
  uint64_t missed = 0;
  // order: relaxed: only ends the test
  while (running.load(std::memory_order_relaxed) > 0) {
    registry.Read(&world.log(), &view);
    // Long enough that whoever was taking one meanwhile has it.
    for (int look = 0; look < 400; ++look) {
      // order: seq_cst: as above
      uint64_t ts = held[look % kTakers].load(std::memory_order_seq_cst);
      if (ts == 0) continue;
      ++caught;
      bool kept =
          ts >= view.horizon || std::binary_search(view.active.begin(), view.active.end(), ts);
      missed += !kept;
    }
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(caught, 0u);
  EXPECT_EQ(missed, 0u);
  EXPECT_EQ(registry.count(), 0u);
}

}  // namespace
}  // namespace moraine
