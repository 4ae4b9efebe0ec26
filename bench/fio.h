// fio beside what we measure: what the device and the kernel give when nothing of ours is between,
// on the same files and in the same run. Its operations are single reads.
#ifndef MORAINE_BENCH_FIO_H_
#define MORAINE_BENCH_FIO_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "bench/run_result.h"

namespace moraine::bench {

struct FioPlan {
  // Existing ones, without ':' in their names; they are only read. Of a great many only the first,
  // as far as their names fit into fio's option.
  std::vector<std::string> files;
  std::string pattern = "randread";
  bool direct = true;
  uint64_t block_bytes = 4096;
  uint64_t depth = 1;
  int jobs = 1;
  double seconds = 0.25;
  uint64_t seed = 1;
  std::string program = "fio";
  std::string engine = "io_uring";
};

struct FioResult {
  RunResult run;  // an operation is one read
  double p90_us = 0;
};

// NotFound when there is no fio; Unavailable when it fails, with what it said.
absl::StatusOr<FioResult> RunFio(const FioPlan& plan);

// The numbers of fio's JSON output (one group); Internal when they are not there.
absl::StatusOr<FioResult> ParseFio(std::string_view json);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_FIO_H_
