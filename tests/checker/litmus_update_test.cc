// Litmus tests of read-modify-writes: release sequences, chains, compare-and-swap.
#include "gtest/gtest.h"

#include "tests/checker/litmus.h"

namespace moraine::checker {
namespace {

// A read-modify-write by another thread, even relaxed, continues a release sequence.
TEST(LitmusTest, ReleaseSequenceGoesThroughReadModifyWrites) {
  EXPECT_EQ(OutcomesOf([](Execution& execution) {
              Word data, flag;
              int a = 0, b = 0;
              execution.Run({[&] {
                               data.store(1, std::memory_order_relaxed);
                               flag.store(1, std::memory_order_release);
                             },
                             [&] { flag.fetch_add(1, std::memory_order_relaxed); },
                             [&] {
                               a = flag.load(std::memory_order_acquire);
                               b = a == 2 ? data.load(std::memory_order_relaxed) : 9;
                             }});
              execution.Observe(Row(a, b));
            }),
            (Outcomes{"09", "19", "21"}));
}

// Since C++20 a plain store of the same thread does not.
TEST(LitmusTest, ReleaseSequenceEndsAtARelaxedStore) {
  EXPECT_EQ(OutcomesOf([](Execution& execution) {
              Word data, flag;
              int a = 0, b = 0;
              execution.Run({[&] {
                               data.store(1, std::memory_order_relaxed);
                               flag.store(1, std::memory_order_release);
                               flag.store(2, std::memory_order_relaxed);
                             },
                             [&] {
                               a = flag.load(std::memory_order_acquire);
                               b = a == 2 ? data.load(std::memory_order_relaxed) : 9;
                             }});
              execution.Observe(Row(a, b));
            }),
            (Outcomes{"09", "19", "20", "21"}));
}

TEST(LitmusTest, ReadModifyWritesOfOneWordFormAChain) {
  EXPECT_EQ(OutcomesOf([](Execution& execution) {
              Word x;
              int a = 0, b = 0, c = 0;
              execution.Run({[&] { a = x.fetch_add(1, std::memory_order_relaxed); },
                             [&] { b = x.fetch_add(1, std::memory_order_relaxed); },
                             [&] { c = x.fetch_add(1, std::memory_order_relaxed); }});
              execution.Observe(Row(a, b, c, x.load(std::memory_order_relaxed)));
            }),
            (Outcomes{"0123", "0213", "1023", "1203", "2013", "2103"}));
}

TEST(LitmusTest, NothingComesBetweenAReadModifyWriteAndWhatItRead) {
  // The store is before both additions, after both, or between them.
  EXPECT_EQ(OutcomesOf([](Execution& execution) {
              Word x;
              int a = 0, b = 0;
              execution.Run({[&] { a = x.fetch_add(1, std::memory_order_relaxed); },
                             [&] { b = x.fetch_add(1, std::memory_order_relaxed); },
                             [&] { x.store(5, std::memory_order_relaxed); }});
              execution.Observe(Row(a, b, x.load(std::memory_order_relaxed)));
            }),
            (Outcomes{"015", "056", "105", "506", "567", "657"}));
}

TEST(LitmusTest, OnlyOneSwapOfAValueSucceeds) {
  EXPECT_EQ(
      OutcomesOf([](Execution& execution) {
        Word x;
        int a = 0, b = 0, expected_a = 0, expected_b = 0;
        execution.Run({[&] {
                         a = x.compare_exchange_strong(expected_a, 1, std::memory_order_relaxed,
                                                       std::memory_order_relaxed);
                       },
                       [&] {
                         b = x.compare_exchange_strong(expected_b, 2, std::memory_order_relaxed,
                                                       std::memory_order_relaxed);
                       }});
        execution.Observe(Row(a, b, expected_a, expected_b, x.load(std::memory_order_relaxed)));
      }),
      (Outcomes{"01202", "10011"}));
}

TEST(LitmusTest, AFailedSwapMayReadAnOldValue) {
  EXPECT_EQ(OutcomesOf([](Execution& execution) {
              Word x;
              int swapped = 0, expected = 7;
              execution.Run({[&] {
                               x.store(1, std::memory_order_relaxed);
                               x.store(2, std::memory_order_relaxed);
                             },
                             [&] {
                               swapped =
                                   x.compare_exchange_strong(expected, 9, std::memory_order_acq_rel,
                                                             std::memory_order_acquire);
                             }});
              execution.Observe(Row(swapped, expected));
            }),
            (Outcomes{"00", "01", "02"}));
}

}  // namespace
}  // namespace moraine::checker
