// Arenas, their shared overflow lists, and the limbo of retired blocks.
#include "storage/memory/heap.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "storage/base/check.h"
#include "storage/sync/backoff.h"

namespace moraine {
namespace {

constexpr size_t kChunkBytes = size_t{2} << 20;
constexpr size_t kCreditBytes = size_t{256} << 10;
constexpr size_t kBatchBytes = size_t{32} << 10;  // what one overflow batch holds, about
// The clock moves on after so many retirements or so many bytes, whichever comes first: moving it
// costs a system call, not moving it keeps garbage in the budget.
constexpr uint64_t kRetiresPerAdvance = 64;
constexpr uint64_t kRetiredBytesPerAdvance = uint64_t{256} << 10;
constexpr size_t kFreesPerRetire = 2;

uint32_t BatchCount(uint32_t size_class) {
  return static_cast<uint32_t>(std::max<size_t>(1, kBatchBytes / SizeClassBytes(size_class)));
}

char* MapAligned(size_t bytes, size_t alignment) {
  size_t reserve = bytes + alignment;
  void* mapped = mmap(nullptr, reserve, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  char* base = static_cast<char*>(mapped);
  char* aligned = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(base) + alignment - 1) &
                                          ~(alignment - 1));
  if (aligned != base) munmap(base, static_cast<size_t>(aligned - base));
  char* end = base + reserve;
  if (aligned + bytes != end) munmap(aligned + bytes, static_cast<size_t>(end - aligned) - bytes);
  madvise(aligned, bytes, MADV_HUGEPAGE);
  return aligned;
}

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
};

// What one thread has joined; its destructor runs when the thread ends.
struct ThreadHeapDirectory {
  struct Entry {
    uint64_t heap_id;
    ThreadHeap* local;
    std::weak_ptr<Heap::Registry> registry;
  };
  std::vector<Entry> entries;

  ~ThreadHeapDirectory() {
    Heap::last_ = {0, nullptr};
    for (Entry& entry : entries) {
      std::shared_ptr<Heap::Registry> registry = entry.registry.lock();
      if (registry == nullptr) continue;
      MutexLock lock(registry->mutex);
      if (registry->closed) continue;
      entry.local->ReturnAllCredit();
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
      budget_->Release(ChargedBytes(retired.bytes));
      if (MORAINE_HEAP_USES_MALLOC || retired.bytes > kLargestClassBytes)
        FreeLarge(retired.block, retired.bytes);
    }
  }
  registry_->all.clear();
  for (char* chunk : chunks_) munmap(chunk, kChunkBytes);
}

ThreadHeap& Heap::FindLocal() {
  static thread_local ThreadHeapDirectory directory;
  for (ThreadHeapDirectory::Entry& entry : directory.entries) {
    if (entry.heap_id != id_) continue;
    last_ = {id_, entry.local};
    return *entry.local;
  }
  std::erase_if(directory.entries, [](const auto& entry) { return entry.registry.expired(); });
  MutexLock lock(registry_->mutex);
  ThreadHeap* local;
  if (registry_->idle.empty()) {
    local = registry_->all.emplace_back(new ThreadHeap(this, &epochs_.Join()))
                .get();  // private constructor
  } else {
    local = registry_->idle.back();
    registry_->idle.pop_back();
  }
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

char* Heap::NewChunk() {
  char* chunk = MapAligned(kChunkBytes, kChunkBytes);
  if (chunk == nullptr) return nullptr;
  MutexLock lock(chunks_mutex_);
  chunks_.push_back(chunk);
  return chunk;
}

// Overflow lists are taken whole and the rest is pushed back, so no thread ever reads a link of a
// list that another may be taking apart: the ABA problem of a popping stack cannot arise.
void Heap::PushBatch(uint32_t size_class, ThreadHeap::FreeBlock* batch) {
  ThreadHeap::FreeBlock* last = batch;
  while (last->next_batch != nullptr) last = last->next_batch;
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

void* Heap::AllocateLarge(size_t bytes) {
  if (MORAINE_HEAP_USES_MALLOC) return std::aligned_alloc(16, (bytes + 15) & ~size_t{15});
  size_t mapped_bytes = ChargedBytes(bytes);
  void* mapped =
      mmap(nullptr, mapped_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return mapped == MAP_FAILED ? nullptr : mapped;
}

void Heap::FreeLarge(void* block, size_t bytes) {
  if (MORAINE_HEAP_USES_MALLOC) {
    std::free(block);
  } else {
    munmap(block, ChargedBytes(bytes));
  }
}

bool ThreadHeap::TakeCredit(size_t bytes, ChargeKind kind) {
  // Credit that came from the reserve, or was freed while the reserve is in use, is not for
  // ordinary work: it would eat up what deletes and folds live on.
  if (kind == ChargeKind::kOrdinary && heap_->budget_->over_limit()) {
    ReturnAllCredit();
    if (heap_->budget_->over_limit()) return false;
  }
  credit_bytes_ -= static_cast<int64_t>(bytes);
  if (credit_bytes_ >= 0) return true;
  uint64_t wanted = static_cast<uint64_t>(-credit_bytes_) + kCreditBytes;
  uint64_t needed = static_cast<uint64_t>(-credit_bytes_);
  for (uint64_t charge : {wanted, needed}) {
    if (heap_->budget_->Charge(charge, kind)) {
      credit_bytes_ += static_cast<int64_t>(charge);
      return true;
    }
  }
  credit_bytes_ += static_cast<int64_t>(bytes);
  return false;
}

void ThreadHeap::ReturnCredit(size_t bytes) {
  credit_bytes_ += static_cast<int64_t>(bytes);
  if (credit_bytes_ < static_cast<int64_t>(2 * kCreditBytes)) return;
  uint64_t surplus = static_cast<uint64_t>(credit_bytes_) - kCreditBytes;
  heap_->budget_->Release(surplus);
  credit_bytes_ -= static_cast<int64_t>(surplus);
}

void ThreadHeap::ReturnAllCredit() {
  heap_->budget_->Release(static_cast<uint64_t>(credit_bytes_));
  credit_bytes_ = 0;
}

void* ThreadHeap::Carve(size_t bytes) {
  // Blocks of half a KiB and more begin at a cache line: a page's header and its search area then share none.
  if (bytes > kSmallLimitBytes) {
    size_t skip = (64 - (reinterpret_cast<uintptr_t>(chunk_at_) & 63)) & 63;
    chunk_at_ += std::min(skip, static_cast<size_t>(chunk_end_ - chunk_at_));
  }
  if (static_cast<size_t>(chunk_end_ - chunk_at_) < bytes) {
    // The rest of the old chunk, less than one block, becomes a free block of the largest class
    // that fits in it.
    size_t rest = static_cast<size_t>(chunk_end_ - chunk_at_) & ~(kSmallStepBytes - 1);
    if (rest >= kSmallestClassBytes) {
      uint32_t fits = SizeClassOf(rest);
      if (SizeClassBytes(fits) > rest) --fits;
      FreeSmall(chunk_at_, fits);
    }
    char* chunk = heap_->NewChunk();
    if (chunk == nullptr) return nullptr;
    chunk_at_ = chunk;
    chunk_end_ = chunk + kChunkBytes;
  }
  char* block = chunk_at_;
  chunk_at_ += bytes;
  return block;
}

void* ThreadHeap::AllocateSmall(uint32_t size_class) {
  FreeList& list = lists_[size_class];
  if (list.active == nullptr) {
    if (list.spare != nullptr) {
      list.active = std::exchange(list.spare, nullptr);
      list.active_count = BatchCount(size_class);
    } else if (FreeBlock* batch = heap_->PopBatch(size_class); batch != nullptr) {
      list.active = batch;
      list.active_count = static_cast<uint32_t>(batch->batch_count);
    } else {
      return Carve(SizeClassBytes(size_class));
    }
  }
  FreeBlock* block = list.active;
  list.active = block->next;
  --list.active_count;
  return block;
}

void ThreadHeap::FreeSmall(void* block, uint32_t size_class) {
  FreeList& list = lists_[size_class];
  if (list.active_count >= BatchCount(size_class)) {
    if (list.spare != nullptr) {
      list.spare->next_batch = nullptr;
      list.spare->batch_count = BatchCount(size_class);
      heap_->PushBatch(size_class, list.spare);
    }
    list.spare = std::exchange(list.active, nullptr);
    list.active_count = 0;
  }
  FreeBlock* freed = static_cast<FreeBlock*>(block);
  freed->next = list.active;
  list.active = freed;
  ++list.active_count;
}

void* ThreadHeap::Allocate(size_t bytes, ChargeKind kind) {
  size_t charged = ChargedBytes(bytes);
  if (!TakeCredit(charged, kind)) return nullptr;
  bool large = MORAINE_HEAP_USES_MALLOC || bytes > kLargestClassBytes;
  void* block = large ? heap_->AllocateLarge(bytes) : AllocateSmall(SizeClassOf(bytes));
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
