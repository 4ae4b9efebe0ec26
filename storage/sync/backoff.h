// Exponential back-off for retry loops: 1, 2, 4 ... 64 pauses, then the processor is offered to
// others. It only delays; whoever made the retry necessary has already made progress.
#ifndef MORAINE_STORAGE_SYNC_BACKOFF_H_
#define MORAINE_STORAGE_SYNC_BACKOFF_H_

#include <sched.h>

#include <cstdint>

#include "storage/sync/atomic.h"

namespace moraine {

template <class Policy = DefaultPolicy>
class Backoff {
 public:
  void Wait() {
    if (pauses_ > kMostPauses) {
      Policy::Pause();
      sched_yield();
      return;
    }
    for (uint32_t i = 0; i < pauses_; ++i) Policy::Pause();
    pauses_ *= 2;
  }
  // Whether the cheap turns are used up: the point at which a bounded wait gives up.
  bool Exhausted() const { return pauses_ > kMostPauses; }

 private:
  static constexpr uint32_t kMostPauses = 64;
  uint32_t pauses_ = 1;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_SYNC_BACKOFF_H_
