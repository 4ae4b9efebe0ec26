// Explores every scenario of the shipping lock-free cores. --preemptions=N
// raises the bound of those that have one: the soak.
#include "tests/checker/scenarios.h"

#include <cctype>
#include <string>

#include "gtest/gtest.h"

#include "tests/support/checker/explore.h"
#include "tests/support/seeds.h"

namespace moraine::checker {
namespace {

class ScenariosTest : public testing::TestWithParam<NamedScenario> {};

TEST_P(ScenariosTest, HoldsInEveryExecution) {
  const NamedScenario& scenario = GetParam();
  Options options = scenario.options;
  if (options.preemption_bound >= 0) {
    uint64_t bound = static_cast<uint64_t>(options.preemption_bound);
    options.preemption_bound = static_cast<int>(TestFlag("preemptions", bound));
  }
  Result result = ExploreAndReport(scenario.name, options, scenario.body);
  EXPECT_EQ(result.violation.value_or("none"), "none");
  EXPECT_TRUE(result.complete);
  EXPECT_GT(result.executions, 1u);
  EXPECT_EQ(result.stopped > 0, options.most_stops > 0);
}

TEST(PlantedBugsTest, AreFound) {
  for (const NamedScenario& scenario : PlantedBugs()) {
    Result result = ExploreAndReport(scenario.name, scenario.options, scenario.body);
    EXPECT_TRUE(result.violation) << scenario.name;
  }
}

// "ring: long laps" becomes RingLongLaps.
std::string TestName(const testing::TestParamInfo<NamedScenario>& scenario) {
  std::string name;
  bool capital = true;
  for (char c : std::string(scenario.param.name)) {
    unsigned char byte = static_cast<unsigned char>(c);
    if (isalnum(byte) != 0) name += capital ? static_cast<char>(toupper(byte)) : c;
    capital = isalnum(byte) == 0;
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Cores, ScenariosTest, testing::ValuesIn(AllScenarios()), TestName);

}  // namespace
}  // namespace moraine::checker
