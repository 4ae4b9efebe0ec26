// A slice: some readers fetch pages by one method for a fraction of a second. The whole run is a
// long sequence of slices, in which the methods take turns.
#ifndef MORAINE_BENCH_SCATTER_GATHER_SLICE_H_
#define MORAINE_BENCH_SCATTER_GATHER_SLICE_H_

#include <cstdint>

#include "absl/status/statusor.h"

#include "bench/histogram.h"
#include "bench/scatter_gather/page_reader.h"

namespace moraine::bench {

struct SlicePlan {
  const ReadMethodRow* method = nullptr;
  ReadSettings settings;
  int readers = 1;
  double seconds = 0.15;  // at least one page is read by each reader in any case
  uint64_t seed = 1;      // of the places that are read; equal seeds read equal places
};

struct SliceResult {
  uint64_t pages = 0;
  double seconds = 0;
  Histogram latencies;     // of pages, from the first offset handed over to the last byte there
  double cpu_seconds = 0;  // of the process; poll threads of the kernel that belong to it included
  uint64_t submissions = 0;  // calls into the kernel
  uint64_t rss_bytes = 0;
  uint64_t device_bytes_read = 0;
};

// Unimplemented when this way of reading is refused here; DataLoss when a read brought wrong bytes.
absl::StatusOr<SliceResult> RunSlice(const SlicePlan& plan);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_SCATTER_GATHER_SLICE_H_
