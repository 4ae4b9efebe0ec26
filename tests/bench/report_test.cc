// Checks of medians, ratios, the JSON line and the verdicts on targets.
#include "bench/report.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "bench/json_line.h"
#include "bench/statistics.h"
#include "bench/targets.h"
#include "nlohmann/json.hpp"

namespace moraine::bench {
namespace {

RunRecord RunOf(const std::string& engine, double ops_per_s, Workload workload = Workload::kGet,
                int threads = 1) {
  RunRecord run;
  run.engine = engine;
  run.workload = workload;
  run.threads = threads;
  run.result.ops = 10;
  run.result.ops_per_s = ops_per_s;
  return run;
}

TEST(MedianTest, OddEvenAndNone) {
  EXPECT_EQ(Median({3, 1, 2}), 2);
  EXPECT_EQ(Median({4, 1, 3, 2}), 2.5);
  EXPECT_EQ(Median({}), 0);
}

TEST(SummarizeTest, TakesOnlyTheAskedRuns) {
  const std::vector<RunRecord> runs = {RunOf("moraine", 100),
                                       RunOf("moraine", 300),
                                       RunOf("moraine", 200),
                                       RunOf("lmdb", 7),
                                       RunOf("moraine", 9, Workload::kPut),
                                       RunOf("moraine", 9, Workload::kGet, 2)};
  const std::optional<Summary> summary = Summarize(runs, "moraine", Workload::kGet, 1);
  ASSERT_TRUE(summary.has_value());
  EXPECT_EQ(summary->runs, 3);
  EXPECT_EQ(summary->median_ops_per_s, 200);
  EXPECT_EQ(summary->spread(), 1.0);
  EXPECT_FALSE(Summarize(runs, "rocksdb", Workload::kGet, 1).has_value());
}

TEST(RatioTest, IsMoraineOverPeerAndNeedsBoth) {
  const std::vector<RunRecord> runs = {RunOf("moraine", 300), RunOf("lmdb", 100)};
  EXPECT_EQ(RatioToPeer(runs, "lmdb", Workload::kGet, 1), 3.0);
  EXPECT_EQ(RatioToPeer(runs, "rocksdb", Workload::kGet, 1), std::nullopt);
}

TEST(TableTest, ShowsEveryEngineAndTheRatioOfPeers) {
  const std::string table = Table({RunOf("moraine", 300), RunOf("lmdb", 120)});
  EXPECT_NE(table.find("get, 1 thread\n"), std::string::npos) << table;
  EXPECT_NE(table.find("moraine"), std::string::npos) << table;
  EXPECT_NE(table.find("2.50x"), std::string::npos) << table;
}

TEST(ConfigHashTest, IsSixteenDigitsAndTellsConfigurationsApart) {
  EXPECT_EQ(ConfigHash("").size(), 16U);
  EXPECT_EQ(ConfigHash("a"), "af63dc4c8601ec8c");  // FNV-1a's published test vector
  EXPECT_NE(ConfigHash("cache=1"), ConfigHash("cache=2"));
}

TEST(JsonLineTest, HardwareFieldsAppearOnlyWhenCounted) {
  RunRecord run = RunOf("moraine", 300);
  EXPECT_FALSE(nlohmann::json::parse(JsonLine(run)).contains("cache_misses_per_op"));
  run.result.hardware = {.valid = true, .instructions = 4000, .cache_misses = 20};
  const nlohmann::json line = nlohmann::json::parse(JsonLine(run));
  EXPECT_EQ(line["instructions_per_op"], 400.0);
  EXPECT_EQ(line["cache_misses_per_op"], 2.0);
}

TEST(TargetsTest, MetMissedAndNotRunAreToldApart) {
  const std::vector<Target> targets = {{Workload::kGet, 1, "lmdb", 1.2},
                                       {Workload::kGet, 1, "rocksdb", 3.0},
                                       {Workload::kPut, 1, "lmdb", 4.0}};
  const std::vector<TargetOutcome> outcomes =
      CheckTargets(targets, {RunOf("moraine", 240), RunOf("lmdb", 200), RunOf("rocksdb", 81)});
  ASSERT_EQ(outcomes.size(), 3U);
  EXPECT_EQ(outcomes[0].verdict, Verdict::kMet);
  EXPECT_EQ(outcomes[1].verdict, Verdict::kMissed);
  EXPECT_EQ(outcomes[2].verdict, Verdict::kNotRun);
}

TEST(TargetsTest, InCacheTableAsksForWhatWasPromised) {
  std::vector<RunRecord> runs;
  for (const int threads : {1, 2}) {
    const double put = threads == 1 ? 4.0 : 6.0;
    for (const auto& [engine, get_rate, put_rate, scan_rate] :
         {std::tuple{"moraine", 3.6, put, 1.0}, std::tuple{"rocksdb", 1.2, 1.0, 9.0},
          std::tuple{"lmdb", 3.0, 1.0, 1.0}}) {
      runs.push_back(RunOf(engine, get_rate, Workload::kGet, threads));
      runs.push_back(RunOf(engine, put_rate, Workload::kPut, threads));
      runs.push_back(RunOf(engine, scan_rate, Workload::kScan100, threads));
      runs.push_back(RunOf(engine, scan_rate, Workload::kFullScan, threads));
    }
  }
  const std::vector<TargetOutcome> exact = CheckTargets(InCacheTargets(), runs);
  EXPECT_EQ(exact.size(), 12U);
  for (const TargetOutcome& outcome : exact) EXPECT_EQ(outcome.verdict, Verdict::kMet);
  for (RunRecord& run : runs) {
    if (run.engine == "moraine") run.result.ops_per_s *= 0.99;
  }
  for (const TargetOutcome& outcome : CheckTargets(InCacheTargets(), runs)) {
    EXPECT_EQ(outcome.verdict, Verdict::kMissed) << outcome.text;
  }
}

}  // namespace
}  // namespace moraine::bench
