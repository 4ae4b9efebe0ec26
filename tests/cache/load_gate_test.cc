// One thread loads, the others wait for its result.
#include "storage/cache/load_gate.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "storage/sync/atomic.h"
#include "tests/support/seeds.h"

namespace moraine {
namespace {

TEST(LoadGateTest, TheSecondOneIsTurnedAwayUntilTheFirstHasFinished) {
  LoadGate gate;
  EXPECT_TRUE(gate.TryBegin(PageId(1)));
  EXPECT_FALSE(gate.TryBegin(PageId(1)));
  EXPECT_TRUE(gate.TryBegin(PageId(1 + 64))) << "another page of the same shard";
  gate.Finish(PageId(1), absl::OkStatus());
  EXPECT_TRUE(gate.TryBegin(PageId(1)));
  gate.Finish(PageId(1), absl::OkStatus());
  gate.Finish(PageId(65), absl::OkStatus());
  EXPECT_EQ(gate.Wait(PageId(1)), absl::OkStatus());
}

TEST(LoadGateTest, WaitersGetTheStatusOfTheLoadTheyWaitedFor) {
  for (int round = 0; round < 50; ++round) {
    LoadGate gate;
    ASSERT_TRUE(gate.TryBegin(PageId(9)));
    Atomic<uint32_t> turned_away{0};
    Atomic<uint32_t> lost{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        EXPECT_FALSE(gate.TryBegin(PageId(9)));
        // order: relaxed: a count
        turned_away.fetch_add(1, std::memory_order_relaxed);
        // Too late to wait is no error: then there is nothing to wait for.
        absl::Status status = gate.Wait(PageId(9));
        // order: relaxed: a count
        if (absl::IsDataLoss(status)) lost.fetch_add(1, std::memory_order_relaxed);
      });
    }
    // order: relaxed: a count
    while (turned_away.load(std::memory_order_relaxed) < 3) std::this_thread::yield();
    if (round % 2 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    gate.Finish(PageId(9), absl::DataLossError("damaged"));
    for (std::thread& thread : threads) thread.join();
    // order: relaxed: after the threads
    EXPECT_LE(lost.load(std::memory_order_relaxed), 3u);
    EXPECT_TRUE(gate.TryBegin(PageId(9)));
    gate.Finish(PageId(9), absl::OkStatus());
  }
}

TEST(LoadGateTest, NobodyLoadsAPageTwiceAtOnce) {
  LoadGate gate;
  constexpr uint32_t kPages = 5;
  std::vector<uint32_t> loading(kPages);  // plain: the gate is what keeps threads apart
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Random random(Random::Derive(TestSeed(), t));
      for (int i = 0; i < 3000; ++i) {
        PageId page(1 + static_cast<uint32_t>(random.Below(kPages)));
        if (gate.TryBegin(page)) {
          EXPECT_EQ(++loading[page.value() - 1], 1u);
          if (random.OneIn(8)) std::this_thread::yield();
          --loading[page.value() - 1];
          gate.Finish(page, absl::OkStatus());
        } else {
          EXPECT_EQ(gate.Wait(page), absl::OkStatus());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace moraine
