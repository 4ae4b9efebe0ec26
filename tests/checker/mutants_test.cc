// Would the scenarios notice? Every mutant of every atomic operation of storage/ that they reach must
// be killed by one of them, or be accepted in accepted_mutants.h with the reason.
//
//   bazel-bin/tests/checker/mutants_test --table=1
// writes tests/checker/mutants.md, the table that this test compares with.
#include "tests/support/checker/mutants.h"

#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/checker/accepted_mutants.h"
#include "tests/checker/scenarios.h"
#include "tests/support/checker/explore.h"
#include "tests/support/seeds.h"

namespace moraine::checker {
namespace {

struct Verdict {
  std::string name;
  std::string killed_by;  // empty: it survived
  std::string violation;
};

// The sites of storage/ that a scenario reaches.
std::map<Site, SiteUse> SitesOf(const NamedScenario& scenario) {
  Options options = scenario.options;
  options.collect_sites = true;
  options.most_executions = 20'000;
  std::map<Site, SiteUse> sites = Explore(options, scenario.body).sites;
  std::erase_if(sites, [](const auto& site) {
    const std::string& file = site.first.file;
    return !file.starts_with("storage/") && !file.starts_with("./storage/");
  });
  return sites;
}

std::vector<Verdict> JudgeAll() {
  std::vector<NamedScenario> scenarios = AllScenarios();
  std::vector<std::map<Site, SiteUse>> sites;
  std::map<Site, SiteUse> all;
  for (const NamedScenario& scenario : scenarios) {
    sites.push_back(SitesOf(scenario));
    all.insert(sites.back().begin(), sites.back().end());
  }
  std::vector<Verdict> verdicts;
  for (const Mutant& mutant : MutantsOf(all)) {
    Verdict verdict{mutant.name, "", ""};
    for (size_t i = 0; i < scenarios.size() && verdict.killed_by.empty(); ++i) {
      if (sites[i].count(mutant.mutation.site) == 0) continue;
      Options options = scenarios[i].options;
      options.mutation = mutant.mutation;
      options.most_executions = 300'000;
      Result result = Explore(options, scenarios[i].body);
      if (!result.violation) continue;
      verdict.killed_by = scenarios[i].name;
      verdict.violation = *result.violation;
    }
    verdicts.push_back(std::move(verdict));
  }
  return verdicts;
}

const std::vector<Verdict>& Verdicts() {
  static const std::vector<Verdict> verdicts = JudgeAll();
  return verdicts;
}

std::string Table() {
  std::map<std::string, std::array<int, 3>> files;  // mutants, killed, accepted
  std::string rows;
  for (const Verdict& verdict : Verdicts()) {
    bool killed = !verdict.killed_by.empty();
    std::array<int, 3>& counts = files[verdict.name.substr(0, verdict.name.find(' '))];
    ++counts[0];
    ++counts[killed ? 1 : 2];
    rows += "| " + verdict.name + " | " + (killed ? verdict.killed_by : "**accepted**") + " |\n";
  }
  std::string text =
      "# Mutants of the lock-free cores\n\nWritten by `bazel-bin/tests/checker/mutants_test "
      "--table=1`.\n";
  text += "Why a mutant is accepted stands in `accepted_mutants.h`.\n\n";
  text += "| file | mutants | killed | accepted |\n|---|---|---|---|\n";
  std::array<int, 3> sums{};
  for (const auto& [file, counts] : files) {
    text += "| " + file;
    for (size_t i = 0; i < 3; ++i) {
      text += " | " + std::to_string(counts[i]);
      sums[i] += counts[i];
    }
    text += " |\n";
  }
  text += "| all | " + std::to_string(sums[0]) + " | " + std::to_string(sums[1]) + " | " +
          std::to_string(sums[2]) + " |\n\n| mutant | killed by |\n|---|---|\n" + rows;
  return text;
}

TEST(MutantsTest, EveryOneIsKilledOrAccepted) {
  std::set<std::string> survivors;
  for (const Verdict& verdict : Verdicts()) {
    if (!verdict.killed_by.empty()) continue;
    survivors.insert(verdict.name);
    EXPECT_TRUE(ReasonToAccept(verdict.name)) << "survived: " << verdict.name;
  }
  for (const AcceptedMutant& accepted : kAcceptedMutants) {
    EXPECT_EQ(survivors.count(std::string(accepted.name)), 1u)
        << "accepted, but killed or gone: " << accepted.name;
  }
}

TEST(MutantsTest, ThereAreManyAndTheTableIsCurrent) {
  EXPECT_GE(Verdicts().size(), 100u);
  std::string table = Table();
  if (TestFlag("table", 0) == 1) {
    std::ofstream("tests/checker/mutants.md") << table;
    return;
  }
  std::ifstream file("tests/checker/mutants.md");
  std::string stored{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  EXPECT_TRUE(stored == table) << "run bazel-bin/tests/checker/mutants_test --table=1\n" << table;
}

TEST(MutantsTest, ShortNames) {
  EXPECT_EQ(ShortFunctionName("bool moraine::LogRing<Policy, Memory>::Take(uint64_t) [with P = X]"),
            "LogRing::Take");
  EXPECT_EQ(ShortFunctionName("bool moraine::Abort(typename P::Atomic<T>&) [with P = X]"), "Abort");
}

}  // namespace
}  // namespace moraine::checker
