// The cold loops over a store in memory: they count what they do and notice what is wrong.
#include "bench/cold/cold_run.h"

#include <string>

#include "gtest/gtest.h"

#include "bench/workload.h"
#include "tests/bench/map_store.h"

namespace moraine::bench {
namespace {

constexpr ColdWorkload kAll[] = {ColdWorkload::kGet, ColdWorkload::kMultiGet, ColdWorkload::kScan,
                                 ColdWorkload::kUpdate};

ColdPlan PlanOf(ColdWorkload workload, int threads) {
  return {.workload = workload,
          .threads = threads,
          .seconds = 0.02,
          .warm_up_seconds = 0.01,
          .seed = 5,
          .directory = testing::TempDir()};
}

TEST(ColdRunTest, EveryWorkloadCountsItsOperations) {
  const RecordSet records(3, 500, 100);
  MapStore store;
  ASSERT_TRUE(LoadRecords(store, records).ok());
  for (const ColdWorkload workload : kAll) {
    for (const int threads : {1, 3}) {
      const auto result = RunCold(store, records, PlanOf(workload, threads));
      ASSERT_TRUE(result.ok()) << ColdWorkloadName(workload) << ": " << result.status();
      EXPECT_GT(result->run.ops, 0U);
      EXPECT_GT(result->run.ops_per_s, 0);
      EXPECT_GE(result->most_us, result->run.p50_us * 0.9);
      if (workload == ColdWorkload::kScan) {
        EXPECT_EQ(result->run.ops, 500U * threads);
      }
      if (workload == ColdWorkload::kMultiGet) {
        EXPECT_EQ(result->run.ops % kMultiGetKeys, 0U);
      }
    }
  }
  EXPECT_EQ(store.size(), 500U);
}

TEST(ColdRunTest, UpdatesPayTheirDebtWithinTheTime) {
  const RecordSet records(3, 50, 100);
  MapStore store;
  ASSERT_TRUE(LoadRecords(store, records).ok());
  const auto result = RunCold(store, records, PlanOf(ColdWorkload::kUpdate, 2));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(store.settled(), 1);
  EXPECT_GT(result->debt_seconds, 0);
  EXPECT_GE(result->run.seconds, 0.02 + result->debt_seconds - 1e-6);
}

TEST(ColdRunTest, WrongAndMissingValuesFailTheRun) {
  const RecordSet records(3, 50, 100);
  MapStore wrong(MapStoreFaults{.swaps_bytes = true});
  ASSERT_TRUE(LoadRecords(wrong, records).ok());
  MapStore lossy(MapStoreFaults{.loses_a_record = true});
  ASSERT_TRUE(LoadRecords(lossy, records).ok());
  for (const ColdWorkload workload : {ColdWorkload::kGet, ColdWorkload::kMultiGet}) {
    EXPECT_EQ(RunCold(wrong, records, PlanOf(workload, 1)).status().code(),
              absl::StatusCode::kDataLoss);
    EXPECT_EQ(RunCold(lossy, records, PlanOf(workload, 2)).status().code(),
              absl::StatusCode::kDataLoss);
  }
  EXPECT_EQ(RunCold(lossy, records, PlanOf(ColdWorkload::kScan, 1)).status().code(),
            absl::StatusCode::kDataLoss);
  MapStore closed(MapStoreFaults{.refuses_sessions = true});
  EXPECT_EQ(RunCold(closed, records, PlanOf(ColdWorkload::kGet, 2)).status().code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace moraine::bench
