// What writers, waiters and the flusher of a log share. Words are grouped by who writes them: the
// ring's two words have cache lines of their own; the flusher's words are read by everybody and
// change once per device write; the waiters' words are read by the flusher only.
//
// Invariants: L1 stable_ only grows and never passes a byte that is not durable. L2 a poisoned log
// stays poisoned with its first error. L3 wake_position_ is announced before the flusher sleeps:
// whoever reserves beyond it afterwards sees it (ring.h, TailAfterAnnounce) and wakes the flusher.
// Progress: wait-free but for Poison and health (a lock, cold) and RequestSync (a CAS loop in which
// another's request for more succeeded).
#ifndef MORAINE_STORAGE_LOG_LOG_STATE_H_
#define MORAINE_STORAGE_LOG_LOG_STATE_H_

#include <cstdint>
#include <limits>

#include "absl/status/status.h"

#include "storage/log/ring.h"
#include "storage/log/ring_memory.h"
#include "storage/sync/atomic.h"
#include "storage/sync/mutex.h"

namespace moraine {

class LogState {
 public:
  using Ring = LogRing<DefaultPolicy, RingMemory>;
  static constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

  LogState(RingMemory& memory, uint64_t begin, uint64_t aside_bytes)
      : ring_(memory, begin, aside_bytes), stable_(begin) {}

  Ring& ring() { return ring_; }
  const Ring& ring() const { return ring_; }

  // order: acquire <- LogState::Stable [L1]
  uint64_t Stable() const { return stable_.load(std::memory_order_acquire); }

  // Writers, after Publish: wakes the flusher when it asked to be woken at this position.
  void WakeFlusherAt(uint64_t end) {
    // order: relaxed: Reserve acquired what the flusher announced before it slept [L3]
    if (end > wake_position_.load(std::memory_order_relaxed)) WakeFlusherSlowly();
  }

  // Waiters: everything below `position` is to be made durable now.
  void RequestSync(uint64_t position);
  // Writers out of ring space: whatever can be written is to be written now.
  void RequestSpace();
  void RequestStop();

  // order: relaxed: a late look admits records that WaitStable will refuse to call durable
  bool poisoned() const { return poisoned_.load(std::memory_order_relaxed); }
  absl::Status health() const;

  EventCount& stable_changed() { return stable_changed_; }
  EventCount& space_freed() { return space_freed_; }

  // Flusher only.
  EventCount& work() { return work_; }
  // order: acquire <- LogState::requested [L1]
  uint64_t requested() const { return requested_.load(std::memory_order_acquire); }
  // order: relaxed: EventCount orders it before the wake-up
  bool TakeSpaceRequest() { return space_wanted_.exchange(false, std::memory_order_relaxed); }
  // order: acquire <- LogState::stopping [L2]
  bool stopping() const { return stopping_.load(std::memory_order_acquire); }
  // Announces the position at which writers wake the flusher and returns the tail as of then.
  uint64_t AnnounceWake(uint64_t position);
  void WithdrawWake();
  void AdvanceStable(uint64_t position);
  // The first error sticks; everybody who waits is woken.
  void Poison(absl::Status error);

 private:
  void WakeFlusherSlowly();

  Ring ring_;

  // Written by the flusher.
  alignas(64) Atomic<uint64_t> stable_;
  Atomic<uint64_t> wake_position_{kNever};
  Atomic<bool> poisoned_{false};

  // Written by those who wait.
  alignas(64) Atomic<uint64_t> requested_{0};
  Atomic<bool> space_wanted_{false};
  Atomic<bool> stopping_{false};
  EventCount work_;
  EventCount stable_changed_;
  EventCount space_freed_;

  mutable Mutex mutex_;
  absl::Status health_;  // guarded by mutex_
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_LOG_LOG_STATE_H_
