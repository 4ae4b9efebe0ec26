// What the checker must report: races, misuse of memory, waits that never end, failed checks of
// shipping code. Each beside a correct twin that it must not report.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/base/check.h"
#include "tests/support/checker/checked_policy.h"
#include "tests/support/checker/explore.h"

namespace moraine::checker {
namespace {

using Word = CheckedPolicy::Atomic<uint64_t>;

std::string ViolationOf(Scenario scenario, Options options = {}) {
  Result result = ExploreAndReport("scenario", options, scenario);
  EXPECT_TRUE(result.complete);
  return result.violation.value_or("none");
}

void PublishPlainData(Execution& execution, std::memory_order store_order,
                      std::memory_order load_order) {
  Plain<int> data;
  Word flag;
  execution.Run({[&] {
                   data.Set(7);
                   flag.store(1, store_order);
                 },
                 [&] {
                   if (flag.load(load_order) == 1) MORAINE_REQUIRE(data.Get() == 7);
                 }});
}

TEST(ViolationsTest, UnorderedPlainAccessesAreARace) {
  EXPECT_EQ(ViolationOf([](Execution& e) {
              PublishPlainData(e, std::memory_order_release, std::memory_order_acquire);
            }),
            "none");
  EXPECT_THAT(ViolationOf([](Execution& e) {
                PublishPlainData(e, std::memory_order_relaxed, std::memory_order_acquire);
              }),
              testing::HasSubstr("data race"));
  EXPECT_THAT(ViolationOf([](Execution& e) {
                PublishPlainData(e, std::memory_order_release, std::memory_order_relaxed);
              }),
              testing::HasSubstr("data race"));
}

TEST(ViolationsTest, AWriteRacesWithAnEarlierRead) {
  EXPECT_THAT(ViolationOf([](Execution& execution) {
                Plain<int> data;
                execution.Run({[&] { data.Get(); }, [&] { data.Set(1); }});
              }),
              testing::HasSubstr("data race"));
}

struct Box {
  Word word{5};
};

void HandOver(Execution& execution, std::memory_order store_order) {
  CheckedPolicy::Atomic<Box*> shared{nullptr};
  execution.Run({[&] { shared.store(New<Box>(), store_order); },
                 [&] {
                   Box* box = shared.load(std::memory_order_acquire);
                   if (box != nullptr) box->word.load(std::memory_order_relaxed);
                 }});
  Delete(shared.load(std::memory_order_relaxed));
}

TEST(ViolationsTest, AWordMayNotBeSeenBeforeItsConstruction) {
  EXPECT_EQ(ViolationOf([](Execution& e) { HandOver(e, std::memory_order_release); }), "none");
  EXPECT_THAT(ViolationOf([](Execution& e) { HandOver(e, std::memory_order_relaxed); }),
              testing::HasSubstr("unconstructed"));
}

TEST(ViolationsTest, UseAfterFree) {
  EXPECT_THAT(
      ViolationOf([](Execution& execution) {
        Box* box = New<Box>();
        execution.Run({[&] { box->word.load(std::memory_order_relaxed); }, [&] { Delete(box); }});
      }),
      testing::HasSubstr("use after free"));
}

TEST(ViolationsTest, DoubleFree) {
  EXPECT_THAT(ViolationOf([](Execution& execution) {
                Box* box = New<Box>();
                Word owner;
                execution.Run({[&] {
                                 if (owner.fetch_add(1, std::memory_order_relaxed) < 2) Delete(box);
                               },
                               [&] {
                                 if (owner.fetch_add(1, std::memory_order_relaxed) < 2) Delete(box);
                               }});
              }),
              testing::AnyOf(testing::HasSubstr("double free"), testing::HasSubstr("race")));
}

TEST(ViolationsTest, Leak) {
  EXPECT_THAT(ViolationOf([](Execution& execution) {
                Word word;
                execution.Run({[&] {
                  word.load(std::memory_order_relaxed);
                  New<Box>();
                }});
              }),
              testing::HasSubstr("never freed"));
}

TEST(ViolationsTest, AWaitThatNobodyEnds) {
  EXPECT_THAT(ViolationOf([](Execution& execution) {
                Word flag;
                execution.Run({[&] {
                                 while (flag.load(std::memory_order_acquire) == 0)
                                   CheckedPolicy::Pause();
                               },
                               [&] { flag.store(0, std::memory_order_release); }});
              }),
              testing::HasSubstr("waits for ever"));
}

TEST(ViolationsTest, AWaitThatEndsIsExploredInFewExecutions) {
  Result result = Explore({}, [](Execution& execution) {
    Word flag;
    Plain<int> data;
    execution.Run({[&] {
                     while (flag.load(std::memory_order_acquire) != 2) CheckedPolicy::Pause();
                     MORAINE_REQUIRE(data.Get() == 1);
                   },
                   [&] {
                     flag.store(1, std::memory_order_relaxed);
                     data.Set(1);
                     flag.store(2, std::memory_order_release);
                   }});
  });
  EXPECT_EQ(result.violation.value_or("none"), "none");
  EXPECT_LE(result.executions, 4u);
}

TEST(ViolationsTest, AWaitThatCountsItsTurnsEnds) {
  EXPECT_EQ(ViolationOf([](Execution& execution) {
              Word flag;
              execution.Run({[&] {
                for (int i = 0; i < 20 && flag.load(std::memory_order_relaxed) == 0; ++i)
                  CheckedPolicy::Pause();
              }});
            }),
            "none");
}

TEST(ViolationsTest, ALoopWithoutProgress) {
  EXPECT_THAT(ViolationOf([](Execution& execution) {
                Word flag;
                execution.Run({[&] {
                  while (flag.load(std::memory_order_acquire) == 0) {
                  }
                }});
              }),
              testing::HasSubstr("does not finish"));
}

TEST(ViolationsTest, AFailedCheckOfTheCode) {
  EXPECT_THAT(ViolationOf([](Execution& execution) {
                Word word;
                execution.Run({[&] { word.store(1, std::memory_order_relaxed); },
                               [&] { MORAINE_CHECK(word.load(std::memory_order_relaxed) == 0); }});
              }),
              testing::HasSubstr("check failed"));
}

TEST(ViolationsTest, AScenarioThatDependsOnSomethingElse) {
  int runs = 0;
  Result result = Explore({}, [&runs](Execution& execution) {
    Word x;
    bool odd = ++runs % 2 == 1;
    execution.Run({[&] { x.store(1, std::memory_order_relaxed); },
                   [&] {
                     if (odd) x.load(std::memory_order_relaxed);
                     x.store(2, std::memory_order_relaxed);
                   }});
  });
  EXPECT_THAT(result.violation.value_or("none"), testing::HasSubstr("depends on something else"));
}

// A lock: whoever holds it may stop for ever, and the others wait for ever.
void TwoLockers(Execution& execution) {
  Word lock;
  Plain<int> data;
  auto add = [&] {
    uint64_t free = 0;
    while (!lock.compare_exchange_strong(free, 1, std::memory_order_acquire,
                                         std::memory_order_relaxed)) {
      free = 0;
      CheckedPolicy::Pause();
    }
    data.Set(data.Get() + 1);
    lock.store(0, std::memory_order_release);
  };
  execution.Run({add, add});
  if (!execution.any_stopped()) MORAINE_REQUIRE(data.Get() == 2);
}

TEST(ViolationsTest, ALockIsCorrectButNotLockFree) {
  EXPECT_EQ(ViolationOf(TwoLockers), "none");
  Options options;
  options.most_stops = 1;
  EXPECT_THAT(ViolationOf(TwoLockers, options), testing::HasSubstr("not lock-free"));
}

TEST(ViolationsTest, ACasLoopIsLockFree) {
  Options options;
  options.most_stops = 1;
  options.most_own_steps = 8;
  EXPECT_EQ(ViolationOf(
                [](Execution& execution) {
                  Word count;
                  auto add = [&] {
                    uint64_t seen = count.load(std::memory_order_relaxed);
                    while (!count.compare_exchange_strong(seen, seen + 1, std::memory_order_relaxed,
                                                          std::memory_order_relaxed)) {
                    }
                  };
                  execution.Run({add, add, add});
                },
                options),
            "none");
}

TEST(ViolationsTest, AWeakSwapMayFailForNoReason) {
  auto scenario = [](Execution& execution) {
    Word word;
    execution.Run({[&] {
      uint64_t expected = 0;
      MORAINE_REQUIRE(word.compare_exchange_weak(expected, 1, std::memory_order_relaxed,
                                                 std::memory_order_relaxed));
    }});
  };
  EXPECT_EQ(ViolationOf(scenario), "none");
  Options options;
  options.spurious_failures = 1;
  EXPECT_THAT(ViolationOf(scenario, options), testing::HasSubstr("required"));
}

}  // namespace
}  // namespace moraine::checker
