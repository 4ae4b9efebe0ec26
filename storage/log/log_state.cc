// The slow halves of LogState: requests to the flusher, its answers, and the sticky error.
#include "storage/log/log_state.h"

#include <utility>

#include "storage/base/check.h"

namespace moraine {

void LogState::RequestSync(uint64_t position) {
  // order: relaxed: only the CAS below publishes
  uint64_t requested = requested_.load(std::memory_order_relaxed);
  while (requested < position) {
    // order: release -> LogState::requested [L1]
    if (requested_.compare_exchange_weak(requested, position, std::memory_order_release,
                                         std::memory_order_relaxed)) {
      work_.NotifyAll();
      return;
    }
  }
}

void LogState::RequestSpace() {
  // order: relaxed: NotifyAll orders it
  space_wanted_.store(true, std::memory_order_relaxed);
  work_.NotifyAll();
}

void LogState::RequestStop() {
  // order: release -> LogState::stopping [L2]
  stopping_.store(true, std::memory_order_release);
  work_.NotifyAll();
}

void LogState::WakeFlusherSlowly() {
  // One of the writers beyond the position does it.
  // order: relaxed: NotifyAll orders it
  if (wake_position_.exchange(kNever, std::memory_order_relaxed) != kNever) work_.NotifyAll();
}

uint64_t LogState::AnnounceWake(uint64_t position) {
  // order: relaxed: TailAfterAnnounce releases it to later reservers [L3]
  wake_position_.store(position, std::memory_order_relaxed);
  return ring_.TailAfterAnnounce();
}

void LogState::WithdrawWake() {
  // order: relaxed: a writer that still sees the old position wakes a flusher that is awake
  wake_position_.store(kNever, std::memory_order_relaxed);
}

void LogState::AdvanceStable(uint64_t position) {
  // order: relaxed: the flusher alone writes it
  MORAINE_CHECK(position >= stable_.load(std::memory_order_relaxed));
  // order: release -> LogState::Stable [L1]
  stable_.store(position, std::memory_order_release);
  stable_changed_.NotifyAll();
}

void LogState::Poison(absl::Status error) {
  {
    MutexLock lock(mutex_);
    if (!health_.ok()) return;
    health_ = std::move(error);
  }
  // order: relaxed: NotifyAll orders it for those who wait [L2]
  poisoned_.store(true, std::memory_order_relaxed);
  stable_changed_.NotifyAll();
  space_freed_.NotifyAll();
}

absl::Status LogState::health() const {
  MutexLock lock(mutex_);
  return health_;
}

}  // namespace moraine
