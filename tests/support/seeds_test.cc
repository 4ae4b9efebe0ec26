// Checks the generator that every random test hangs on: reproducible, in range, and spread.
#include "tests/support/seeds.h"

#include <filesystem>
#include <fstream>
#include <set>

#include "gtest/gtest.h"

namespace moraine {
namespace {

TEST(SeedsTest, SeedStaysTheSameWithinAProcess) { EXPECT_EQ(TestSeed(), TestSeed()); }

TEST(SeedsTest, MissingFlagYieldsTheDefault) { EXPECT_EQ(TestFlag("no-such-flag", 17), 17u); }

TEST(RandomTest, SameSeedSameNumbers) {
  Random first(7);
  Random second(7);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(first.Next(), second.Next());
}

TEST(RandomTest, NeighbouringSeedsDiffer) {
  std::set<uint64_t> seen;
  for (uint64_t seed = 0; seed < 1000; ++seed) seen.insert(Random(seed).Next());
  EXPECT_EQ(seen.size(), 1000u);
}

TEST(RandomTest, BelowCoversItsRangeAndNothingElse) {
  Random random(TestSeed());
  uint64_t counts[10] = {};
  for (int i = 0; i < 10'000; ++i) ++counts[random.Below(10)];
  for (uint64_t count : counts) {
    EXPECT_GT(count, 800u);
    EXPECT_LT(count, 1200u);
  }
}

TEST(RandomTest, SkewedReachesBothEnds) {
  Random random(TestSeed());
  bool zero = false;
  bool large = false;
  for (int i = 0; i < 10'000; ++i) {
    uint64_t value = random.Skewed(64);
    zero |= value == 0;
    large |= value >> 60 != 0;
  }
  EXPECT_TRUE(zero && large);
}

TEST(SeedsTest, FreshDirectoryIsEmptyAgain) {
  const std::string path = FreshDirectory("seeds_test");
  std::ofstream(path + "/left_over") << "x";
  EXPECT_EQ(FreshDirectory("seeds_test"), path);
  EXPECT_TRUE(std::filesystem::is_empty(path));
}

}  // namespace
}  // namespace moraine
