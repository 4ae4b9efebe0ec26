// Arenas, their shared overflow lists, and the limbo of retired blocks.
#include "storage/memory/heap.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

#include "storage/base/check.h"
#include "storage/sync/backoff.h"

namespace moraine {
namespace {

constexpr size_t kCreditBytes = size_t{256} << 10;
// What a thread keeps beyond the blocks in use: a batch in each class's active list, and so much in
// spare batches of all classes together.
constexpr size_t kBatchBytes = size_t{32} << 10;
constexpr size_t kMostSpareBytes = size_t{256} << 10;
// Blocks are cut from regions of this size, or smaller where memory is in pieces.
constexpr size_t kSmallRegionBytes = size_t{64} << 10;
constexpr size_t kLargeRegionBytes = size_t{128} << 10;
constexpr size_t kLeastRegionBytes = size_t{2} << 10;
// The clock moves on after so many retirements or so many bytes, whichever comes first: moving it
// costs a system call, not moving it keeps garbage in the budget.
constexpr uint64_t kRetiresPerAdvance = 64;
constexpr uint64_t kRetiredBytesPerAdvance = uint64_t{256} << 10;
constexpr size_t kFreesPerRetire = 2;

uint64_t NextHeapId() {
  static StdPolicy::Atomic<uint64_t> next{1};
  // order: relaxed: only distinctness matters
  return next.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

// All thread shares of one heap. A thread that ends gives its share back here, if the heap still
// lives.
struct Heap::Registry {
  Mutex mutex;
  bool closed = false;
  std::vector<std::unique_ptr<ThreadHeap>> all;
  std::vector<ThreadHeap*> idle;
  // Shares of threads that work although their directory is gone. Nobody says when they are done,
  // so a share stays theirs until the heap ends; a later thread of the same id takes it over.
  std::vector<std::pair<std::thread::id, ThreadHeap*>> late;

  // Both under `mutex`.
  ThreadHeap* Take(Heap& heap);
  ThreadHeap* TakeLate(Heap& heap);
};

namespace {

// Apart from the directory, because objects that are destroyed after it (statics of the program,
// handlers of atexit, other thread_local objects) may hold a database and close it.
thread_local constinit bool directory_ended = false;

}  // namespace

// What one thread has joined; its destructor runs when the thread ends.
struct ThreadHeapDirectory {
  struct Entry {
    uint64_t heap_id;
    ThreadHeap* local;
    std::weak_ptr<Heap::Registry> registry;
  };
  std::vector<Entry> entries;

  ~ThreadHeapDirectory() {
    directory_ended = true;
    Heap::last_ = {0, nullptr};
    for (Entry& entry : entries) {
      std::shared_ptr<Heap::Registry> registry = entry.registry.lock();
      if (registry == nullptr) continue;
      MutexLock lock(registry->mutex);
      if (registry->closed) continue;
      entry.local->ReturnAllCredit();
      entry.local->PushLists();
      entry.local->PutRegions();
      registry->idle.push_back(entry.local);
    }
  }
};

thread_local constinit Heap::LastUsed Heap::last_ = {0, nullptr};

Heap::Heap(MemoryBudget* budget)
    : id_(NextHeapId()), budget_(budget), registry_(std::make_shared<Registry>()) {}

Heap::~Heap() {
  MutexLock lock(registry_->mutex);
  registry_->closed = true;
  for (std::unique_ptr<ThreadHeap>& local : registry_->all) {
    MORAINE_CHECK(!local->InGuard());
    local->ReturnAllCredit();
    for (const ThreadHeap::Retired& retired : local->limbo_) {
      Release(ChargedBytes(retired.bytes));
      if (MORAINE_HEAP_USES_MALLOC || retired.bytes > kLargestClassBytes)
        FreeLarge(retired.block, retired.bytes);
    }
  }
  registry_->all.clear();
  budget_->Release(overhead_bytes());
}

ThreadHeap* Heap::Registry::Take(Heap& heap) {
  if (idle.empty()) {
    all.emplace_back(new ThreadHeap(&heap, &heap.epochs_.Join()));  // private constructor
    return all.back().get();
  }
  ThreadHeap* local = idle.back();
  idle.pop_back();
  return local;
}

ThreadHeap* Heap::Registry::TakeLate(Heap& heap) {
  const std::thread::id thread = std::this_thread::get_id();
  for (const auto& [owner, local] : late) {
    if (owner == thread) return local;
  }
  return late.emplace_back(thread, Take(heap)).second;
}

ThreadHeap& Heap::FindLocal() {
  if (directory_ended) {
    MutexLock lock(registry_->mutex);
    last_ = {id_, registry_->TakeLate(*this)};
    return *last_.local;
  }
  static thread_local ThreadHeapDirectory directory;
  for (ThreadHeapDirectory::Entry& entry : directory.entries) {
    if (entry.heap_id != id_) continue;
    last_ = {id_, entry.local};
    return *entry.local;
  }
  std::erase_if(directory.entries, [](const auto& entry) { return entry.registry.expired(); });
  MutexLock lock(registry_->mutex);
  ThreadHeap* local = registry_->Take(*this);
  directory.entries.push_back({id_, local, registry_});
  last_ = {id_, local};
  return *local;
}

void Heap::WaitForGuards() {
  MORAINE_CHECK(!Local().InGuard());
  uint64_t until = epochs_.Now() + kEpochGracePeriods;
  for (Backoff<> backoff; epochs_.Now() < until; backoff.Wait()) epochs_.TryAdvance();
}

void Heap::DrainLocal() {
  ThreadHeap& local = Local();
  MORAINE_CHECK(!local.InGuard());
  for (uint64_t i = 0; i < kEpochGracePeriods; ++i) epochs_.TryAdvance();
  local.FreeRetired(local.limbo_.size());
}

// Overflow lists are taken whole and the rest is pushed back, so no thread ever reads a link of a
// list that another may be taking apart: the ABA problem of a popping stack cannot arise.
void Heap::PushBatch(uint32_t size_class, ThreadHeap::FreeBlock* batch) {
  ThreadHeap::FreeBlock* last = batch;
  while (last->next_batch != nullptr) last = last->next_batch;
  // order: relaxed: a count
  pushed_bytes_.fetch_add(kBatchBytes, std::memory_order_relaxed);
  // order: relaxed: only the CAS publishes
  ThreadHeap::FreeBlock* head = batches_[size_class].load(std::memory_order_relaxed);
  do {
    last->next_batch = head;
    // order: release -> Heap::PopBatch [E3]
  } while (!batches_[size_class].compare_exchange_weak(head, batch, std::memory_order_release,
                                                       std::memory_order_relaxed));
}

ThreadHeap::FreeBlock* Heap::PopBatch(uint32_t size_class) {
  // order: relaxed: a hint; the exchange decides
  if (batches_[size_class].load(std::memory_order_relaxed) == nullptr) return nullptr;
  // order: acquire <- Heap::PopBatch [E3]
  ThreadHeap::FreeBlock* batch = batches_[size_class].exchange(nullptr, std::memory_order_acquire);
  if (batch == nullptr) return nullptr;
  ThreadHeap::FreeBlock* rest = std::exchange(batch->next_batch, nullptr);
  if (rest == nullptr) return batch;
  // Nearly always nothing was pushed meanwhile, and the rest goes back without a walk to its end.
  ThreadHeap::FreeBlock* empty = nullptr;
  // order: release -> Heap::PopBatch [E3]
  if (!batches_[size_class].compare_exchange_strong(empty, rest, std::memory_order_release,
                                                    std::memory_order_relaxed)) {
    PushBatch(size_class, rest);
  }
  return batch;
}

void* Heap::AllocateLarge(ThreadHeap& local, size_t bytes, ChargeKind kind) {
  if (MORAINE_HEAP_USES_MALLOC) return std::aligned_alloc(16, (bytes + 15) & ~size_t{15});
  size_t mapped_bytes = ChargedBytes(bytes);
  // Counted first, so that two threads do not take the same room.
  // order: relaxed: a count
  large_bytes_.fetch_add(mapped_bytes, std::memory_order_relaxed);
  if (RoomBytes() >= 0 || MakeRoom(local, kind)) {
    void* mapped =
        mmap(nullptr, mapped_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped != MAP_FAILED) return mapped;
  }
  // order: relaxed: a count
  large_bytes_.fetch_sub(mapped_bytes, std::memory_order_relaxed);
  return nullptr;
}

void Heap::FreeLarge(void* block, size_t bytes) {
  if (MORAINE_HEAP_USES_MALLOC) {
    std::free(block);
  } else {
    munmap(block, ChargedBytes(bytes));
    // order: relaxed: a count
    large_bytes_.fetch_sub(ChargedBytes(bytes), std::memory_order_relaxed);
  }
}

// Of the classes that a list can hold, which leaves out those below the smallest.
uint32_t ThreadHeap::BatchCount(uint32_t size_class) {
  return static_cast<uint32_t>(std::max<size_t>(1, kBatchBytes / SizeClassBytes(size_class)));
}

bool ThreadHeap::TakeCredit(size_t bytes, ChargeKind kind) {
  // Credit that came from the reserve, or was freed while the reserve is in use, is not for
  // ordinary work: it would eat up what deletes and folds live on.
  if (kind == ChargeKind::kOrdinary && heap_->budget_->over_limit()) {
    ReturnAllCredit();
    heap_->SettleOverhead();
    if (heap_->budget_->over_limit()) return false;
  }
  credit_bytes_ -= static_cast<int64_t>(bytes);
  if (credit_bytes_ >= 0) return true;
  uint64_t wanted = static_cast<uint64_t>(-credit_bytes_) + kCreditBytes;
  uint64_t needed = static_cast<uint64_t>(-credit_bytes_);
  for (uint64_t charge : {wanted, needed}) {
    if (heap_->Charge(charge, kind)) {
      credit_bytes_ += static_cast<int64_t>(charge);
      return true;
    }
  }
  // What is charged for memory in free lists may become the charge of a block from them.
  if (heap_->TakeOverhead(needed)) {
    credit_bytes_ += static_cast<int64_t>(needed);
    return true;
  }
  credit_bytes_ += static_cast<int64_t>(bytes);
  return false;
}

void ThreadHeap::ReturnCredit(size_t bytes) {
  credit_bytes_ += static_cast<int64_t>(bytes);
  if (credit_bytes_ < static_cast<int64_t>(2 * kCreditBytes)) return;
  uint64_t surplus = static_cast<uint64_t>(credit_bytes_) - kCreditBytes;
  credit_bytes_ -= static_cast<int64_t>(surplus);
  heap_->Release(surplus);
  heap_->TrimIfMostlyFree(*this);
}

void ThreadHeap::ReturnAllCredit() {
  heap_->Release(static_cast<uint64_t>(std::exchange(credit_bytes_, 0)));
}

void* ThreadHeap::Carve(size_t bytes, ChargeKind kind) {
  bool small = bytes <= kSmallLimitBytes;
  Region& region = small ? small_region_ : large_region_;
  if (static_cast<size_t>(region.end - region.at) < bytes) {
    heap_->PutRegion(std::exchange(region, {}));
    std::optional<Span> span =
        heap_->AcquireSpan(*this, small ? kLeastRegionBytes : bytes,
                           small ? kSmallRegionBytes : kLargeRegionBytes, kind);
    // What frees memory must not fail for want of a region while blocks of other sizes are free.
    if (!span && kind == ChargeKind::kReserve) span = heap_->AcquireScrap(*this, bytes);
    if (!span) return nullptr;
    region = {span->begin, span->end};
  }
  char* block = region.at;
  region.at += bytes;
  return block;
}

void* ThreadHeap::AllocateSmall(uint32_t size_class, ChargeKind kind) {
  FreeList& list = lists_[size_class];
  if (list.active == nullptr) {
    if (list.spare != nullptr) {
      list.active = std::exchange(list.spare, nullptr);
      list.active_count = BatchCount(size_class);
      spare_bytes_ -= BatchCount(size_class) * SizeClassBytes(size_class);
    } else {
      FreeBlock* batch = heap_->PopBatch(size_class);
      if (batch == nullptr) {
        if (void* block = Carve(SizeClassBytes(size_class), kind)) return block;
        // Another thread's sweep may have had the list in hand.
        batch = heap_->PopBatch(size_class);
        if (batch == nullptr) return nullptr;
      }
      list.active = batch;
      list.active_count = static_cast<uint32_t>(batch->batch_count);
    }
  }
  FreeBlock* block = list.active;
  list.active = block->next;
  --list.active_count;
  return block;
}

// The full active batch becomes the spare one, and one of the two goes to the shared list.
void ThreadHeap::KeepSpare(FreeList& list, uint32_t size_class) {
  size_t batch_bytes = BatchCount(size_class) * SizeClassBytes(size_class);
  FreeBlock* surplus = list.spare;
  if (surplus != nullptr) {
    list.spare = std::exchange(list.active, nullptr);
  } else if (spare_bytes_ + batch_bytes > kMostSpareBytes) {
    surplus = std::exchange(list.active, nullptr);
  } else {
    list.spare = std::exchange(list.active, nullptr);
    spare_bytes_ += batch_bytes;
  }
  list.active_count = 0;
  if (surplus == nullptr) return;
  surplus->next_batch = nullptr;
  surplus->batch_count = BatchCount(size_class);
  heap_->PushBatch(size_class, surplus);
}

void ThreadHeap::FreeSmall(void* block, uint32_t size_class) {
  FreeList& list = lists_[size_class];
  if (list.active_count >= BatchCount(size_class)) KeepSpare(list, size_class);
  FreeBlock* freed = static_cast<FreeBlock*>(block);
  freed->next = list.active;
  list.active = freed;
  ++list.active_count;
}

void ThreadHeap::PushLists() {
  for (uint32_t size_class = 0; size_class < kSizeClassCount; ++size_class) {
    FreeList list = std::exchange(lists_[size_class], {});
    if (list.active != nullptr) {
      list.active->next_batch = nullptr;
      list.active->batch_count = list.active_count;
      heap_->PushBatch(size_class, list.active);
    }
    if (list.spare != nullptr) {
      list.spare->next_batch = nullptr;
      list.spare->batch_count = BatchCount(size_class);
      heap_->PushBatch(size_class, list.spare);
    }
  }
  spare_bytes_ = 0;
}

uint64_t ThreadHeap::ListBytes() const {
  uint64_t bytes = spare_bytes_;
  for (uint32_t size_class = 0; size_class < kSizeClassCount; ++size_class)
    bytes += lists_[size_class].active_count * SizeClassBytes(size_class);
  return bytes;
}

void ThreadHeap::PutRegions() {
  heap_->PutRegion(std::exchange(small_region_, {}));
  heap_->PutRegion(std::exchange(large_region_, {}));
}

void* ThreadHeap::Allocate(size_t bytes, ChargeKind kind) {
  size_t charged = ChargedBytes(bytes);
  if (!TakeCredit(charged, kind)) return nullptr;
  bool large = MORAINE_HEAP_USES_MALLOC || bytes > kLargestClassBytes;
  void* block =
      large ? heap_->AllocateLarge(*this, bytes, kind) : AllocateSmall(SizeClassOf(bytes), kind);
  if (block == nullptr) ReturnCredit(charged);
  return block;
}

void ThreadHeap::Free(void* block, size_t bytes) {
  if (MORAINE_HEAP_USES_MALLOC || bytes > kLargestClassBytes) {
    heap_->FreeLarge(block, bytes);
  } else {
    FreeSmall(block, SizeClassOf(bytes));
  }
  ReturnCredit(ChargedBytes(bytes));
}

void ThreadHeap::Retire(void* block, size_t bytes) {
  limbo_.push_back({block, bytes, participant_->RetireEpoch()});
  bytes_since_advance_ += ChargedBytes(bytes);
  if (++retires_since_advance_ >= kRetiresPerAdvance ||
      bytes_since_advance_ >= kRetiredBytesPerAdvance) {
    heap_->epochs_.TryAdvance();
    retires_since_advance_ = 0;
    bytes_since_advance_ = 0;
  }
  FreeRetired(kFreesPerRetire);
}

void ThreadHeap::FreeRetired(size_t most) {
  uint64_t now = heap_->epochs_.Now();
  for (; most > 0 && !limbo_.empty(); --most) {
    Retired oldest = limbo_.front();
    if (now < oldest.epoch + kEpochGracePeriods - 1) return;  // dated one ahead of the pinned epoch
    limbo_.pop_front();
    Free(oldest.block, oldest.bytes);
  }
}

}  // namespace moraine
