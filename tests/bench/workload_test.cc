// Checks that every workload does what its name says on a simple store, counts right, and fails
// loudly when the store loses or damages a record: a benchmark of a broken engine is worth nothing.
#include "bench/workload.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"

#include "tests/bench/map_store.h"

namespace moraine::bench {
namespace {

constexpr uint64_t kRecords = 500;

RunPlan PlanOf(Workload workload, int threads) {
  RunPlan plan;
  plan.workload = workload;
  plan.threads = threads;
  plan.seconds = 0.02;
  plan.warm_up_seconds = 0.005;
  return plan;
}

TEST(WorkloadTest, NamesAndWorkloadsMatchOneToOne) {
  for (const Workload workload : kAllWorkloads) {
    EXPECT_EQ(WorkloadByName(WorkloadName(workload)), workload);
  }
  EXPECT_EQ(WorkloadByName("nonsense"), std::nullopt);
}

class EveryWorkload : public testing::TestWithParam<int> {};

TEST_P(EveryWorkload, RunsOnACorrectStoreAndFillsTheResult) {
  const int threads = GetParam();
  const RecordSet records(11, kRecords, 100);
  MapStore store;
  for (const Workload workload : kAllWorkloads) {
    SCOPED_TRACE(WorkloadName(workload));
    const absl::StatusOr<RunResult> result = RunWorkload(store, records, PlanOf(workload, threads));
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_GT(result->ops, 0U);
    EXPECT_GT(result->seconds, 0);
    EXPECT_DOUBLE_EQ(result->ops_per_s, static_cast<double>(result->ops) / result->seconds);
    EXPECT_GT(result->p50_us, 0);
    EXPECT_LE(result->p50_us, result->p99_us);
    EXPECT_LE(result->p99_us, result->p999_us);
    EXPECT_GT(result->rss_bytes, 0U);
    if (workload == Workload::kInsert) {
      EXPECT_EQ(result->ops, kRecords);
    }
    if (workload == Workload::kFullScan) {
      EXPECT_EQ(result->ops % kRecords, 0U);
    }
    // What the store counts while warming up belongs to nobody. A transaction puts four records.
    const uint64_t puts = workload == Workload::kTransaction ? 4 : IsWrite(workload) ? 1 : 0;
    EXPECT_EQ(result->submissions, puts * result->ops);
    EXPECT_EQ(result->fragments, 2 * result->submissions);
    EXPECT_EQ(store.size(), kRecords);
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, EveryWorkload, testing::Values(1, 2, 3));

TEST(WorkloadTest, LoadPutsEveryRecordOnce) {
  const RecordSet records(11, 2345, 100);
  MapStore store;
  ASSERT_TRUE(LoadRecords(store, records).ok());
  EXPECT_EQ(store.size(), 2345U);
  EXPECT_TRUE(TouchAllRecords(store, records).ok());
}

TEST(WorkloadTest, LostRecordIsNoticed) {
  const RecordSet records(11, 5, 100);
  MapStore store({.loses_a_record = true});
  ASSERT_TRUE(LoadRecords(store, records).ok());
  EXPECT_EQ(TouchAllRecords(store, records).code(), absl::StatusCode::kDataLoss);
  for (const Workload workload :
       {Workload::kGet, Workload::kScan100, Workload::kFullScan, Workload::kCas}) {
    EXPECT_EQ(RunWorkload(store, records, PlanOf(workload, 2)).status().code(),
              absl::StatusCode::kDataLoss)
        << WorkloadName(workload);
  }
}

TEST(WorkloadTest, DamagedValueIsNoticed) {
  const RecordSet records(11, 5, 100);
  MapStore store({.swaps_bytes = true});
  ASSERT_TRUE(LoadRecords(store, records).ok());
  EXPECT_EQ(RunWorkload(store, records, PlanOf(Workload::kGet, 1)).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST(WorkloadTest, RefusedSessionEndsTheRunWithItsError) {
  const RecordSet records(11, 5, 100);
  MapStore store({.refuses_sessions = true});
  EXPECT_EQ(RunWorkload(store, records, PlanOf(Workload::kGet, 2)).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(WorkloadTest, DebtIsWaitedForOnlyAfterWritesAndWhenAsked) {
  const RecordSet records(11, 5, 100);
  MapStore store;
  ASSERT_TRUE(LoadRecords(store, records).ok());
  RunPlan plan = PlanOf(Workload::kPut, 1);
  ASSERT_TRUE(RunWorkload(store, records, plan).ok());
  EXPECT_EQ(store.settled(), 0);
  plan.count_debt = true;
  ASSERT_TRUE(RunWorkload(store, records, plan).ok());
  EXPECT_EQ(store.settled(), 1);
  plan.workload = Workload::kGet;
  ASSERT_TRUE(RunWorkload(store, records, plan).ok());
  EXPECT_EQ(store.settled(), 1);
}

}  // namespace
}  // namespace moraine::bench
