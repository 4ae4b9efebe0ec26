// Two hardware events of the calling thread in one group, so that both count the same stretch.
#include "bench/hardware_counters.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace moraine::bench {
namespace {

int OpenEvent(uint64_t event, int group_fd) {
  perf_event_attr attributes{};
  attributes.size = sizeof(attributes);
  attributes.type = PERF_TYPE_HARDWARE;
  attributes.config = event;
  attributes.disabled = group_fd == -1 ? 1 : 0;  // the leader starts and stops the group
  attributes.exclude_kernel = 1;
  attributes.exclude_hv = 1;
  return static_cast<int>(syscall(SYS_perf_event_open, &attributes, 0, -1, group_fd, 0));
}

bool ReadEvent(int fd, uint64_t* count) {
  return read(fd, count, sizeof(*count)) == static_cast<ssize_t>(sizeof(*count));
}

}  // namespace

HardwareCounters::HardwareCounters() {
  instructions_fd_ = OpenEvent(PERF_COUNT_HW_INSTRUCTIONS, -1);
  if (instructions_fd_ >= 0) {
    cache_misses_fd_ = OpenEvent(PERF_COUNT_HW_CACHE_MISSES, instructions_fd_);
  }
  if (cache_misses_fd_ < 0) {
    refusal_ = std::string("perf_event_open refuses hardware events: ") + std::strerror(errno);
  }
}

HardwareCounters::~HardwareCounters() {
  if (cache_misses_fd_ >= 0) close(cache_misses_fd_);
  if (instructions_fd_ >= 0) close(instructions_fd_);
}

void HardwareCounters::Start() {
  if (!refusal_.empty()) return;
  ioctl(instructions_fd_, PERF_EVENT_IOC_RESET, PERF_IOC_FLAG_GROUP);
  ioctl(instructions_fd_, PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP);
}

HardwareCounts HardwareCounters::Read() const {
  HardwareCounts counts;
  if (!refusal_.empty()) return counts;
  counts.valid = ReadEvent(instructions_fd_, &counts.instructions) &&
                 ReadEvent(cache_misses_fd_, &counts.cache_misses);
  return counts;
}

}  // namespace moraine::bench
