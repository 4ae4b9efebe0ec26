// How a heap keeps what it has mapped within the budget and kHeapSlackBytes. A region for a thread
// is looked for in this order, the cheap before the dear:
//   take    a free span, or a chunk while there is room for one
//   split   free blocks of twice the size or more become spans
//   sweep   all free blocks in shared lists are counted by page; whole pages become spans
//   purge   pages of spans that are too small here go back to the system, which makes room
//   charge  the missing room is charged to the budget as overhead
//   scrap   work that frees memory, and only that, takes a free block of any larger size
//
// Room: mapped + more <= charged + overhead + slack, or mapped + more + what others charged to the
// budget <= limit + slack. Both keep the sum of all memory within the budget and the slack.
//
// When the last step is refused, so is the allocation, and as much overhead as fits is charged all
// the same: the budget then shows that memory is short, and whoever makes room by it evicts
// objects. That ends, since evicted objects fill lists that the next sweep finds; overhead becomes
// the charge of a block allocated from a list (TakeOverhead) and is given back when the free memory
// is less than it says (SettleOverhead). Nothing here waits for a guard, so it cannot deadlock.
#include <algorithm>
#include <mutex>
#include <utility>

#include "storage/memory/heap.h"

namespace moraine {
namespace {

// A sweep looks at all that is free; it is worthwhile when this part of it is new, or this part of
// what the budget allows at all.
constexpr uint64_t kFreeBytesPerPushed = 8;
constexpr uint64_t kLimitBytesPerPushed = 16;
// Blocks above this size find neighbours so rarely that free blocks of their own size are joined.
constexpr size_t kScarceBlockBytes = size_t{16} << 10;
// Purging makes room for the next few chunks as well.
constexpr uint64_t kPurgeAheadBytes = 2 * kChunkBytes;
// Memory is returned unasked once most of it is free, and more than this.
constexpr uint64_t kTrimBytes = 2 * kHeapSlackBytes;
constexpr uint64_t kMappedBytesPerPushed = 16;  // and this part of it has been freed since a sweep
constexpr uint32_t kFirstClass = SizeClassOf(kSmallestClassBytes);
constexpr uint64_t kLeastOverheadBytes = uint64_t{64} << 10;

uint64_t Above(uint64_t bytes, uint64_t subtracted) {
  return bytes > subtracted ? bytes - subtracted : 0;
}

}  // namespace

uint64_t Heap::mapped_bytes() const {
  // order: relaxed: a count
  return pool_.mapped_bytes() + large_bytes_.load(std::memory_order_relaxed);
}

uint64_t Heap::charged_bytes() const {
  // order: relaxed: a count
  return charged_bytes_.load(std::memory_order_relaxed);
}

uint64_t Heap::overhead_bytes() const {
  // order: relaxed: a count
  return overhead_bytes_.load(std::memory_order_relaxed);
}

// What others have charged seems larger, never smaller, while this and Release are between their
// two counts.
bool Heap::Charge(uint64_t bytes, ChargeKind kind) {
  if (!budget_->Charge(bytes, kind)) return false;
  // order: relaxed: a count
  charged_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  SettleOverhead();
  return true;
}

void Heap::Release(uint64_t bytes) {
  // order: relaxed: a count
  charged_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  budget_->Release(bytes);
}

// Charges `bytes` as overhead and returns true, or charges what can be had of them.
bool Heap::ChargeOverhead(uint64_t bytes, ChargeKind kind) {
  uint64_t charged = budget_->Charge(bytes, kind) ? bytes : 0;
  for (uint64_t part = bytes / 2; charged != bytes && part >= kLeastOverheadBytes; part /= 2) {
    if (budget_->Charge(part, ChargeKind::kOrdinary)) charged += part;
  }
  // order: relaxed: a count
  overhead_bytes_.fetch_add(charged, std::memory_order_relaxed);
  // order: relaxed: a count
  if (charged != bytes) useless_bytes_.store(pool_.free_bytes(), std::memory_order_relaxed);
  return charged == bytes;
}

// Turns overhead into the charge of a block; the budget stays the same.
bool Heap::TakeOverhead(uint64_t bytes) {
  uint64_t overhead = overhead_bytes();
  do {
    if (overhead < bytes) return false;
    // order: relaxed: a count; when this fails another thread has taken or given some
  } while (!overhead_bytes_.compare_exchange_weak(
      overhead, overhead - bytes, std::memory_order_relaxed, std::memory_order_relaxed));
  // order: relaxed: a count
  charged_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  return true;
}

// Gives back the overhead that less free memory no longer needs. Spans that were no help to the
// last refused allocation do not count as help; a chunk more must be within the overhead, so that a
// shortage shows until memory was found.
void Heap::SettleOverhead() {
  uint64_t overhead = overhead_bytes();
  if (overhead == 0) return;
  // order: relaxed: a count
  uint64_t useless = useless_bytes_.load(std::memory_order_relaxed);
  uint64_t useful = Above(pool_.free_bytes(), useless + kChunkBytes);
  uint64_t needed = Above(mapped_bytes() + kChunkBytes, charged_bytes() + useful + kHeapSlackBytes);
  while (overhead > needed) {
    // order: relaxed: a count; when this fails another thread has taken or given some
    if (overhead_bytes_.compare_exchange_weak(overhead, needed, std::memory_order_relaxed,
                                              std::memory_order_relaxed)) {
      budget_->Release(overhead - needed);
      return;
    }
  }
}

// What may be mapped now; below zero when too much is mapped already.
int64_t Heap::RoomBytes() const {
  uint64_t own = charged_bytes() + overhead_bytes();
  auto mapped = static_cast<int64_t>(mapped_bytes());
  auto others = static_cast<int64_t>(Above(budget_->used_bytes(), own));
  constexpr uint64_t kNoLimit = uint64_t{1} << 62;
  auto limit = static_cast<int64_t>(std::min(budget_->limit_bytes(), kNoLimit));
  return std::max(static_cast<int64_t>(own), limit - others) +
         static_cast<int64_t>(kHeapSlackBytes) - mapped;
}

std::optional<Span> Heap::TakeOrMap(size_t least, size_t most) {
  if (std::optional<Span> span = pool_.Take(least, most)) return span;
  int64_t room = RoomBytes();
  if (room <= 0) return std::nullopt;
  if (std::optional<Span> span = pool_.TakeAbsent(least, most, static_cast<uint64_t>(room))) {
    return span;
  }
  if (room < static_cast<int64_t>(kChunkBytes) || !pool_.MapChunk()) return std::nullopt;
  return pool_.Take(least, most);
}

// One step towards a span of `least` bytes or room for `wanted_bytes`; false when it changed
// nothing.
bool Heap::Advance(ThreadHeap& local, Step step, size_t least, size_t wanted_bytes,
                   ChargeKind kind) {
  int64_t lacking = static_cast<int64_t>(wanted_bytes) - RoomBytes();
  switch (step) {
    case Step::kTake:
      return true;
    case Step::kSplit:
      return 2 * least <= kLargestClassBytes && SplitBlocks(2 * least);
    case Step::kSweep:
      return SweepIfWorthwhile(
          local, least > kScarceBlockBytes ? PageCensus::Alone::kAbsorb : PageCensus::Alone::kKeep);
    case Step::kPurge:
      return lacking > 0 && pool_.Purge(static_cast<uint64_t>(lacking) + kPurgeAheadBytes) > 0;
    case Step::kCharge:
      return lacking > 0 &&
             ChargeOverhead(Above(mapped_bytes() + wanted_bytes,
                                  charged_bytes() + overhead_bytes() + kHeapSlackBytes),
                            kind);
  }
  return false;
}

std::optional<Span> Heap::AcquireSpan(ThreadHeap& local, size_t least, size_t most,
                                      ChargeKind kind) {
  MutexLock lock(space_mutex_);
  for (Step step : {Step::kTake, Step::kSplit, Step::kSweep, Step::kPurge, Step::kCharge}) {
    if (!Advance(local, step, least, kChunkBytes, kind)) continue;
    if (std::optional<Span> span = TakeOrMap(least, most)) return span;
  }
  return std::nullopt;
}

// Room for one block, wherever there is any: in the rest of a span, or in a free block of a larger
// size, whose rest is then too small for most. The last resort.
std::optional<Span> Heap::AcquireScrap(ThreadHeap& local, size_t bytes) {
  MutexLock lock(space_mutex_);
  if (std::optional<Span> span = pool_.Take(bytes, bytes)) return span;
  local.PushLists();
  while (SplitBlocks(bytes)) {
    if (std::optional<Span> span = pool_.Take(bytes, bytes)) return span;
  }
  return std::nullopt;
}

// For what has been counted as mapped already.
bool Heap::MakeRoom(ThreadHeap& local, ChargeKind kind) {
  MutexLock lock(space_mutex_);
  for (Step step : {Step::kTake, Step::kPurge, Step::kSweep, Step::kPurge, Step::kCharge}) {
    if (Advance(local, step, kLargestClassBytes, 0, kind) && RoomBytes() >= 0) return true;
  }
  return false;
}

void Heap::PutRegion(ThreadHeap::Region region) {
  if (region.at == region.end) return;
  MutexLock lock(space_mutex_);
  pool_.Put({region.at, region.end});
}

// Takes apart one batch of the nearest class with blocks of `least` or more. When it is twice what is
// wanted, what is left of a block is worth something.
bool Heap::SplitBlocks(size_t least) {
  for (uint32_t larger = SizeClassOf(least); larger < kSizeClassCount; ++larger) {
    ThreadHeap::FreeBlock* block = PopBatch(larger);
    if (block == nullptr) continue;
    while (block != nullptr) {
      char* begin = reinterpret_cast<char*>(std::exchange(block, block->next));
      pool_.Put({begin, begin + SizeClassBytes(larger)});
    }
    return true;
  }
  return false;
}

bool Heap::SweepIfWorthwhile(ThreadHeap& local, PageCensus::Alone alone) {
  uint64_t free_bytes = Above(mapped_bytes(), charged_bytes());
  uint64_t wanted =
      std::min(free_bytes / kFreeBytesPerPushed, budget_->limit_bytes() / kLimitBytesPerPushed);
  // order: relaxed: an estimate
  uint64_t pushed = pushed_bytes_.load(std::memory_order_relaxed);
  if (pushed + local.ListBytes() < wanted) return false;
  Sweep(local, alone);
  return true;
}

// Every free block of `batches` on which `keep` says yes goes into new batches of `count`.
template <class Keep>
ThreadHeap::FreeBlock* Heap::Rebatch(ThreadHeap::FreeBlock* batches, uint32_t count, Keep keep) {
  ThreadHeap::FreeBlock* done = nullptr;
  ThreadHeap::FreeBlock* open = nullptr;
  uint32_t open_count = 0;
  for (ThreadHeap::FreeBlock* batch = batches; batch != nullptr;) {
    ThreadHeap::FreeBlock* next_batch = batch->next_batch;
    for (ThreadHeap::FreeBlock* block = batch; block != nullptr;) {
      ThreadHeap::FreeBlock* next = block->next;
      if (keep(block)) {
        block->next = std::exchange(open, block);
        open->batch_count = ++open_count;
        if (open_count == count) {
          open->next_batch = done;
          done = std::exchange(open, nullptr);
          open_count = 0;
        }
      }
      block = next;
    }
    batch = next_batch;
  }
  if (open == nullptr) return done;
  open->next_batch = done;
  return open;
}

void Heap::Sweep(ThreadHeap& local, PageCensus::Alone alone) {
  local.PushLists();
  // order: relaxed: a count
  useless_bytes_.store(0, std::memory_order_relaxed);
  PageCensus census(pool_.ChunkAddresses(), alone);
  ThreadHeap::FreeBlock* lists[kSizeClassCount];
  for (uint32_t size_class = kFirstClass; size_class < kSizeClassCount; ++size_class) {
    // order: acquire <- Heap::PopBatch [E3]
    lists[size_class] = batches_[size_class].exchange(nullptr, std::memory_order_acquire);
    for (ThreadHeap::FreeBlock* batch = lists[size_class]; batch; batch = batch->next_batch) {
      for (ThreadHeap::FreeBlock* block = batch; block != nullptr; block = block->next) {
        census.Add(reinterpret_cast<char*>(block), SizeClassBytes(size_class));
      }
    }
  }
  std::vector<Span> spans = pool_.Drain();
  for (Span span : spans) census.Add(span.begin, span.bytes());
  for (Span span : spans) {
    if (!census.Absorb(span.begin, span.bytes())) pool_.Put(span);
  }
  for (uint32_t size_class = kFirstClass; size_class < kSizeClassCount; ++size_class) {
    size_t bytes = SizeClassBytes(size_class);
    ThreadHeap::FreeBlock* rest = Rebatch(
        lists[size_class], ThreadHeap::BatchCount(size_class),
        [&](const void* block) { return !census.Absorb(static_cast<const char*>(block), bytes); });
    if (rest != nullptr) PushBatch(size_class, rest);
  }
  // order: relaxed: an estimate
  pushed_bytes_.store(0, std::memory_order_relaxed);
  for (Span span : census.Spans()) pool_.Put(span);
  // order: relaxed: a statistic
  sweeps_.fetch_add(1, std::memory_order_relaxed);
  SettleOverhead();
}

void Heap::TrimIfMostlyFree(ThreadHeap& local) {
  if (mapped_bytes() <= 2 * charged_bytes() + kTrimBytes) return;
  // order: relaxed: an estimate
  uint64_t pushed = pushed_bytes_.load(std::memory_order_relaxed);
  if (pushed < mapped_bytes() / kMappedBytesPerPushed) return;
  std::unique_lock<Mutex> lock(space_mutex_, std::try_to_lock);
  if (!lock.owns_lock() || !SweepIfWorthwhile(local, PageCensus::Alone::kKeep)) return;
  pool_.UnmapFreeChunks(Above(mapped_bytes(), charged_bytes() + kHeapSlackBytes));
  SettleOverhead();
}

void Heap::Trim() {
  ThreadHeap& local = Local();
  MutexLock lock(space_mutex_);
  Sweep(local, PageCensus::Alone::kKeep);
  pool_.UnmapFreeChunks(mapped_bytes());
  SettleOverhead();
}

HeapStats Heap::stats() {
  HeapStats stats;
  MutexLock lock(space_mutex_);
  stats.mapped_bytes = mapped_bytes();
  stats.object_bytes = charged_bytes();
  stats.span_bytes = pool_.free_bytes();
  stats.spans = pool_.span_count();
  stats.free_list_bytes = Above(stats.mapped_bytes, stats.object_bytes + stats.span_bytes);
  stats.overhead_bytes = overhead_bytes();
  // order: relaxed: a statistic
  stats.sweeps = sweeps_.load(std::memory_order_relaxed);
  return stats;
}

}  // namespace moraine
