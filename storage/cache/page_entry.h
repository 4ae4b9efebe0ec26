// One page's two words and the only ways in which they change: the lock-free core of page_table.h,
// whose head comment has its rules, as a template over the policy, so that a checker runs it.
#ifndef MORAINE_STORAGE_CACHE_PAGE_ENTRY_H_
#define MORAINE_STORAGE_CACHE_PAGE_ENTRY_H_

#include <cstdint>

#include "storage/cache/disk_refs.h"
#include "storage/cache/page_words.h"
#include "storage/sync/atomic.h"

namespace moraine {

template <class Policy>
class PageEntry {
 public:
  MemWord Load() const {
    // order: acquire <- PageTable::Install [P1]
    return MemWord::FromBits(mem_.load(std::memory_order_acquire));
  }
  // On failure `expected` becomes the current word.
  bool CompareAndSwap(MemWord& expected, MemWord desired) {
    uint64_t bits = expected.bits();
    // order: release -> PageTable::Install [P1]; acquire because a failure hands out the word
    bool swapped = mem_.compare_exchange_strong(bits, desired.bits(), std::memory_order_acq_rel,
                                                std::memory_order_acquire);
    if (!swapped) expected = MemWord::FromBits(bits);
    return swapped;
  }
  void StoreExclusive(MemWord word) {
    // order: release -> PageTable::Install [P1]
    mem_.store(word.bits(), std::memory_order_release);
  }

  DiskWord LoadDisk() const {
    // order: acquire <- PageTable::Publish [P4]
    return DiskWord::FromBits(disk_.load(std::memory_order_acquire));
  }
  bool CompareAndSwapDisk(DiskWord& expected, DiskWord desired) {
    uint64_t bits = expected.bits();
    // order: release -> PageTable::Publish [P4]; acquire because a failure hands out the word
    bool swapped = disk_.compare_exchange_strong(bits, desired.bits(), std::memory_order_acq_rel,
                                                 std::memory_order_acquire);
    if (!swapped) expected = DiskWord::FromBits(bits);
    return swapped;
  }
  // Of a page that no other thread can reach.
  void ClearDisk() {
    // order: release -> PageTable::Publish [P4]
    disk_.store(0, std::memory_order_release);
  }

 private:
  typename Policy::template Atomic<uint64_t> mem_;
  typename Policy::template Atomic<uint64_t> disk_;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_CACHE_PAGE_ENTRY_H_
