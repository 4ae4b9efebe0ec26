// What the process has used so far, as the system counts it: CPU time of all its threads, resident
// memory, bytes to and from the device. A run reports the difference of two readings.
#ifndef MORAINE_BENCH_PROCESS_USAGE_H_
#define MORAINE_BENCH_PROCESS_USAGE_H_

#include <cstdint>

namespace moraine::bench {

struct ProcessUsage {
  double cpu_seconds = 0;   // user and system, background threads of an engine included
  uint64_t rss_bytes = 0;   // now; mapped files count as far as they are resident
  uint64_t read_bytes = 0;  // /proc/self/io: caused to be fetched from the device
  // /proc/self/io: caused to be sent to the device, counted when a page becomes dirty.
  uint64_t written_bytes = 0;
};

// Fields that the system does not tell (no /proc) stay 0.
ProcessUsage ReadProcessUsage();

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_PROCESS_USAGE_H_
