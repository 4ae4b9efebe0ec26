// Purpose: lets the store wait until every read that began before a moment has ended, without
// knowing the reads. Two counts, of which `parity_` says where new reads are counted.
// State words: parity_ 0 or 1; counts_[p] leases that were begun in parity p.
// States and transitions: counts_ up and down by readers, contended; parity_ by Flip only.
// Who may call what: Begin, End: any thread. AfterUnlinking, Flip, Drained: one thread at a time (the
//   store's lock).
// Invariants
//   L1 a lease is counted before it looks for anything.
//   L2 the owner unlinks, calls AfterUnlinking, sees Drained, flips, and sees Drained again before it
//      uses anew. So it has seen both counts at zero since it unlinked.
//   Hence every lease that may have found what was unlinked has ended: it had counted itself before
//   the fence, in either count, for the parity that it read may have been an old one.
// Publication: End releases the lease's last read, Drained acquires it [L2]. The count of Begin is
//   ordered before the lease's loads by LightFence, against the HeavyFence behind unlinking [L1].
// Reclamation: none.
// Progress: all wait-free; nothing allocates. Drained becomes true in the end, since new leases go to
//   the other count.
// What could go wrong:
//   T1 (reader)              T2 (store)
//   p = parity_ (0)
//                            Flip (1), for something else
//   ++counts_[0]; finds A
//                            unlink A; Flip (0); Drained: counts_[1] = 0: uses A anew
//   reads A                  T1 is counted where nobody looked. The look before Flip excludes it [L2].
// Tests that would fail: read_leases_test, segment_store_test ReadersKeepASegment.
#ifndef MORAINE_STORAGE_SEGMENTS_READ_LEASES_H_
#define MORAINE_STORAGE_SEGMENTS_READ_LEASES_H_

#include <array>
#include <cstdint>

#include "storage/sync/atomic.h"

namespace moraine {

template <class Policy = DefaultPolicy>
class ReadLeases {
 public:
  // The parity to give to End.
  uint32_t Begin() {
    // order: relaxed: an old parity will do [L2]
    const uint32_t parity = parity_.load(std::memory_order_relaxed);
    // order: relaxed: the fence orders it [L1]
    counts_[parity].value.fetch_add(1, std::memory_order_relaxed);
    Policy::LightFence();
    return parity;
  }
  void End(uint32_t parity) {
    // order: release -> ReadLeases::Drained [L2]
    counts_[parity].value.fetch_sub(1, std::memory_order_release);
  }

  void AfterUnlinking() { Policy::HeavyFence(); }
  // Whether no lease of the parity that is not in use is left.
  bool Drained() const {
    // order: relaxed: only this side writes it
    const uint32_t parity = parity_.load(std::memory_order_relaxed);
    // order: acquire <- ReadLeases::Drained [L2]
    return counts_[1 - parity].value.load(std::memory_order_acquire) == 0;
  }
  // Begins to wait for the leases of now. Only when Drained.
  void Flip() {
    // order: relaxed: only this side writes it
    const uint32_t parity = parity_.load(std::memory_order_relaxed);
    // order: relaxed: an old parity will do [L2]
    parity_.store(1 - parity, std::memory_order_relaxed);
  }

 private:
  struct alignas(64) Count {
    typename Policy::template Atomic<uint64_t> value{0};
  };
  alignas(64) typename Policy::template Atomic<uint32_t> parity_{0};
  std::array<Count, 2> counts_;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_SEGMENTS_READ_LEASES_H_
