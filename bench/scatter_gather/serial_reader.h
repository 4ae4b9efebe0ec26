// Fragments read one after the other by pread: what an engine does that follows a chain of deltas,
// and the baseline that gathering is measured against.
#ifndef MORAINE_BENCH_SCATTER_GATHER_SERIAL_READER_H_
#define MORAINE_BENCH_SCATTER_GATHER_SERIAL_READER_H_

#include "bench/scatter_gather/page_reader.h"

namespace moraine::bench {

absl::StatusOr<std::unique_ptr<ReadMethod>> OpenSerialPread(const ReadSettings& settings);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_SCATTER_GATHER_SERIAL_READER_H_
