// Bare io_uring, written against liburing with nothing of moraine between: the limit that
// moraine's own path is held to, and the variants that people who measure io_uring ask for.
#ifndef MORAINE_BENCH_SCATTER_GATHER_URING_READER_H_
#define MORAINE_BENCH_SCATTER_GATHER_URING_READER_H_

#include "bench/scatter_gather/page_reader.h"

namespace moraine::bench {

// One read in flight at a time: what io_uring costs when nothing is gathered.
absl::StatusOr<std::unique_ptr<ReadMethod>> OpenUringSerial(const ReadSettings& settings);
// All fragments in one submission, which also waits for them.
absl::StatusOr<std::unique_ptr<ReadMethod>> OpenUringGathered(const ReadSettings& settings);
// The same with buffers, file and ring descriptor registered.
absl::StatusOr<std::unique_ptr<ReadMethod>> OpenUringRegistered(const ReadSettings& settings);
// Registered, and a kernel thread takes the submissions; the readers of a slice share it.
absl::StatusOr<std::unique_ptr<ReadMethod>> OpenUringSqpoll(const ReadSettings& settings);
// Registered, and completions are polled from the device instead of announced by interrupts.
absl::StatusOr<std::unique_ptr<ReadMethod>> OpenUringIopoll(const ReadSettings& settings);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_SCATTER_GATHER_URING_READER_H_
