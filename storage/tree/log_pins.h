// Positions of the log that must be replayed again although they lie before a checkpoint: chunks of
// large writes whose commit record may come after it.
#ifndef MORAINE_STORAGE_TREE_LOG_PINS_H_
#define MORAINE_STORAGE_TREE_LOG_PINS_H_

#include <algorithm>
#include <cstdint>
#include <set>

#include "absl/functional/function_ref.h"

#include "storage/log/log.h"
#include "storage/sync/mutex.h"

namespace moraine {

// Any thread. Takes a lock: large writes and checkpoints are rare.
class LogPins {
 public:
  // Held from before the first chunk is reserved until the commit record is published.
  class Pin {
   public:
    Pin(LogPins* pins, const Log& log) : pins_(pins) {
      MutexLock lock(pins_->mutex_);
      position_ = pins_->positions_.insert(log.Tail().value());
    }
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;
    ~Pin() {
      MutexLock lock(pins_->mutex_);
      pins_->positions_.erase(position_);
    }

   private:
    LogPins* pins_;
    std::multiset<uint64_t>::iterator position_;
  };

  // Calls `take`, which reads the log's tail, and returns the smaller of its result and the oldest
  // pin. No pin comes or goes meanwhile, so a write that is pinned later begins after the position,
  // and one released before ended before it.
  uint64_t OldestAround(absl::FunctionRef<uint64_t()> take) {
    MutexLock lock(mutex_);
    uint64_t position = take();
    return positions_.empty() ? position : std::min(position, *positions_.begin());
  }

 private:
  Mutex mutex_;
  std::multiset<uint64_t> positions_;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_LOG_PINS_H_
