// What a measured run found, whatever it ran: the common fields of a result line.
#ifndef MORAINE_BENCH_RUN_RESULT_H_
#define MORAINE_BENCH_RUN_RESULT_H_

#include <cstdint>
#include <string>

#include "bench/hardware_counters.h"

namespace moraine::bench {

// The measured part of a result; the names are those of the JSON line.
struct RunResult {
  uint64_t ops = 0;
  double seconds = 0;
  double ops_per_s = 0;
  double p50_us = 0;
  double p99_us = 0;
  double p999_us = 0;
  double cpu_us_per_op = 0;
  uint64_t rss_bytes = 0;
  uint64_t device_bytes_read = 0;
  uint64_t device_bytes_written = 0;
  uint64_t submissions = 0;
  uint64_t fragments = 0;
  HardwareCounts hardware;       // of the worker threads
  std::string hardware_refusal;  // why there are none, when they were asked for
};

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_RUN_RESULT_H_
