// A failure repeats from its record of choices, shrinks to what matters, and reads as columns.
#include <algorithm>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/support/checker/checked_policy.h"
#include "tests/support/checker/explore.h"

namespace moraine::checker {
namespace {

// The third thread and most of the steps have nothing to do with the failure.
void Noisy(Execution& execution) {
  CheckedPolicy::Atomic<uint64_t> data, flag, noise;
  data.Name("data");
  flag.Name("flag");
  execution.Run({[&] {
                   noise.fetch_add(1, std::memory_order_relaxed);
                   data.store(1, std::memory_order_relaxed);
                   flag.store(1, std::memory_order_release);
                   noise.fetch_add(1, std::memory_order_relaxed);
                 },
                 [&] {
                   noise.fetch_add(1, std::memory_order_relaxed);
                   if (flag.load(std::memory_order_relaxed) == 1)
                     MORAINE_REQUIRE(data.load(std::memory_order_relaxed) == 1);
                 },
                 [&] { noise.fetch_add(1, std::memory_order_relaxed); }});
}

TEST(ShrinkTest, AFailureRepeatsFromItsRecord) {
  Result result = Explore({}, Noisy);
  ASSERT_TRUE(result.violation);
  for (int i = 0; i < 3; ++i) {
    Replayed replayed = Replay({}, Noisy, result.choices);
    EXPECT_EQ(replayed.end, End::kViolation);
    EXPECT_EQ(replayed.message, *result.violation);
  }
}

TEST(ShrinkTest, TheSmallestFailureHasOneStaleReadAndNoInterruption) {
  Result result = Explore({}, Noisy);
  Replayed shrunk = Shrink({}, Noisy, result.choices);
  EXPECT_EQ(shrunk.end, End::kViolation);
  // One store to wait for, in whichever order the threads come, and one read behind it.
  EXPECT_LE(std::count_if(shrunk.choices.begin(), shrunk.choices.end(),
                          [](const Choice& c) { return c.value != Choice::kDefault; }),
            2);
  EXPECT_EQ(Replay({}, Noisy, shrunk.choices).message, shrunk.message);
}

TEST(ShrinkTest, ColumnsNameWordsPlacesAndStaleReads) {
  Result result = Explore({}, Noisy);
  std::string text = Columns(Shrink({}, Noisy, result.choices));
  std::printf("%s", text.c_str());
  EXPECT_THAT(text, testing::HasSubstr("T1"));
  EXPECT_THAT(text, testing::HasSubstr("T2"));
  EXPECT_THAT(text, testing::HasSubstr("store data = 1"));
  EXPECT_THAT(text, testing::HasSubstr("load data -> 0, 1 behind"));
  EXPECT_THAT(text, testing::HasSubstr("shrink_test.cc:"));
  EXPECT_THAT(text, testing::HasSubstr("=> required: data.load(std::memory_order_relaxed) == 1"));
}

TEST(ShrinkTest, RandomChoicesFindTheFailureToo) {
  Options options;
  options.random_executions = 2'000;
  options.seed = 42;
  Result first = Explore(options, Noisy);
  Result second = Explore(options, Noisy);
  ASSERT_TRUE(first.violation);
  EXPECT_EQ(first.executions, second.executions) << "equal seeds give equal runs";
}

}  // namespace
}  // namespace moraine::checker
