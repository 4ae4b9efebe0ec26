// Checks the doubling of the pauses and the point at which a bounded wait gives up.
#include "storage/sync/backoff.h"

#include "gtest/gtest.h"

namespace moraine {
namespace {

uint64_t pauses = 0;

struct CountingPolicy {
  static void Pause() { ++pauses; }
};

TEST(BackoffTest, PausesDoubleUpTo64ThenYield) {
  Backoff<CountingPolicy> backoff;
  for (uint64_t wanted : {1, 2, 4, 8, 16, 32, 64}) {
    EXPECT_FALSE(backoff.Exhausted());
    pauses = 0;
    backoff.Wait();
    EXPECT_EQ(pauses, wanted);
  }
  EXPECT_TRUE(backoff.Exhausted());
  for (int i = 0; i < 3; ++i) {
    pauses = 0;
    backoff.Wait();
    EXPECT_EQ(pauses, 1u);
    EXPECT_TRUE(backoff.Exhausted());
  }
}

}  // namespace
}  // namespace moraine
