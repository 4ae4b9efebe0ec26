// Whoever waits for the reads of before waits for all of them, in every interleaving.
#include "storage/segments/read_leases.h"

#include <cstdint>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/schedule.h"
#include "tests/support/seeds.h"

namespace moraine {
namespace {

TEST(ReadLeasesTest, DrainedOnlyWithoutOlderLeases) {
  ReadLeases<> leases;
  EXPECT_TRUE(leases.Drained());
  const uint32_t first = leases.Begin();
  leases.Flip();
  EXPECT_FALSE(leases.Drained());
  const uint32_t second = leases.Begin();
  leases.End(first);
  EXPECT_TRUE(leases.Drained());  // the second began later
  leases.Flip();
  EXPECT_FALSE(leases.Drained());
  leases.End(second);
  EXPECT_TRUE(leases.Drained());
}

// Readers look at a slot that says which of two cells is in use; the owner changes the slot, waits
// for the leases of before and then spoils the old cell. A reader must never see a spoilt one.
TEST(ReadLeasesTest, NoReaderSeesWhatWasUsedAgain) {
  ReadLeases<> leases;
  Atomic<uint32_t> slot{0};
  Atomic<uint32_t> cells[2];
  // order: relaxed: before the threads begin
  cells[0].store(1, std::memory_order_relaxed);
  Atomic<uint32_t> stop{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&] {
      // order: relaxed: ends the test
      while (stop.load(std::memory_order_relaxed) == 0) {
        const uint32_t parity = leases.Begin();
        // order: acquire <- ReadLeasesTest::Slot
        const uint32_t cell = slot.load(std::memory_order_acquire);
        for (int look = 0; look < 50; ++look) {
          // order: relaxed: a spoilt cell would be seen sooner or later
          ASSERT_EQ(cells[cell].load(std::memory_order_relaxed), 1);
        }
        leases.End(parity);
      }
    });
  }
  for (uint64_t round = 0; round < 100 / kSanitizerSlowdown; ++round) {
    // order: relaxed: only this thread writes it
    const uint32_t old = slot.load(std::memory_order_relaxed);
    // order: relaxed: published by the slot
    cells[1 - old].store(1, std::memory_order_relaxed);
    // order: release -> ReadLeasesTest::Slot
    slot.store(1 - old, std::memory_order_release);
    leases.AfterUnlinking();
    while (!leases.Drained()) std::this_thread::yield();
    leases.Flip();
    while (!leases.Drained()) std::this_thread::yield();
    // order: relaxed: nobody looks at it any more
    cells[old].store(0, std::memory_order_relaxed);
  }
  // order: relaxed: ends the test
  stop.store(1, std::memory_order_relaxed);
  for (std::thread& reader : readers) reader.join();
}

// Two readers look at the cell in use; the owner takes cells out of use in turn, and uses each again
// when the store would.
class World {
 public:
  static constexpr uint32_t kCells = 5;

  void Read() {
    for (int visit = 0; visit < 2; ++visit) {
      const uint32_t parity = leases_.Begin();
      // order: acquire <- ReadLeasesWorld::Slot
      const uint32_t cell = slot_.load(std::memory_order_acquire);
      for (int look = 0; look < 3; ++look) {
        // order: relaxed: a switch point between two looks
        tick_.load(std::memory_order_relaxed);
        seen_reused_ |= reused_[cell];
      }
      leases_.End(parity);
    }
  }

  void Own() {
    uint32_t first_flipped = 0;  // cells for which the parity was flipped begin here
    uint32_t end_flipped = 0;
    for (uint32_t next = 1; next < kCells; ++next) {
      // order: release -> ReadLeasesWorld::Slot
      slot_.store(next, std::memory_order_release);
      leases_.AfterUnlinking();
      for (int step = 0; step < 2 && leases_.Drained(); ++step) {
        for (; first_flipped < end_flipped; ++first_flipped) reused_[first_flipped] = true;
        end_flipped = next;
        if (first_flipped == end_flipped) break;
        leases_.Flip();
      }
    }
  }

  bool seen_reused() const { return seen_reused_; }
  bool reused_any() const { return reused_[0]; }

 private:
  ReadLeases<HookedPolicy> leases_;
  HookedPolicy::Atomic<uint32_t> slot_{0};
  HookedPolicy::Atomic<uint32_t> tick_{0};
  bool reused_[kCells] = {};
  bool seen_reused_ = false;
};

TEST(ReadLeasesScheduleTest, NoInterleavingShowsWhatWasUsedAgain) {
  uint64_t reused = 0;
  const uint64_t rounds = TestFlag("rounds", 600) / kSanitizerSlowdown;
  for (uint64_t round = 0; round < rounds; ++round) {
    World world;
    Schedule::Options options;
    options.seed = Random::Derive(TestSeed(), round);
    options.strategy = round % 2 == 0 ? Schedule::Strategy::kPct : Schedule::Strategy::kUniform;
    options.depth = 2 + static_cast<uint32_t>(round / 2 % 4);
    Schedule schedule(options);
    schedule.Run({[&] { world.Read(); }, [&] { world.Read(); }, [&] { world.Own(); }});
    ASSERT_FALSE(world.seen_reused()) << "round " << round;
    reused += world.reused_any() ? 1 : 0;
  }
  EXPECT_GT(reused, rounds / 10);
}

}  // namespace
}  // namespace moraine
