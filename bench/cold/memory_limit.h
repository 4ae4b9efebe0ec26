// The same wall for every engine: a cgroup whose processes get no more memory than it says, page
// cache included. Without it an engine that keeps its own cache small would live off the system's.
#ifndef MORAINE_BENCH_COLD_MEMORY_LIMIT_H_
#define MORAINE_BENCH_COLD_MEMORY_LIMIT_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace moraine::bench {

class MemoryLimit {
 public:
  // Makes a cgroup of its own below the one this process is in: of version 2 where that can limit
  // memory, else of version 1. Unimplemented, with the reason, where neither can be made.
  static absl::StatusOr<std::unique_ptr<MemoryLimit>> Create(uint64_t bytes);
  // Removes it; its processes have ended by then.
  ~MemoryLimit();
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;

  // Moves the calling process into it. What the process had allocated before is not counted.
  absl::Status Enter() const;
  // The most that was in use at once, page cache included; 0 where the system does not tell.
  uint64_t PeakBytes() const;
  std::string description() const;  // "cgroup v1, 134217728 bytes"

 private:
  MemoryLimit(int version, std::string directory, uint64_t bytes)
      : version_(version), directory_(std::move(directory)), bytes_(bytes) {}
  // Makes the group below `parent`, or says why not.
  static absl::StatusOr<std::unique_ptr<MemoryLimit>> CreateBelow(int version,
                                                                  const std::string& parent,
                                                                  uint64_t bytes);

  const int version_;
  const std::string directory_;
  const uint64_t bytes_;
};

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_COLD_MEMORY_LIMIT_H_
