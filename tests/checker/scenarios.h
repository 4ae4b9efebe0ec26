// The shipping lock-free cores as scenarios of the checker: scenarios_test explores each of them,
// mutants_test asks whether they would notice if the core were wrong.
#ifndef MORAINE_TESTS_CHECKER_SCENARIOS_H_
#define MORAINE_TESTS_CHECKER_SCENARIOS_H_

#include <vector>

#include "tests/support/checker/execution.h"
#include "tests/support/checker/options.h"

namespace moraine::checker {

struct NamedScenario {
  const char* name;
  void (*body)(Execution&);
  Options options = {};
};

std::vector<NamedScenario> RingScenarios();        // storage/log/ring.h
std::vector<NamedScenario> DurabilityScenarios();  // the same, with a device that loses power
std::vector<NamedScenario> EpochScenarios();       // storage/sync/epoch.h
std::vector<NamedScenario> VisibilityScenarios();  // storage/tree/visibility.h, ts_word.h
std::vector<NamedScenario> PageScenarios();        // storage/cache/page_entry.h
std::vector<NamedScenario> RegistryScenarios();    // storage/tree/snapshot_registry.h
std::vector<NamedScenario> BudgetScenarios();      // storage/memory/memory_budget.h

std::vector<NamedScenario> AllScenarios();
// Wrong variants of scenario code (not of cores: those are mutants), which must fail.
std::vector<NamedScenario> PlantedBugs();

}  // namespace moraine::checker

#endif  // MORAINE_TESTS_CHECKER_SCENARIOS_H_
