// Pages of one kind share a stream; pages of different kinds do not.
// Flags: --seed=N.
#include "storage/temperature.h"

#include <cmath>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"

namespace moraine {
namespace {

uint64_t Exponential(Random& random, double mean) {
  const double part = (1 + static_cast<double>(random.Below(1'000'000))) / 1'000'001;
  return 1 + static_cast<uint64_t>(-mean * std::log(part));
}

TEST(TemperatureTest, NothingIsKnownAtFirst) {
  Temperature temperature;
  EXPECT_EQ(temperature.StreamFor(0), Stream::kWarm);
  EXPECT_EQ(temperature.StreamFor(1), Stream::kWarm);
  for (int i = 0; i < 100'000; ++i) temperature.Observe(0);
  EXPECT_EQ(temperature.StreamFor(1), Stream::kWarm);
}

TEST(TemperatureTest, UniformWritesCollapse) {
  Random random(TestSeed());
  Temperature temperature;
  for (int i = 0; i < 20'000; ++i) {
    const uint64_t interval = Exponential(random, 1e8);
    temperature.Observe(interval);
    EXPECT_EQ(temperature.StreamFor(interval), Stream::kWarm) << i;
  }
}

TEST(TemperatureTest, SkewedWritesAreToldApart) {
  Random random(TestSeed());
  Temperature temperature;
  for (int i = 0; i < 20'000; ++i)
    temperature.Observe(Exponential(random, random.OneIn(2) ? 1e5 : 1e9));
  EXPECT_EQ(temperature.StreamFor(1'000), Stream::kHot);
  EXPECT_EQ(temperature.StreamFor(uint64_t{1} << 40), Stream::kCold);
  EXPECT_EQ(temperature.StreamFor(0), Stream::kWarm);
}

TEST(TemperatureTest, OldObservationsFade) {
  Random random(TestSeed());
  Temperature temperature;
  for (int i = 0; i < 20'000; ++i)
    temperature.Observe(Exponential(random, random.OneIn(2) ? 1e5 : 1e9));
  for (int i = 0; i < 40'000; ++i) temperature.Observe(Exponential(random, 1e7));
  EXPECT_EQ(temperature.StreamFor(10'000'000), Stream::kWarm);
  EXPECT_EQ(temperature.StreamFor(1'000), Stream::kWarm);
}

}  // namespace
}  // namespace moraine
