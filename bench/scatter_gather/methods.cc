// Baseline first, then what gathers.
#include "bench/scatter_gather/methods.h"

#include "bench/scatter_gather/queue_reader.h"
#include "bench/scatter_gather/serial_reader.h"
#include "bench/scatter_gather/uring_reader.h"

namespace moraine::bench {

std::span<const ReadMethodRow> AllReadMethods() {
  static constexpr ReadMethodRow kRows[] = {
      {"pread", "one pread after the other", OpenSerialPread},
      {"uring_serial", "io_uring, one read after the other", OpenUringSerial},
      {"pool", "storage/io over its thread pool, shared by the readers", OpenThreadPool},
      {"moraine", "storage/io over io_uring: one batch, one call", OpenMoraineQueue},
      {"uring", "bare io_uring: all fragments in one submission", OpenUringGathered},
      {"uring_registered", "the same, buffers and file registered", OpenUringRegistered},
      {"uring_sqpoll", "registered, a kernel thread submits", OpenUringSqpoll},
      {"uring_iopoll", "registered, completions polled from the device", OpenUringIopoll},
  };
  return kRows;
}

}  // namespace moraine::bench
