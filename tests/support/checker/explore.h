// Explores a scenario: runs it once for every way in which its choices can go, or until one of them
// violates what it requires; then shrinks that one and prints it.
//
//   Result result = Explore({}, [](Execution& execution) {
//     CheckedPolicy::Atomic<int> flag{0};
//     Plain<int> data;
//     execution.Run({[&] { data.Set(1); flag.store(1, std::memory_order_release); },
//                    [&] { if (flag.load(std::memory_order_acquire)) MORAINE_REQUIRE(data.Get()); }});
//   });
//
// A scenario builds its state, calls Run once, and judges the end. It must depend on nothing but
// its choices.
#ifndef MORAINE_TESTS_SUPPORT_CHECKER_EXPLORE_H_
#define MORAINE_TESTS_SUPPORT_CHECKER_EXPLORE_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"

#include "tests/support/checker/execution.h"

namespace moraine::checker {

using Scenario = absl::FunctionRef<void(Execution&)>;

Result Explore(const Options& options, Scenario scenario, OpenValues* open_values = nullptr);

// Explores, prints one line with what it cost, and, if it failed, the shrunken failure.
Result ExploreAndReport(std::string_view name, const Options& options, Scenario scenario,
                        OpenValues* open_values = nullptr);

struct Replayed {
  End end = End::kOpen;
  std::string message;
  std::vector<Choice> choices;  // with defaults where the tamest was taken
  std::vector<Event> events;
  size_t thread_count = 0;
  uint32_t steps = 0;
};

// Runs one record of choices, without reductions.
Replayed Replay(const Options& options, Scenario scenario, std::vector<Choice> choices,
                OpenValues* open_values = nullptr);

// The smallest record found that still fails: fewer interruptions, fewer stale reads, fewer steps.
Replayed Shrink(const Options& options, Scenario scenario, std::vector<Choice> choices,
                OpenValues* open_values = nullptr);

// The interleaving, one column for each thread.
std::string Columns(const Replayed& replayed);

}  // namespace moraine::checker

#endif  // MORAINE_TESTS_SUPPORT_CHECKER_EXPLORE_H_
