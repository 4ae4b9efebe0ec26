// One measured run: a number of threads do one kind of operation on one open store, warm up first,
// then count for a while. Everything that is timed in this folder is timed here.
#ifndef MORAINE_BENCH_WORKLOAD_H_
#define MORAINE_BENCH_WORKLOAD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "bench/peers/store.h"
#include "bench/record_set.h"
#include "bench/run_result.h"

namespace moraine::bench {

// In the order in which they run on a store: reads see what was loaded, writes come last.
enum class Workload : uint8_t {
  kInsert,    // every record once, put one by one into the empty store; no warm-up, no time limit
  kGet,       // uniform; the value is copied out and every byte of it checked
  kScan100,   // 100 records from a uniform key; an operation is a scan
  kFullScan,  // the whole tree; an operation is a record, a latency is a whole pass
  kCas,       // uniform read-check-write of one key, atomic
  kPut,       // uniform overwrite of existing keys
  // Four uniform reads and four writes of other keys in one transaction, as isolated as the engine
  // can; engines without transactions leave it out.
  kTransaction,
};

inline constexpr Workload kAllWorkloads[] = {
    Workload::kInsert, Workload::kGet, Workload::kScan100,    Workload::kFullScan,
    Workload::kCas,    Workload::kPut, Workload::kTransaction};

std::string_view WorkloadName(Workload workload);
std::optional<Workload> WorkloadByName(std::string_view name);
bool IsWrite(Workload workload);

struct RunPlan {
  Workload workload = Workload::kGet;
  int threads = 1;
  double seconds = 1;  // at least one operation runs in any case
  double warm_up_seconds = 0.25;
  uint64_t seed = 1;
  bool count_debt = false;         // writes: time until background work is done counts too
  bool hardware_counters = false;  // where the system allows them
};

// Runs the plan; fails when an operation fails or a value, a key or a count is not what was loaded.
absl::StatusOr<RunResult> RunWorkload(Store& store, const RecordSet& records, const RunPlan& plan);

// Puts every record, in bulk and uncounted, into the empty store.
absl::Status LoadRecords(Store& store, const RecordSet& records);

// Reads every record once, so that caches hold what they can hold; checks their number.
absl::Status TouchAllRecords(Store& store, const RecordSet& records);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_WORKLOAD_H_
