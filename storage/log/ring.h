// Purpose: the log's memory. Position p of the log lives at p modulo the ring's size; writers
// reserve ranges with one atomic add, fill them and publish them in any order; one flusher takes
// published prefixes away. Backwards from the flusher's view there is no second shared counter: a
// record announces itself by its own first word.
//
// State words
//   tail_       the next position to reserve; grows only. Own cache line.
//   available_  bytes of ring space that nobody holds as credit. Own cache line.
//   slot word   the first word of each record (slot_word.h): zero, then the published value.
// States and transitions (of a range of the ring; who makes each)
//   free --Take--> credit (any writer, a CAS that may fail)      credit --Give--> free (its owner)
//   credit --Reserve--> reserved (its owner, one fetch_add)
//   aside --ReservePadding--> reserved (flusher, a CAS that races with Reserve)
//   reserved --Publish--> published (its owner, one store)
//   published --Release--> free (flusher, after the bytes are in a file)
// Contended: tail_ by all writers, available_ once per grain of credit.
// Who may call what
//   any thread: Take, Give, Reserve, Publish (its own range), Tail, available
//   flusher only: Read, Release, ReservePadding, TailAfterAnnounce
// Invariants
//   R1 (tail_ - flushed) + available_ + all credit + what is set aside == the ring's bytes: a range
//      that was paid for never overlaps one that was not yet released.
//   R2 free space is all zero, so a reserved slot reads as unpublished until its owner says so.
//   R3 the slot word is stored once, after all other bytes of the record.
//   R4 the flusher never passes an unpublished slot, and never reads beyond flushed + the ring's
//      bytes, where the next lap begins.
//   R5 publication rule: what a thread did before Reserve returned position p is visible to every
//      thread that got more than p from Tail.
// Publication: Publish releases the record; Read acquires it [R3]. Release clears, then releases
// through available_; Take acquires [R2]. A writer on old credit may be given space that another's
// Take acquired: then that other reserved earlier, and Reserve acquires what Reserve released; since
// every change of tail_ and of available_ is a read-modify-write, no release sequence is broken
// [R2, R5]. TailAfterAnnounce and Reserve are two read-modify-writes of one word, so one of them
// sees the other: a flusher that announced a wake-up position is woken, or sees the position.
// Reclamation: none; the memory lives as long as the ring.
// Progress: all wait-free but Take (lock-free: it retries when another's Take or Give succeeded) and
// ReservePadding (retries when another's Reserve succeeded). Nothing blocks or allocates.
// What could go wrong:
//   T1 (writer)                    T2 (flusher)
//   p = Reserve
//                                  Read(p): an old lap's word, taken for published   [without R2]
//   copy, Publish                  writes a stale record as if it were T1's
// Tests that would fail: ring_test, ring_stress_test, log_test.
#ifndef MORAINE_STORAGE_LOG_RING_H_
#define MORAINE_STORAGE_LOG_RING_H_

#include <cstddef>
#include <cstdint>

#include "storage/base/check.h"
#include "storage/log/record_format.h"
#include "storage/log/slot_word.h"
#include "storage/sync/atomic.h"
#include "storage/sync/policy_number.h"

namespace moraine {

// A range of positions.
struct LogRange {
  uint64_t begin = 0;
  uint64_t bytes = 0;
  uint64_t end() const { return begin + bytes; }
};

// Memory: where the bytes are, so that a checker can bring its own.
//   uint64_t bytes() const                                     a power of two
//   typename Policy::template Atomic<uint64_t>& Word<Policy>(position)   the slot word at a position
//   void Clear(position, bytes)                                stores zeros
template <class Policy, class Memory>
class LogRing {
 public:
  using U64 = typename PolicyNumber<Policy>::Type;

  // Begins with every byte free, but for `aside_bytes`, which belong to the flusher for ever.
  LogRing(Memory& memory, U64 begin, U64 aside_bytes)
      : memory_(memory), tail_(begin), available_(memory.bytes() - aside_bytes) {}
  LogRing(const LogRing&) = delete;
  LogRing& operator=(const LogRing&) = delete;

  // Takes `bytes` of free space as credit, or nothing.
  bool Take(U64 bytes) {
    // order: relaxed: only the CAS below decides
    U64 available = available_.load(std::memory_order_relaxed);
    do {
      if (available < bytes) return false;
      // order: acquire <- LogRing::Take [R2]
    } while (!available_.compare_exchange_weak(
        available, available - bytes, std::memory_order_acquire, std::memory_order_relaxed));
    return true;
  }

  // Gives unused credit back.
  // order: relaxed: the space was not touched; Release stays the head of the release sequence [R2]
  void Give(U64 bytes) { available_.fetch_add(bytes, std::memory_order_relaxed); }

  // order: relaxed: a hint for how much credit to take
  U64 available() const { return available_.load(std::memory_order_relaxed); }

  // The position of a range of `bytes` (a multiple of 8), which the caller's credit must cover.
  U64 Reserve(U64 bytes) {
    MORAINE_DCHECK(bytes % kRecordAlignment == 0);
    // order: release -> LogRing::Tail [R5]
    // order: acquire <- LogRing::Tail [R2]
    return tail_.fetch_add(bytes, std::memory_order_acq_rel);
  }

  // order: acquire <- LogRing::Tail [R5]
  U64 Tail() const { return tail_.load(std::memory_order_acquire); }

  // The tail, ordered against every Reserve: whoever reserves later sees what the caller stored
  // before.
  // order: release -> LogRing::Tail [R5]
  // order: acquire <- LogRing::Tail [R5]
  U64 TailAfterAnnounce() { return tail_.fetch_add(0, std::memory_order_acq_rel); }

  // Reserves a record of at least `least_bytes` that ends at the next multiple of `unit`.
  LogRange ReservePadding(uint64_t unit, uint64_t least_bytes) {
    // order: relaxed: only the CAS below decides
    uint64_t tail = tail_.load(std::memory_order_relaxed);
    uint64_t bytes = 0;
    do {
      bytes = unit - tail % unit;
      if (bytes < least_bytes) bytes += unit;
      // order: release -> LogRing::Tail [R5]
      // order: acquire <- LogRing::Tail [R2]
    } while (!tail_.compare_exchange_weak(tail, tail + bytes, std::memory_order_acq_rel,
                                          std::memory_order_relaxed));
    return {tail, bytes};
  }

  // Announces the record at `position`, all other bytes of which are in place.
  void Publish(uint64_t position, SlotWord word) {
    MORAINE_DCHECK(word.published());
    // order: release -> LogRing::Read [R3]
    memory_.template Word<Policy>(position).store(word.bits(), std::memory_order_release);
  }

  // The slot word at `position`; unpublished when its owner is not done or nobody reserved it.
  SlotWord Read(uint64_t position) const {
    // order: acquire <- LogRing::Read [R3]
    return SlotWord::FromBits(
        memory_.template Word<Policy>(position).load(std::memory_order_acquire));
  }

  // Frees a range that has been copied out; `aside_bytes` of its bytes go back to the flusher.
  void Release(LogRange range, uint64_t aside_bytes) {
    MORAINE_DCHECK(aside_bytes <= range.bytes);
    memory_.Clear(range.begin, range.bytes);
    // order: release -> LogRing::Take [R2]
    available_.fetch_add(range.bytes - aside_bytes, std::memory_order_release);
  }

  uint64_t bytes() const { return memory_.bytes(); }
  Memory& memory() const { return memory_; }

 private:
  Memory& memory_;
  alignas(64) typename Policy::template Atomic<U64> tail_;
  alignas(64) typename Policy::template Atomic<U64> available_;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_LOG_RING_H_
