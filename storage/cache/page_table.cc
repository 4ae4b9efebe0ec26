// The page table's address space and its free lists.
#include "storage/cache/page_table.h"

#include <sys/mman.h>

#include <algorithm>
#include <string>

#include "storage/base/check.h"

namespace moraine {
namespace {

constexpr uint32_t kEntriesPerCharge = 512;  // 8 KiB of entries
// A leaf has hundreds of siblings under one parent, so one id in 32 is plenty for inner pages.
constexpr uint32_t kPagesPerInnerPage = 32;
constexpr uint32_t kFirstInnerPage = 1;  // id 0 names no page

}  // namespace

absl::StatusOr<std::unique_ptr<PageTable>> PageTable::Create(uint32_t capacity,
                                                             MemoryBudget* budget) {
  if (capacity < 2 * kPagesPerInnerPage) {
    return absl::InvalidArgumentError("a page table of " + std::to_string(capacity) +
                                      " pages has no room for an inner page");
  }
  void* mapped = mmap(nullptr, size_t{capacity} * kPageBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) {
    return absl::ResourceExhaustedError("cannot reserve address space for a page table of " +
                                        std::to_string(capacity) +
                                        " pages; raise the limit (ulimit -v)");
  }
  madvise(mapped, size_t{capacity} * sizeof(Entry), MADV_HUGEPAGE);
  return std::unique_ptr<PageTable>(new PageTable(mapped, capacity, budget));
}

PageTable::PageTable(void* memory, uint32_t capacity, MemoryBudget* budget)
    : entries_(static_cast<Entry*>(memory)),
      notes_(reinterpret_cast<Note*>(entries_ + capacity)),
      uses_(reinterpret_cast<Atomic<uint8_t>*>(notes_ + capacity)),
      capacity_(capacity),
      budget_(budget) {
  inner_.begin = inner_.next = inner_.charged_end = kFirstInnerPage;
  inner_.end = capacity / kPagesPerInnerPage;
  leaves_.begin = leaves_.next = leaves_.charged_end = inner_.end;
  leaves_.end = capacity;
}

PageTable::~PageTable() {
  munmap(entries_, size_t{capacity_} * kPageBytes);
  uint64_t charged = inner_.charged_end - inner_.begin + leaves_.charged_end - leaves_.begin;
  budget_->Release(charged * kPageBytes);
}

bool PageTable::ChargeUpTo(Range& range, uint32_t end) {
  while (range.charged_end < end) {
    if (!budget_->Charge(kEntriesPerCharge * kPageBytes, ChargeKind::kReserve)) return false;
    range.charged_end += kEntriesPerCharge;
  }
  return true;
}

absl::StatusOr<PageId> PageTable::Allocate(PageKind kind) {
  MutexLock lock(mutex_);
  Range& range = RangeOf(kind);
  if (!range.free.empty()) {
    PageId page(range.free.back());
    range.free.pop_back();
    ++range.used_count;
    return page;
  }
  if (range.next == range.end) {
    return absl::ResourceExhaustedError("the page table is full (" + std::to_string(capacity_) +
                                        " pages)");
  }
  if (!ChargeUpTo(range, range.next + 1)) {
    return absl::ResourceExhaustedError("no memory left for the page table; raise memory_bytes");
  }
  ++range.used_count;
  return PageId(range.next++);
}

void PageTable::Free(PageId page) {
  StoreExclusive(page, MemWord());
  entries_[page.value()].ClearDisk();
  SetUses(page, 0);
  MutexLock lock(mutex_);
  Range& range = page.value() < inner_.end ? inner_ : leaves_;
  MORAINE_CHECK(page.value() < range.next && range.used_count > 0);
  --range.used_count;
  range.free.push_back(page.value());
}

PageTable::Extent PageTable::inner_extent() const {
  MutexLock lock(mutex_);
  return {inner_.begin, inner_.next};
}

PageTable::Extent PageTable::leaf_extent() const {
  MutexLock lock(mutex_);
  return {leaves_.begin, leaves_.next};
}

absl::Status PageTable::Adopt(PageId page) {
  MutexLock lock(mutex_);
  if (page == kNoPage || page.value() >= capacity_) {
    return absl::DataLossError("page " + std::to_string(page.value()) +
                               " does not fit into the page table");
  }
  Range& range = page.value() < inner_.end ? inner_ : leaves_;
  if (!ChargeUpTo(range, page.value() + 1)) {
    return absl::ResourceExhaustedError("no memory left for the page table; raise memory_bytes");
  }
  range.next = std::max(range.next, page.value() + 1);
  ++range.used_count;
  return absl::OkStatus();
}

void PageTable::FinishAdoption() {
  MutexLock lock(mutex_);
  for (Range* range : {&inner_, &leaves_}) {
    for (uint32_t page = range->begin; page < range->next; ++page) {
      if (Load(PageId(page)).state() == PageState::kFree) range->free.push_back(page);
    }
  }
}

uint64_t PageTable::allocated_count() const {
  MutexLock lock(mutex_);
  return inner_.used_count + leaves_.used_count;
}

uint64_t PageTable::inner_count() const {
  MutexLock lock(mutex_);
  return inner_.used_count;
}

}  // namespace moraine
