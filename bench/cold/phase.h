// The life of one engine inside a child process: take the memory limit, open the store, run some
// workloads, write a line for each into the parent's pipe. A phase that breaks, by an error or by
// the system's hand, breaks nothing else.
#ifndef MORAINE_BENCH_COLD_PHASE_H_
#define MORAINE_BENCH_COLD_PHASE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "bench/cold/cold_run.h"
#include "bench/cold/memory_limit.h"
#include "bench/peers/store.h"

namespace moraine::bench {

inline constexpr const char* kLoadWorkload = "cold_load";

struct PhaseRun {
  ColdWorkload workload = ColdWorkload::kGet;
  int threads = 1;
  double seconds = 5;
};

struct Phase {
  Contender contender;
  StoreSettings settings;
  bool load = false;  // put every record first, and settle; a line of its own
  std::vector<PhaseRun> runs;
  const MemoryLimit* limit = nullptr;  // null: none
  uint64_t limit_bytes = 0;
  uint64_t records = 0;
  uint64_t value_bytes = 0;
  uint64_t seed = 1;
  int round = 0;
};

// Runs the phase in a child and returns its lines. What failed is a line with a reason: of the run
// that failed, after which the phase ends, or of the phase's first run when not even opening worked.
std::vector<std::string> RunPhase(const Phase& phase);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_COLD_PHASE_H_
