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
//   P4 a disk word is published after its pieces can be read, and its refs are retired by epoch.
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
#include "storage/cache/disk_refs.h"
#include "storage/cache/page_entry.h"
#include "storage/cache/page_words.h"
#include "storage/memory/memory_budget.h"
#include "storage/sync/atomic.h"
#include "storage/sync/mutex.h"

namespace moraine {

enum class PageKind : uint8_t { kLeaf, kInner };

class PageTable {
 public:
  static constexpr size_t kPageBytes = 21;  // of the table, for each page

  // Reserves address space for `capacity` pages. Inner pages have ids of their own range, so that
  // the words that every descent reads lie side by side.
  static absl::StatusOr<std::unique_ptr<PageTable>> Create(uint32_t capacity, MemoryBudget* budget);
  ~PageTable();

  MemWord Load(PageId page) const { return entries_[page.value()].Load(); }
  // On failure `expected` becomes the current word.
  bool CompareAndSwap(PageId page, MemWord& expected, MemWord desired) {
    return entries_[page.value()].CompareAndSwap(expected, desired);
  }
  // Sets the word of a page that no other thread can reach.
  void StoreExclusive(PageId page, MemWord word) { entries_[page.value()].StoreExclusive(word); }

  DiskWord LoadDisk(PageId page) const { return entries_[page.value()].LoadDisk(); }
  bool CompareAndSwapDisk(PageId page, DiskWord& expected, DiskWord desired) {
    return entries_[page.value()].CompareAndSwapDisk(expected, desired);
  }

  // A stamp for MemWord::Evicted that no page of this table had before. Recovery's own ones are
  // below kFirstStamp.
  static constexpr uint64_t kFirstStamp = uint64_t{1} << 40;
  // order: relaxed: only has to be a new number
  uint64_t NextStamp() { return next_stamp_.fetch_add(1, std::memory_order_relaxed); }

  // The tree a page belongs to. Set by the tree before the page can be reached; whoever finds a
  // page id on its own (eviction, flushing) reads it inside a guard, beside the page's word.
  void SetTree(PageId page, TreeId tree) {
    // order: relaxed: published with the page's word [P1]
    notes_[page.value()].tree.store(tree.value(), std::memory_order_relaxed);
  }
  TreeId TreeOf(PageId page) const {
    // order: relaxed: read beside the page's word [P1]
    return TreeId(notes_[page.value()].tree.load(std::memory_order_relaxed));
  }

  // Counts a use of a page, up to kMostUses; a page in steady use costs a load of a byte.
  static constexpr uint8_t kMostUses = 3;
  void Touch(PageId page) {
    Atomic<uint8_t>& uses = uses_[page.value()];
    // order: relaxed: a hint for eviction
    uint8_t count = uses.load(std::memory_order_relaxed);
    // order: relaxed: a hint for eviction; a lost count does no harm
    if (count < kMostUses) uses.store(static_cast<uint8_t>(count + 1), std::memory_order_relaxed);
  }
  uint8_t Uses(PageId page) const {
    // order: relaxed: a hint for eviction
    return uses_[page.value()].load(std::memory_order_relaxed);
  }
  void SetUses(PageId page, uint8_t count) {
    // order: relaxed: a hint for eviction
    uses_[page.value()].store(count, std::memory_order_relaxed);
  }

  // Page ids below the first end are, or were, inner pages, those in the second range leaves; for
  // walks over the whole table.
  struct Extent {
    uint32_t begin;
    uint32_t end;
  };
  Extent inner_extent() const;
  Extent leaf_extent() const;
  // Marks a page of a database being opened as in use; single-threaded. ResourceExhausted as above.
  absl::Status Adopt(PageId page);
  // After the last Adopt: pages below the extents' ends that were not adopted are free.
  void FinishAdoption();

  // A page id whose word is kFree. ResourceExhausted when the table or the memory budget is full.
  absl::StatusOr<PageId> Allocate(PageKind kind);
  // Gives back ids that no guard can reach any more.
  void Free(PageId page);

  uint32_t capacity() const { return capacity_; }
  uint64_t allocated_count() const;
  uint64_t inner_count() const;

 private:
  using Entry = PageEntry<DefaultPolicy>;
  struct Note {
    Atomic<uint32_t> tree;
  };
  struct Range {
    uint32_t begin = 0;
    uint32_t next = 0;
    uint32_t end = 0;
    uint32_t charged_end = 0;  // entries below it are charged to the budget
    std::vector<uint32_t> free;
    uint64_t used_count = 0;
  };
  static_assert(sizeof(Entry) == 16);
  static_assert(kPageBytes == sizeof(Entry) + sizeof(Note) + sizeof(Atomic<uint8_t>));

  PageTable(void* memory, uint32_t capacity, MemoryBudget* budget);
  bool ChargeUpTo(Range& range, uint32_t end);
  Range& RangeOf(PageKind kind) { return kind == PageKind::kInner ? inner_ : leaves_; }

  // One mapping: entries, then notes, then use counts.
  Entry* const entries_;
  Note* const notes_;
  Atomic<uint8_t>* const uses_;
  const uint32_t capacity_;
  MemoryBudget* const budget_;
  alignas(64) Atomic<uint64_t> next_stamp_{kFirstStamp};
  mutable Mutex mutex_;
  Range inner_;
  Range leaves_;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_CACHE_PAGE_TABLE_H_
