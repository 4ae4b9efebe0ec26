// Cache misses and instructions of the calling thread, from perf_event_open, where the system
// allows it: virtual machines and containers often do not. A benchmark then goes on without them.
#ifndef MORAINE_BENCH_HARDWARE_COUNTERS_H_
#define MORAINE_BENCH_HARDWARE_COUNTERS_H_

#include <cstdint>
#include <string>

namespace moraine::bench {

struct HardwareCounts {
  bool valid = false;
  uint64_t instructions = 0;
  uint64_t cache_misses = 0;

  void Add(const HardwareCounts& other) {
    valid = valid || other.valid;
    instructions += other.instructions;
    cache_misses += other.cache_misses;
  }
};

// Belongs to the thread that made it; user-mode events only.
class HardwareCounters {
 public:
  HardwareCounters();
  HardwareCounters(const HardwareCounters&) = delete;
  HardwareCounters& operator=(const HardwareCounters&) = delete;
  ~HardwareCounters();

  // Why there is nothing to read; empty when there is.
  const std::string& refusal() const { return refusal_; }
  // Counting begins; what was counted before is forgotten.
  void Start();
  HardwareCounts Read() const;

 private:
  int instructions_fd_ = -1;
  int cache_misses_fd_ = -1;
  std::string refusal_;
};

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_HARDWARE_COUNTERS_H_
