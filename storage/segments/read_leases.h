// Purpose: lets the store wait until every read that began before a moment has ended, without
// knowing the reads. Two counts, of which `parity_` says where new reads are counted.
// State words: parity_ 0 or 1; counts_[p] leases that were begun in parity p.
// States and transitions: counts_ up and down by readers, contended; parity_ by Flip only.
// Who may call what: Begin, End: any thread. Flip, Drained: one thread at a time (the store's lock).
// Invariants
//   L1 a lease counted in p saw parity_ = p after it had counted itself.
//   L2 Flip is called only when Drained.
//   Hence, once Drained again after a Flip, every lease whose Begin returned before the Flip has
//   ended: it was counted in the old parity before the Flip, so Drained sees it. A Begin that meets
//   a Flip counts itself anew.
// Publication: End releases the lease's last read; Drained acquires it. What was unlinked before
//   Flip is not found by a lease that saw the Flip.
// Reclamation: none.
// Progress: Begin is lock-free (it repeats only when a Flip happened), all others are wait-free;
//   nothing allocates.
// What could go wrong:
//   T1 (reader)              T2 (store)
//   p = parity_ (0)
//                            unlink A; Flip (1); Drained: counts_[0] = 0
//   ++counts_[0]
//                            unlink B; Flip (0); Drained: counts_[1] = 0: reuses B
//   reads B                  T1 was counted where nobody looked. The second look [L1] excludes it.
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
    for (;;) {
      // order: seq_cst: parity_ and counts_ need one total order [L1]
      uint32_t parity = parity_.load(std::memory_order_seq_cst);
      // order: seq_cst: before the second look at parity_ [L1]
      counts_[parity].value.fetch_add(1, std::memory_order_seq_cst);
      // order: seq_cst: after the count [L1]
      if (parity_.load(std::memory_order_seq_cst) == parity) return parity;
      End(parity);
    }
  }
  // order: seq_cst: the lease's reads come before; Drained sees it
  void End(uint32_t parity) { counts_[parity].value.fetch_sub(1, std::memory_order_seq_cst); }

  // Begins to wait for the leases of now.
  void Flip() {
    // order: relaxed: only this side writes it
    uint32_t parity = parity_.load(std::memory_order_relaxed);
    // order: seq_cst: parity_ and counts_ need one total order [L1]
    parity_.store(1 - parity, std::memory_order_seq_cst);
  }
  // Whether every lease from before the last Flip has ended.
  bool Drained() const {
    // order: relaxed: only this side writes it
    uint32_t parity = parity_.load(std::memory_order_relaxed);
    // order: seq_cst: parity_ and counts_ need one total order [L1]
    return counts_[1 - parity].value.load(std::memory_order_seq_cst) == 0;
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
