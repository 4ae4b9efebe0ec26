// Purpose: maps a page id to its two words. One flat array in reserved address space: finding an
// entry is an addition, and only touched parts take memory (charged 8 KiB at a time).
// State word: MemWord, see page_words.h. A page's whole content changes by one CAS on it.
// States and transitions: those of the tree, which makes them (tree/README.md).
// Who may call what: Load and CompareAndSwap: any thread inside an epoch guard. StoreExclusive:
//   the thread that alone can reach the page. Allocate, Free: any thread.
// Invariants
//   P1 the object behind a mem word is immutable, but for the ts words of versions and a delta's
//      claim.
//   P2 a pointer word is compared only under the guard under which it was read, and a retired
//      object is never installed again, so equal bits mean an unchanged page.
//   P3 a page id is handed out again only after no guard can hold a path to it.
// Publication: CompareAndSwap and StoreExclusive release the object behind the word; Load acquires
//   it [P1].
// Reclamation: objects by the heap's epochs; the array lives as long as the table.
// Progress: Load, StoreExclusive and CompareAndSwap are wait-free and allocate nothing. Allocate
//   and Free take a lock (a split is rare).
// What could go wrong:
//   T1                          T2                             T3
//   reads word A, builds on it
//                               replaces A, retires it
//                                                              allocates A's memory, installs it
//   CAS(A) succeeds on a changed page. P2 excludes it: T1's guard keeps A from being reused.
// Tests that would fail: page_table_test, structure_test, engine_concurrency_test.
#ifndef MORAINE_STORAGE_CACHE_PAGE_TABLE_H_
#define MORAINE_STORAGE_CACHE_PAGE_TABLE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/base/ids.h"
#include "storage/cache/page_words.h"
#include "storage/memory/memory_budget.h"
#include "storage/sync/atomic.h"
#include "storage/sync/mutex.h"

namespace moraine {

enum class PageKind : uint8_t { kLeaf, kInner };

class PageTable {
 public:
  // Reserves address space for `capacity` pages. Inner pages have ids of their own range, so that
  // the words that every descent reads lie side by side.
  static absl::StatusOr<std::unique_ptr<PageTable>> Create(uint32_t capacity, MemoryBudget* budget);
  ~PageTable();

  MemWord Load(PageId page) const {
    // order: acquire <- PageTable::Install [P1]
    return MemWord::FromBits(entries_[page.value()].mem.load(std::memory_order_acquire));
  }
  // On failure `expected` becomes the current word.
  bool CompareAndSwap(PageId page, MemWord& expected, MemWord desired) {
    uint64_t bits = expected.bits();
    // order: release -> PageTable::Install [P1]; acquire because a failure hands out the word
    bool swapped = entries_[page.value()].mem.compare_exchange_strong(
        bits, desired.bits(), std::memory_order_acq_rel, std::memory_order_acquire);
    if (!swapped) expected = MemWord::FromBits(bits);
    return swapped;
  }
  // Sets the word of a page that no other thread can reach.
  void StoreExclusive(PageId page, MemWord word) {
    // order: release -> PageTable::Install [P1]
    entries_[page.value()].mem.store(word.bits(), std::memory_order_release);
  }

  // A page id whose word is kFree. ResourceExhausted when the table or the memory budget is full.
  absl::StatusOr<PageId> Allocate(PageKind kind);
  // Gives back ids that no guard can reach any more.
  void Free(PageId page);

  uint64_t allocated_count() const;
  uint64_t inner_count() const;

 private:
  struct Entry {
    Atomic<uint64_t> mem;
    Atomic<uint64_t> disk;
  };
  struct Range {
    uint32_t next = 0;
    uint32_t end = 0;
    uint32_t charged_end = 0;  // entries below it are charged to the budget
    std::vector<uint32_t> free;
    uint64_t used_count = 0;
  };
  static_assert(sizeof(Entry) == 16);

  PageTable(Entry* entries, uint32_t capacity, MemoryBudget* budget);
  Range& RangeOf(PageKind kind) { return kind == PageKind::kInner ? inner_ : leaves_; }

  Entry* const entries_;
  const uint32_t capacity_;
  MemoryBudget* const budget_;
  mutable Mutex mutex_;
  Range inner_;
  Range leaves_;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_CACHE_PAGE_TABLE_H_
