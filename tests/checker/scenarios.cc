// All scenarios, in the order of the layers.
#include "tests/checker/scenarios.h"

namespace moraine::checker {

std::vector<NamedScenario> AllScenarios() {
  std::vector<NamedScenario> all;
  for (auto* part : {&EpochScenarios, &BudgetScenarios, &RingScenarios, &DurabilityScenarios,
                     &PageScenarios, &RegistryScenarios, &VisibilityScenarios}) {
    for (const NamedScenario& scenario : part()) all.push_back(scenario);
  }
  return all;
}

}  // namespace moraine::checker
