// moraine's own way to read: a batch on an IoQueue of storage/io, submitted and waited for in one
// call. Over io_uring, and over the thread pool that stands in where io_uring is forbidden.
#ifndef MORAINE_BENCH_SCATTER_GATHER_QUEUE_READER_H_
#define MORAINE_BENCH_SCATTER_GATHER_QUEUE_READER_H_

#include "bench/scatter_gather/page_reader.h"

namespace moraine::bench {

absl::StatusOr<std::unique_ptr<ReadMethod>> OpenMoraineQueue(const ReadSettings& settings);
absl::StatusOr<std::unique_ptr<ReadMethod>> OpenThreadPool(const ReadSettings& settings);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_SCATTER_GATHER_QUEUE_READER_H_
