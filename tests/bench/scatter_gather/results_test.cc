// Medians, ratios by round, the JSON line, the table and the verdicts, on measurements made up.
#include "bench/scatter_gather/results.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "bench/scatter_gather/verdicts.h"
#include "nlohmann/json.hpp"

namespace moraine::bench {
namespace {

const RunFacts kFacts = {.file_bytes = 1 << 20, .fragment_bytes = 4096, .direct = true};

Measurement Measured(const std::string& method, int round, double p50_us,
                     Setting setting = kJudgedSetting, double calls = 1) {
  Measurement measurement = {.method = method, .setting = setting, .round = round};
  measurement.run.ops = 100;
  measurement.run.ops_per_s = 1e6 / p50_us;
  measurement.run.p50_us = p50_us;
  measurement.run.fragments = 100 * setting.fragment_count;
  measurement.run.submissions = static_cast<uint64_t>(100 * calls);
  measurement.latencies.Record(static_cast<uint64_t>(p50_us * 1000));
  return measurement;
}

Results Three(double pread, double moraine, double uring, double calls = 1) {
  Results results;
  for (const int round : {0, 1, 2}) {
    const double drift = 1 + 0.5 * round;  // of the machine; it falls on all alike
    results.Add(Measured("pread", round, pread * drift, kJudgedSetting, 8));
    results.Add(Measured("moraine", round, moraine * drift, kJudgedSetting, calls));
    results.Add(Measured("uring", round, uring * drift));
  }
  return results;
}

int MetOf(const Results& results, const RunFacts& facts = kFacts) {
  int met = 0;
  for (const GatherVerdict& verdict : JudgeGathering(results, facts)) {
    if (verdict.met) ++met;
  }
  return met;
}

TEST(ResultsTest, SummaryIsTheMedianOverRounds) {
  const Results results = Three(500, 140, 130);
  const auto summary = results.Summarize("moraine", kJudgedSetting);
  ASSERT_TRUE(summary.has_value());
  EXPECT_DOUBLE_EQ(summary->p50_us, 210);
  EXPECT_NEAR(summary->p999_us, 280, 10);
  EXPECT_DOUBLE_EQ(summary->submissions_per_page, 1);
  EXPECT_DOUBLE_EQ(summary->reads_per_s, summary->pages_per_s * 8);
  EXPECT_FALSE(results.Summarize("moraine", {1, 1}).has_value());
  EXPECT_FALSE(results.Summarize("fio", kJudgedSetting).has_value());
}

TEST(ResultsTest, RatiosAreTakenWithinARound) {
  const auto ratio = Three(500, 125, 100).Ratio("pread", "moraine", kJudgedSetting);
  ASSERT_TRUE(ratio.has_value());
  EXPECT_DOUBLE_EQ(ratio->median, 4);
  EXPECT_DOUBLE_EQ(ratio->least, 4);
  EXPECT_DOUBLE_EQ(ratio->most, 4);
  EXPECT_FALSE(Three(1, 1, 1).Ratio("pread", "fio", kJudgedSetting).has_value());
}

TEST(ResultsTest, RefusalIsShownUnlessSomeRoundWorked) {
  Results results;
  Measurement refused = {.method = "uring_iopoll", .setting = kJudgedSetting};
  refused.refusal = "no poll queues";
  results.Add(refused);
  EXPECT_EQ(results.Summarize("uring_iopoll", kJudgedSetting)->refusal, "no poll queues");
  EXPECT_NE(ResultTable(results, kFacts).find("refused: no poll queues"), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(MeasurementLine(refused, kFacts)).at("refused"),
            "no poll queues");
  results.Add(Measured("uring_iopoll", 1, 50));
  EXPECT_EQ(results.Summarize("uring_iopoll", kJudgedSetting)->refusal, "");
  EXPECT_DOUBLE_EQ(results.Summarize("uring_iopoll", kJudgedSetting)->p50_us, 50);
}

TEST(ResultsTest, LineOfFioCountsSingleReads) {
  Measurement fio = Measured("fio", 0, 60);
  fio.run.fragments = fio.run.ops;
  const auto line = nlohmann::json::parse(MeasurementLine(fio, kFacts));
  EXPECT_EQ(line.at("value_bytes"), 4096);
  EXPECT_EQ(line.at("fragments_per_page"), 8);
  EXPECT_DOUBLE_EQ(line.at("reads_per_s"), line.at("ops_per_s").get<double>());
  const auto page = nlohmann::json::parse(MeasurementLine(Measured("uring", 0, 60), kFacts));
  EXPECT_EQ(page.at("value_bytes"), 8 * 4096);
}

TEST(VerdictsTest, EachTargetIsJudgedOnItsOwn) {
  EXPECT_EQ(MetOf(Three(500, 140, 130)), 3);
  EXPECT_EQ(MetOf(Three(500, 140, 130, 1.01)), 2);  // a second call now and then
  EXPECT_EQ(MetOf(Three(500, 140, 121)), 2);        // 1.157 of bare io_uring
  EXPECT_EQ(MetOf(Three(440, 140, 130)), 2);        // 3.14 times faster than serial
}

TEST(VerdictsTest, WhatDidNotRunIsNotMet) {
  EXPECT_EQ(MetOf(Results()), 0);
  Results other_setting;
  other_setting.Add(Measured("moraine", 0, 100, {8, 2}));
  EXPECT_EQ(MetOf(other_setting), 0);
  RunFacts cached = kFacts;
  cached.direct = false;
  EXPECT_EQ(JudgeGathering(Three(500, 140, 130), cached).size(), 4U);
  EXPECT_EQ(MetOf(Three(500, 140, 130), cached), 3);
}

}  // namespace
}  // namespace moraine::bench
