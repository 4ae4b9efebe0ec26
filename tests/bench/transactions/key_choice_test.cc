// Ranks are as frequent as the law says.
#include "bench/transactions/key_choice.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace moraine::bench {
namespace {

TEST(ZipfTableTest, FrequenciesFollowTheLaw) {
  constexpr uint64_t kCount = 1000;
  constexpr uint64_t kDraws = 400'000;
  for (const double skew : {0.5, 0.9, 0.99}) {
    const ZipfTable table(kCount, skew);
    RandomStream random(7);
    std::vector<uint64_t> drawn(kCount);
    for (uint64_t i = 0; i < kDraws; ++i) ++drawn.at(table.Draw(&random));
    double sum = 0;
    for (uint64_t rank = 1; rank <= kCount; ++rank)
      sum += 1 / std::pow(static_cast<double>(rank), skew);
    // The two first ranks are exact; of the others the method is known to be some percent off.
    EXPECT_NEAR(static_cast<double>(drawn[0]) / kDraws, 1 / sum, 0.05 / sum) << skew;
    EXPECT_NEAR(static_cast<double>(drawn[1]) / kDraws, std::pow(0.5, skew) / sum, 0.05 / sum);
    uint64_t first_hundred = 0;
    for (uint64_t rank = 0; rank < 100; ++rank) first_hundred += drawn[rank];
    double expected = 0;
    for (uint64_t rank = 1; rank <= 100; ++rank)
      expected += 1 / std::pow(static_cast<double>(rank), skew) / sum;
    EXPECT_NEAR(static_cast<double>(first_hundred) / kDraws, expected, 0.05) << skew;
  }
}

TEST(ZipfTableTest, WithoutSkewAllRanksAreEquallyFrequent) {
  const ZipfTable table(10, 0);
  RandomStream random(7);
  std::vector<uint64_t> drawn(10);
  for (int i = 0; i < 100'000; ++i) ++drawn.at(table.Draw(&random));
  for (const uint64_t count : drawn) EXPECT_NEAR(static_cast<double>(count), 10'000, 600);
}

TEST(ZipfTableTest, FewRecordsAreNoProblem) {
  for (const uint64_t count : {1, 2, 3}) {
    const ZipfTable table(count, 0.9);
    RandomStream random(7);
    for (int i = 0; i < 1000; ++i) EXPECT_LT(table.Draw(&random), count);
  }
}

}  // namespace
}  // namespace moraine::bench
