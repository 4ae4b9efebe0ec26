// One measured run on an open store whose data are far larger than its memory.
#ifndef MORAINE_BENCH_COLD_COLD_RUN_H_
#define MORAINE_BENCH_COLD_COLD_RUN_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "bench/cold/data_files.h"
#include "bench/peers/store.h"
#include "bench/record_set.h"
#include "bench/run_result.h"

namespace moraine::bench {

// In the order in which they run.
enum class ColdWorkload : uint8_t {
  kGet,       // uniform; an operation is a key
  kMultiGet,  // 32 uniform keys in one call; an operation is a key, a latency is a call
  kScan,      // everything once, from the first key to the last; an operation is a record
  kUpdate,    // uniform overwrite, unsynced; time ends when all debt is paid
};

inline constexpr uint64_t kMultiGetKeys = 32;

std::string_view ColdWorkloadName(ColdWorkload workload);

struct ColdPlan {
  ColdWorkload workload = ColdWorkload::kGet;
  int threads = 1;
  double seconds = 5;
  double warm_up_seconds = 0;
  uint64_t seed = 1;
  std::string directory;  // of the store, for what the device below it does
};

struct ColdResult {
  RunResult run;
  double most_us = 0;       // the longest single operation (call)
  double debt_seconds = 0;  // of run.seconds: after the last update
  DeviceCounters device;    // of the whole device, by anybody, during the run
};

// Fails when an operation fails or brings a wrong value.
absl::StatusOr<ColdResult> RunCold(Store& store, const RecordSet& records, const ColdPlan& plan);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_COLD_COLD_RUN_H_
