// Tells a writer that is slow from one whose thread has stopped. Whoever meets an undecided version
// again and again watches its owner here; an owner that has taken no step for kStallPatience is
// taken to have stopped, and its attempt may be ended by anybody: when it wakes up it finds itself
// aborted and tries again. Without this a thread that never runs again, frozen between install and
// flip, would block every other writer of its keys for ever.
#ifndef MORAINE_STORAGE_TREE_STALL_WATCH_H_
#define MORAINE_STORAGE_TREE_STALL_WATCH_H_

#include <chrono>
#include <cstdint>

#include "storage/tree/version.h"

namespace moraine {

// Longer than a timeslice, so that a thread that waits for a processor is seldom taken for one.
inline constexpr std::chrono::milliseconds kStallPatience{20};

// Of one waiting thread. Inside a guard, as the version must be alive.
class StallWatch {
 public:
  // Whether the owner of `blocker`, undecided, has stood still since the call before, and long
  // enough. A wrong yes costs the owner an attempt, no more.
  bool HasStalled(const Version& blocker);
  // Ends the attempt that `blocker` belongs to.
  static void EndAttempt(Version& blocker);

 private:
  const void* owner_ = nullptr;
  uint64_t steps_ = 0;
  std::chrono::steady_clock::time_point since_;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_STALL_WATCH_H_
