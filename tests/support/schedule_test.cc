// Checks that schedules replay, let everybody finish, and find planted races of depth two and
// three.
#include "tests/support/schedule.h"

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace moraine {
namespace {

template <class T>
using Word = HookedPolicy::Atomic<T>;

// Two increments by load and store: the last value is 1 when they overlap.
int RacyIncrements(Schedule* schedule) {
  Word<int> counter{0};
  auto increment = [&counter] {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  };
  schedule->Run({increment, increment});
  return counter.load(std::memory_order_relaxed);
}

class ScheduleTest : public testing::TestWithParam<Schedule::Strategy> {
 protected:
  Schedule::Options Options(uint64_t round) const {
    Schedule::Options options;
    options.seed = Random::Derive(TestSeed(), round);
    options.strategy = GetParam();
    options.expected_steps = 8;
    return options;
  }
};

TEST_P(ScheduleTest, FindsALostUpdateAndAlsoRunsWithoutOne) {
  int lost = 0;
  int kept = 0;
  for (uint64_t round = 0; round < 300; ++round) {
    Schedule schedule(Options(round));
    ++(RacyIncrements(&schedule) == 1 ? lost : kept);
  }
  EXPECT_GT(lost, 10);
  EXPECT_GT(kept, 10);
}

TEST_P(ScheduleTest, EqualSeedsGiveEqualTraces) {
  for (uint64_t round = 0; round < 50; ++round) {
    Schedule first(Options(round));
    Schedule second(Options(round));
    EXPECT_EQ(RacyIncrements(&first), RacyIncrements(&second));
    EXPECT_EQ(first.trace(), second.trace());
    EXPECT_EQ(first.steps(), second.steps());
  }
}

TEST_P(ScheduleTest, SeedsReachManyInterleavings) {
  std::set<std::vector<uint8_t>> traces;
  for (uint64_t round = 0; round < 300; ++round) {
    Schedule schedule(Options(round));
    RacyIncrements(&schedule);
    traces.insert(schedule.trace());
  }
  EXPECT_GT(traces.size(), 4u);
}

// A needs to stop between its two loads while B runs whole, then A goes on: three constraints.
TEST_P(ScheduleTest, FindsATornPair) {
  int torn = 0;
  for (uint64_t round = 0; round < 500; ++round) {
    Word<int> left{0};
    Word<int> right{0};
    bool differed = false;
    Schedule schedule(Options(round));
    schedule.Run({[&] {
                    differed = left.load(std::memory_order_relaxed) !=
                               right.load(std::memory_order_relaxed);
                  },
                  [&] {
                    left.store(1, std::memory_order_relaxed);
                    right.store(1, std::memory_order_relaxed);
                  }});
    torn += differed ? 1 : 0;
  }
  EXPECT_GT(torn, 5);
}

TEST_P(ScheduleTest, ASpinningThreadLetsTheOthersRun) {
  for (uint64_t round = 0; round < 100; ++round) {
    Word<int> ready{0};
    Schedule schedule(Options(round));
    schedule.Run({[&] {
                    while (ready.load(std::memory_order_relaxed) == 0) HookedPolicy::Pause();
                  },
                  [&] { ready.store(1, std::memory_order_relaxed); }});
    EXPECT_LT(schedule.steps(), 100u);
  }
}

TEST(AtomicJitterTest, MixesThreadsAndLeavesTheirResultsAlone) {
  Word<int> counter{0};
  const auto count = [&counter](uint64_t seed) {
    AtomicJitter jitter(seed);
    for (int i = 0; i < 2'000; ++i) counter.fetch_add(1, std::memory_order_relaxed);
  };
  std::thread other(count, 1);
  count(2);
  other.join();
  EXPECT_EQ(counter.load(std::memory_order_relaxed), 4'000);
}

INSTANTIATE_TEST_SUITE_P(Strategies, ScheduleTest,
                         testing::Values(Schedule::Strategy::kUniform, Schedule::Strategy::kPct),
                         [](const auto& parameter) {
                           return std::string(
                               parameter.param == Schedule::Strategy::kPct ? "Pct" : "Uniform");
                         });

}  // namespace
}  // namespace moraine
