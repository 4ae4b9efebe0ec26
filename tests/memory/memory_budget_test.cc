// Checks the limit, the reserve beyond it, and that concurrent charges never pass either.
#include "storage/memory/memory_budget.h"

#include <limits>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace moraine {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

TEST(MemoryBudgetTest, OrdinaryChargesStopAtTheLimit) {
  MemoryBudget budget(8 * kMiB);
  EXPECT_TRUE(budget.Charge(8 * kMiB, ChargeKind::kOrdinary));
  EXPECT_FALSE(budget.Charge(1, ChargeKind::kOrdinary));
  EXPECT_TRUE(budget.Charge(0, ChargeKind::kOrdinary));
  EXPECT_EQ(budget.used_bytes(), 8 * kMiB);
  budget.Release(1);
  EXPECT_TRUE(budget.Charge(1, ChargeKind::kOrdinary));
}

TEST(MemoryBudgetTest, ReserveIsAnEighthAndAMebibyte) {
  MemoryBudget budget(8 * kMiB);
  EXPECT_TRUE(budget.Charge(8 * kMiB, ChargeKind::kOrdinary));
  EXPECT_TRUE(budget.Charge(2 * kMiB, ChargeKind::kReserve));
  EXPECT_FALSE(budget.Charge(1, ChargeKind::kReserve));
  EXPECT_FALSE(budget.Charge(0, ChargeKind::kOrdinary)) << "beyond the limit already";
}

TEST(MemoryBudgetTest, HugeChargesAreRefusedWithoutOverflow) {
  MemoryBudget budget(8 * kMiB);
  EXPECT_TRUE(budget.Charge(kMiB, ChargeKind::kOrdinary));
  EXPECT_FALSE(budget.Charge(std::numeric_limits<uint64_t>::max(), ChargeKind::kOrdinary));
  EXPECT_FALSE(budget.Charge(std::numeric_limits<uint64_t>::max(), ChargeKind::kReserve));
  EXPECT_EQ(budget.used_bytes(), kMiB);
}

TEST(MemoryBudgetTest, ConcurrentChargesNeverPassTheLimit) {
  MemoryBudget budget(1000);
  StdPolicy::Atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20'000; ++round) {
        if (!budget.Charge(300, ChargeKind::kOrdinary)) {
          refused.fetch_add(1, std::memory_order_relaxed);
          continue;
        }
        EXPECT_LE(budget.used_bytes(), 1000u);
        budget.Release(300);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(budget.used_bytes(), 0u);
}

}  // namespace
}  // namespace moraine
