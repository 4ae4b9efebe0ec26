// One number that bounds what a database keeps in memory. Everything that allocates charges here
// first: page arenas (by size class), the page table, log ring and I/O buffers. Ordinary charges
// stop at the limit; work that frees memory or must finish (deletes, consolidation, recovery
// bookkeeping) may use a small reserve beyond it.
#ifndef MORAINE_STORAGE_MEMORY_MEMORY_BUDGET_H_
#define MORAINE_STORAGE_MEMORY_MEMORY_BUDGET_H_

#include <cstdint>

#include "storage/sync/atomic.h"
#include "storage/sync/policy_number.h"

namespace moraine {

enum class ChargeKind : uint8_t {
  kOrdinary,  // refused beyond the limit
  kReserve,   // refused beyond limit + reserve
};

// Any thread; wait-free but for the CAS loop of Charge, in which another thread's charge succeeded
// when ours retries.
template <class Policy>
class BasicMemoryBudget {
 public:
  using U64 = typename PolicyNumber<Policy>::Type;

  explicit BasicMemoryBudget(U64 limit_bytes)
      : limit_bytes_(limit_bytes), reserve_bytes_(ReserveOf(limit_bytes)) {}

  // Whether `bytes` more are allowed; if so they are counted until Release.
  bool Charge(U64 bytes, ChargeKind kind) {
    U64 most = kind == ChargeKind::kOrdinary ? limit_bytes_ : limit_bytes_ + reserve_bytes_;
    // order: relaxed: a count; nothing is published through it
    U64 used = used_bytes_.load(std::memory_order_relaxed);
    do {
      if (bytes > most || used > most - bytes) return false;
      // order: relaxed: a count
    } while (!used_bytes_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed,
                                                std::memory_order_relaxed));
    return true;
  }

  // order: relaxed: a count
  void Release(U64 bytes) { used_bytes_.fetch_sub(bytes, std::memory_order_relaxed); }

  // order: relaxed: a statistic
  U64 used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }
  U64 limit_bytes() const { return limit_bytes_; }
  // Whether the reserve is in use.
  bool over_limit() const { return used_bytes() > limit_bytes_; }

 private:
  // An eighth and a megabyte, but never so much that limit + reserve wraps around: a limit that
  // means "none" would then refuse what may use the reserve.
  static U64 ReserveOf(U64 limit_bytes) {
    U64 reserve = limit_bytes / 8 + (uint64_t{1} << 20);
    U64 room = ~uint64_t{0} - limit_bytes;
    if (room < reserve) return room;
    return reserve;
  }

  const U64 limit_bytes_;
  const U64 reserve_bytes_;
  alignas(64) typename Policy::template Atomic<U64> used_bytes_{0};
};
using MemoryBudget = BasicMemoryBudget<DefaultPolicy>;

}  // namespace moraine

#endif  // MORAINE_STORAGE_MEMORY_MEMORY_BUDGET_H_
