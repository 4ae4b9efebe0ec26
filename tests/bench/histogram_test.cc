// Checks that percentiles are within the 3 % that the buckets promise, from nothing to hours.
#include "bench/histogram.h"

#include <limits>

#include "gtest/gtest.h"

namespace moraine::bench {
namespace {

TEST(HistogramTest, NothingRecordedGivesZero) { EXPECT_EQ(Histogram().PercentileNs(0.5), 0); }

TEST(HistogramTest, SmallValuesAreExact) {
  Histogram histogram;
  for (uint64_t value = 0; value < 32; ++value) histogram.Record(value);
  EXPECT_EQ(histogram.PercentileNs(0.5), 15);
  EXPECT_EQ(histogram.PercentileNs(1.0), 31);
}

TEST(HistogramTest, EveryMagnitudeIsWithinThreePercent) {
  for (uint64_t value = 32; value < (uint64_t{1} << 40); value = value * 9 / 8 + 1) {
    Histogram histogram;
    histogram.Record(value);
    const double relative = histogram.PercentileNs(0.5) / static_cast<double>(value);
    EXPECT_GT(relative, 0.97) << value;
    EXPECT_LT(relative, 1.03) << value;
  }
}

TEST(HistogramTest, PercentilesSplitTheRecordedValues) {
  Histogram histogram;
  for (int turn = 0; turn < 990; ++turn) histogram.Record(1000);
  for (int turn = 0; turn < 10; ++turn) histogram.Record(50000);
  EXPECT_NEAR(histogram.PercentileNs(0.5), 1000, 30);
  EXPECT_NEAR(histogram.PercentileNs(0.99), 1000, 30);
  EXPECT_NEAR(histogram.PercentileNs(0.999), 50000, 1500);
}

TEST(HistogramTest, MergeAddsUp) {
  Histogram one;
  Histogram two;
  one.Record(10);
  two.Record(20);
  two.Record(20);
  one.Merge(two);
  EXPECT_EQ(one.count(), 3U);
  EXPECT_EQ(one.PercentileNs(0.5), 20);
}

TEST(HistogramTest, ValueBeyondTheTableIsCountedInTheLastBucket) {
  Histogram histogram;
  histogram.Record(std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(histogram.count(), 1U);
  EXPECT_GT(histogram.PercentileNs(0.5), 1e12);
}

}  // namespace
}  // namespace moraine::bench
