// Purpose: epoch-based reclamation. Memory that was unlinked from a shared structure is given back
// only when every thread that could still hold a pointer to it has left its guard. Follows K.
// Fraser, "Practical lock-freedom" (2004), section 5.2.3; differences: entering is a plain store
// (asymmetric fence), frees are amortised by the caller (see memory/heap.h), and a retired object
// is dated by its owner's pinned epoch + 1 instead of by a second read of the clock.
//
// State words: clock_ = the epoch, from 1 up.  Participant::active_ = 0 (outside a guard) or the
// epoch it entered at.
// States and transitions:
//   active_: 0 -> e at Enter (owner only), e -> 0 at Exit (owner only).
//   clock_: e -> e + 1 by any thread (one CAS wins).
// Who may call what: Enter, Exit: the participant's owner. Join, Leave, TryAdvance, Now: any
// thread.
// Invariants
//   E1 a participant inside its guard with active_ = a keeps clock_ <= a + 1.
//   E2 an object unlinked by a thread pinned at a is unreachable for every guard entered at an
//     epoch > a + 1.
//   E3 so it may be freed once clock_ >= a + 3: every guard of epochs <= a + 1 has
//     ended by then.
// Publication: Exit releases a reader's last use of everything; the scan of TryAdvance acquires it
// [E3], also through the store of a later Enter. The store in Enter is ordered before the reader's
// loads by LightFence, against the HeavyFence between unlinking and the scan in TryAdvance [E1].
// Reclamation: participants live as long as the domain, recycled through Join and Leave.
// Progress: Enter and Exit are wait-free and allocate nothing; TryAdvance is wait-free in the
// number of participants and fails while one of them sits in an old guard; Join is lock-free and
// may allocate.
// What could go wrong:
//   T1 (reader)                 T2 (reclaimer)
//   e = clock_ (5)
//                               scan: active_(T1) = 0 -> clock_ 6, 7; unlink X, retire X
//   active_ = 5; load X         scan: sees 5 != 7, stays: X is kept
//   Without the fence pair T1's load may pass its store, and T2 frees X under it.
//   T1 (reclaimer)              T2 (reader)
//   e = clock_ (5)
//                               clock_ 6 .. 9; active_ = 9; load X
//   active_ = 5; unlink X; its date 6 is long past: frees X under T2
//   Hence Enter looks at the clock again behind the fence.
// Tests that would fail: epoch_test GuardKeepsRetiredObject and EnterNeverPinsAnEpochLongPast,
// epoch_schedule_test, heap_stress_test.
#ifndef MORAINE_STORAGE_SYNC_EPOCH_H_
#define MORAINE_STORAGE_SYNC_EPOCH_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "storage/base/check.h"
#include "storage/sync/atomic.h"
#include "storage/sync/policy_number.h"

namespace moraine {

inline constexpr uint64_t kEpochGracePeriods = 3;  // [E3]

template <class Policy = DefaultPolicy>
class EpochDomain {
 public:
  using U64 = typename PolicyNumber<Policy>::Type;

  class alignas(64) Participant {
   public:
    // Enters a guard; nested calls count. Owner only. The second look at the clock makes [E1] true
    // for a thread that was interrupted after the first; a stale pin stops the clock, so there are
    // three turns at most.
    void Enter() {
      if (depth_++ > 0) return;
      U64 now = domain_->Now();
      U64 pinned;
      do {
        pinned = now;
        // order: release -> EpochDomain::Scan [E3]: carries on what Exit released
        active_.store(pinned, std::memory_order_release);
        Policy::LightFence();
        now = domain_->Now();
      } while (now != pinned);
    }
    void Exit() {
      MORAINE_DCHECK(depth_ > 0);
      if (--depth_ > 0) return;
      // order: release -> EpochDomain::Scan [E3]
      active_.store(0, std::memory_order_release);
    }
    bool InGuard() const { return depth_ > 0; }
    // The date to retire an object under: pinned epoch + 1 [E2]. Owner only, inside a guard.
    U64 RetireEpoch() const {
      MORAINE_DCHECK(depth_ > 0);
      // order: relaxed: the owner reads its own store
      return active_.load(std::memory_order_relaxed) + 1;
    }

   private:
    friend class EpochDomain;
    typename Policy::template Atomic<U64> active_{0};
    typename Policy::template Atomic<uint32_t> claimed_{1};
    EpochDomain* domain_ = nullptr;
    Participant* next_ = nullptr;  // immutable once linked
    uint32_t depth_ = 0;           // owner only
  };

  // Begins at `first_epoch`, which is not 0.
  explicit EpochDomain(U64 first_epoch = 1) : clock_(first_epoch) {}
  EpochDomain(const EpochDomain&) = delete;
  EpochDomain& operator=(const EpochDomain&) = delete;
  ~EpochDomain() {
    // order: relaxed: no other thread uses a domain being destroyed
    Participant* at = head_.load(std::memory_order_relaxed);
    while (at != nullptr) std::unique_ptr<Participant>(std::exchange(at, at->next_));
  }

  // A participant for the calling thread, recycled or new.
  Participant& Join() {
    for (Participant* at = First(); at != nullptr; at = at->next_) {
      uint32_t free = 0;
      // order: acquire <- EpochDomain::Leave [E1]
      if (at->claimed_.compare_exchange_strong(free, 1, std::memory_order_acquire,
                                               std::memory_order_relaxed)) {
        return *at;
      }
    }
    auto fresh = std::make_unique<Participant>();
    fresh->domain_ = this;
    // order: relaxed: only the CAS below publishes
    Participant* head = head_.load(std::memory_order_relaxed);
    do {
      fresh->next_ = head;
      // order: release -> EpochDomain::First [E1]
    } while (!head_.compare_exchange_weak(head, fresh.get(), std::memory_order_release,
                                          std::memory_order_relaxed));
    return *fresh.release();
  }

  void Leave(Participant& participant) {
    MORAINE_CHECK(participant.depth_ == 0);
    // order: release -> EpochDomain::Leave [E1]
    participant.claimed_.store(0, std::memory_order_release);
  }

  // order: acquire <- EpochDomain::TryAdvance [E3]
  U64 Now() const { return clock_.load(std::memory_order_acquire); }

  // Moves the clock on by one unless a participant is still in an older epoch. Costs one heavy
  // fence.
  bool TryAdvance() {
    U64 now = Now();
    Policy::HeavyFence();
    for (Participant* at = First(); at != nullptr; at = at->next_) {
      // order: acquire <- EpochDomain::Scan [E3]
      U64 active = at->active_.load(std::memory_order_acquire);
      if (active != 0 && active != now) return false;
    }
    // order: release -> EpochDomain::TryAdvance [E1]
    return clock_.compare_exchange_strong(now, now + 1, std::memory_order_acq_rel,
                                          std::memory_order_relaxed);
  }

 private:
  // order: acquire <- EpochDomain::First [E1]
  Participant* First() const { return head_.load(std::memory_order_acquire); }

  alignas(64) typename Policy::template Atomic<U64> clock_;
  alignas(64) typename Policy::template Atomic<Participant*> head_{nullptr};
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_SYNC_EPOCH_H_
