// fio beside the tool's own methods: random direct reads of the same file, as deep as a page has
// fragments, with as many jobs as there are readers. It has no pages, so its latency is that of
// single reads; its IOPS are what the device and the kernel give at that depth.
#ifndef MORAINE_BENCH_SCATTER_GATHER_FIO_H_
#define MORAINE_BENCH_SCATTER_GATHER_FIO_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "bench/run_result.h"
#include "bench/scatter_gather/extent_file.h"

namespace moraine::bench {

struct FioPlan {
  const ExtentFile* file = nullptr;
  uint64_t block_bytes = kBlockBytes;
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

#endif  // MORAINE_BENCH_SCATTER_GATHER_FIO_H_
