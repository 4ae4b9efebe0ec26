// Medians, table and verdicts of the cold benchmark on lines made up.
#include "bench/cold/cold_results.h"

#include <string>

#include "gtest/gtest.h"

#include "bench/cold/cold_line.h"
#include "bench/cold/cold_run.h"

namespace moraine::bench {
namespace {

// Data of 1160 MB below a limit of 145 MB.
constexpr uint64_t kRecords = 10'000'000;
constexpr uint64_t kLimit = 145'000'000;

struct Made {
  std::string engine;
  ColdWorkload workload;
  int threads;
  double ops_per_s;
  double max_us = 1000;
  uint64_t device_reads_per_100 = 100;
  uint64_t limit = kLimit;
  int round = 0;
};

std::string LineOf(const Made& made) {
  ColdResult result;
  result.run.ops = 100;
  result.run.seconds = 1;
  result.run.ops_per_s = made.ops_per_s;
  result.run.device_bytes_read = 900'000'000;
  result.most_us = made.max_us;
  result.device.reads = made.device_reads_per_100;
  return ColdLine({.engine = made.engine,
                   .workload = std::string(ColdWorkloadName(made.workload)),
                   .threads = made.threads,
                   .round = made.round,
                   .records = kRecords,
                   .value_bytes = 100},
                  result, {.memory_limit_bytes = made.limit});
}

std::string FioLine(std::string_view workload, double reads_per_s) {
  nlohmann::json line = {
      {"engine", "fio"}, {"workload", std::string(workload)}, {"threads", 1},      {"failed", ""},
      {"on", "moraine"}, {"ops_per_s", reads_per_s},          {"bytes_per_s", 1e9}};
  return line.dump();
}

// A run in which moraine reaches every target.
ColdResults AllMet() {
  ColdResults results;
  for (const std::string& line :
       {LineOf({"moraine", ColdWorkload::kGet, 8, 60'000}),
        LineOf({"moraine", ColdWorkload::kMultiGet, 1, 60'000}),
        LineOf({"moraine", ColdWorkload::kScan, 1, 5e6}),
        LineOf({"moraine", ColdWorkload::kUpdate, 1, 200'000}),
        LineOf({"rocksdb", ColdWorkload::kGet, 8, 46'000}),
        LineOf({"rocksdb", ColdWorkload::kMultiGet, 1, 15'000}),
        LineOf({"rocksdb", ColdWorkload::kUpdate, 1, 175'000}),
        LineOf({"lmdb", ColdWorkload::kGet, 8, 50'000}),
        LineOf({"lmdb", ColdWorkload::kUpdate, 1, 11'000}), FioLine(kFioDepth8, 65'000),
        FioLine(kFioDepth32, 70'000), FioLine(kFioSequential, 0)}) {
    EXPECT_TRUE(results.Add(line)) << line;
  }
  return results;
}

int MissedOf(const ColdResults& results) {
  int missed = 0;
  for (const ColdVerdict& verdict : results.Judge()) {
    if (!verdict.met) ++missed;
  }
  return missed;
}

TEST(ColdResultsTest, EveryTargetCanBeMet) {
  const ColdResults results = AllMet();
  for (const ColdVerdict& verdict : results.Judge()) EXPECT_TRUE(verdict.met) << verdict.text;
}

TEST(ColdResultsTest, EveryTargetCanBeMissed) {
  EXPECT_EQ(MissedOf(ColdResults()), 10);
  ColdResults faster_peer = AllMet();
  faster_peer.Add(LineOf({"wiredtiger", ColdWorkload::kGet, 8, 55'000}));
  EXPECT_EQ(MissedOf(faster_peer), 1);
  ColdResults slower = AllMet();
  for (int round = 1; round < 4; ++round) {  // the median is below all three bounds of a get
    slower.Add(LineOf({"moraine", ColdWorkload::kGet, 8, 50'000, 1000, 160, kLimit, round}));
  }
  EXPECT_EQ(MissedOf(slower), 3);
  ColdResults one_stall = AllMet();
  for (int round = 1; round < 4; ++round) {
    const double max_us = round == 2 ? 100'001 : 1000;
    one_stall.Add(
        LineOf({"moraine", ColdWorkload::kUpdate, 1, 200'000, max_us, 100, kLimit, round}));
  }
  EXPECT_EQ(MissedOf(one_stall), 1);
}

TEST(ColdResultsTest, LimitsMustBeAlikeAndTight) {
  for (const uint64_t limit : {uint64_t{0}, kLimit + 1'000'000, kLimit - 5'000'000}) {
    ColdResults results = AllMet();
    results.Add(LineOf({"leveldb", ColdWorkload::kGet, 8, 10, 1000, 100, limit}));
    EXPECT_EQ(MissedOf(results), 1) << limit;
  }
}

TEST(ColdResultsTest, FailuresAreShownAndDoNotCount) {
  ColdResults results;
  const std::string failed = FailureLine({.engine = "moraine", .workload = "cold_get"}, "no room");
  EXPECT_TRUE(results.Add(failed));
  EXPECT_FALSE(results.Median("moraine", "cold_get", 1, "ops_per_s").has_value());
  EXPECT_NE(results.Table().find("moraine    failed: no room"), std::string::npos)
      << results.Table();
  results.Add(LineOf({"moraine", ColdWorkload::kGet, 1, 70}));
  EXPECT_EQ(results.Median("moraine", "cold_get", 1, "ops_per_s"), 70);
  EXPECT_NE(results.Table().find("moraine            70"), std::string::npos) << results.Table();
}

TEST(ColdResultsTest, WhatIsNoLineIsRefused) {
  ColdResults results;
  for (const char* wrong : {"", "x", "{}", "[1]", R"({"engine":1,"workload":"w","failed":""})",
                            R"({"engine":"e","workload":"w","failed":""})"}) {
    EXPECT_FALSE(results.Add(wrong)) << wrong;
  }
  EXPECT_EQ(results.Table(), "");
}

}  // namespace
}  // namespace moraine::bench
