// What litmus tests share: one small program, its set of outcomes, found with sleep sets and without.
#ifndef MORAINE_TESTS_CHECKER_LITMUS_H_
#define MORAINE_TESTS_CHECKER_LITMUS_H_

#include <cstdio>
#include <set>
#include <string>

#include "gtest/gtest.h"

#include "tests/support/checker/checked_policy.h"
#include "tests/support/checker/explore.h"

namespace moraine::checker {

using Word = CheckedPolicy::Atomic<int>;
using Outcomes = std::set<std::string>;

inline void FullFence() { CheckedPolicy::Fence(std::memory_order_seq_cst); }

template <class... Numbers>
std::string Row(Numbers... numbers) {
  std::string text;
  ((text += std::to_string(numbers)), ...);
  return text;
}

// All outcomes, with sleep sets and without.
inline Outcomes OutcomesOf(Scenario scenario) {
  Options options;
  options.collect_graphs = true;
  Result reduced = Explore(options, scenario);
  options.sleep_sets = false;
  Result whole = Explore(options, scenario);
  EXPECT_FALSE(reduced.violation) << *reduced.violation;
  EXPECT_FALSE(whole.violation) << *whole.violation;
  EXPECT_EQ(reduced.outcomes, whole.outcomes);
  EXPECT_EQ(reduced.graphs, whole.graphs);
  EXPECT_LE(reduced.executions, whole.executions);
  std::printf("%llu executions, %llu without sleep sets, %zu graphs\n",
              static_cast<unsigned long long>(reduced.executions),
              static_cast<unsigned long long>(whole.executions), reduced.graphs.size());
  return reduced.outcomes;
}

}  // namespace moraine::checker

#endif  // MORAINE_TESTS_CHECKER_LITMUS_H_
