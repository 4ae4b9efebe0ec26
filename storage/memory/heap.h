// Memory for pages, deltas and everything else that threads share and unlink: size-class arenas per
// thread on huge pages, charged to one budget, with epoch reclamation built in. An object is
// allocated by one thread, published, unlinked by another and retired there; it returns to that
// thread's free list three epochs later. Frees are amortised: every Retire releases at most
// two older objects, so no operation pays for a storm of them (T. Brown et al., "Are your epochs
// too epic? Batch free can be harmful", 2024).
//
// Under AddressSanitizer and ThreadSanitizer blocks come from malloc one by one, so that the tools
// see each of them. Progress: Allocate, Free and Retire are lock-free; they enter the kernel when a
// 2 MiB chunk is used up.
#ifndef MORAINE_STORAGE_MEMORY_HEAP_H_
#define MORAINE_STORAGE_MEMORY_HEAP_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "storage/memory/memory_budget.h"
#include "storage/memory/size_class.h"
#include "storage/sync/epoch.h"
#include "storage/sync/mutex.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MORAINE_HEAP_USES_MALLOC 1
#else
#define MORAINE_HEAP_USES_MALLOC 0
#endif

namespace moraine {

class Heap;
struct ThreadHeapDirectory;

// The calling thread's share of a Heap. All members: owner only.
class ThreadHeap {
 public:
  // `bytes` of uninitialised memory aligned to 16, or nullptr when the budget refuses.
  void* Allocate(size_t bytes, ChargeKind kind);
  // Gives back memory that no other thread has ever seen.
  void Free(void* block, size_t bytes);
  // Gives back memory that this thread has just unlinked; inside a guard. `bytes` as allocated.
  void Retire(void* block, size_t bytes);

  void Enter() { participant_->Enter(); }
  void Exit() { participant_->Exit(); }
  bool InGuard() const { return participant_->InGuard(); }
  Heap& heap() { return *heap_; }

  // What a layer above keeps per thread, beside this share and recycled with it.
  struct Companion {
    virtual ~Companion() = default;
  };
  Companion* companion() const { return companion_.get(); }
  void set_companion(std::unique_ptr<Companion> companion) { companion_ = std::move(companion); }

 private:
  friend class Heap;
  friend struct ThreadHeapDirectory;
  struct FreeBlock {
    FreeBlock* next;
    FreeBlock* next_batch;
    uint64_t batch_count;
  };
  struct FreeList {
    FreeBlock* active = nullptr;
    FreeBlock* spare = nullptr;  // a full batch, or nothing
    uint32_t active_count = 0;
  };
  struct Retired {
    void* block;
    uint64_t bytes;
    uint64_t epoch;
  };

  ThreadHeap(Heap* heap, EpochDomain<>::Participant* participant)
      : heap_(heap), participant_(participant) {}
  void* AllocateSmall(uint32_t size_class);
  void FreeSmall(void* block, uint32_t size_class);
  void* Carve(size_t bytes);
  bool TakeCredit(size_t bytes, ChargeKind kind);
  void ReturnCredit(size_t bytes);
  void ReturnAllCredit();
  void FreeRetired(size_t most);

  Heap* heap_;
  EpochDomain<>::Participant* participant_;
  int64_t credit_bytes_ = 0;  // charged to the budget, not handed out
  char* chunk_at_ = nullptr;  // the unused rest of this thread's chunk
  char* chunk_end_ = nullptr;
  uint64_t retires_since_advance_ = 0;
  uint64_t bytes_since_advance_ = 0;  // retired, as charged
  std::deque<Retired> limbo_;         // oldest first
  std::unique_ptr<Companion> companion_;
  FreeList lists_[kSizeClassCount];
};

class Heap {
 public:
  // `budget` is borrowed and outlives the heap.
  explicit Heap(MemoryBudget* budget);
  ~Heap();  // no thread may be inside a guard or hold memory of this heap

  // The calling thread's share; made at its first call, recycled when the thread ends. About 1 ns.
  ThreadHeap& Local() {
    if (last_.heap_id == id_) return *last_.local;
    return FindLocal();
  }

  MemoryBudget& budget() { return *budget_; }
  // Returns when every guard that some thread was in at the call has ended. Outside a guard; blocks.
  void WaitForGuards();
  // Frees everything retired whose grace period is over, in all of the calling thread's limbo; for
  // tests and closing.
  void DrainLocal();

 private:
  friend class ThreadHeap;
  friend struct ThreadHeapDirectory;
  struct Registry;  // outlives the heap for as long as a thread's exit may look at it
  struct LastUsed {
    uint64_t heap_id;
    ThreadHeap* local;
  };

  ThreadHeap& FindLocal();
  char* NewChunk();
  void PushBatch(uint32_t size_class, ThreadHeap::FreeBlock* batch);
  ThreadHeap::FreeBlock* PopBatch(uint32_t size_class);
  void* AllocateLarge(size_t bytes);
  void FreeLarge(void* block, size_t bytes);

  static thread_local constinit LastUsed last_;  // the epoch slot of this thread

  const uint64_t id_;
  MemoryBudget* const budget_;
  EpochDomain<> epochs_;
  std::shared_ptr<Registry> registry_;
  Mutex chunks_mutex_;
  std::vector<char*> chunks_;
  alignas(64) Atomic<ThreadHeap::FreeBlock*> batches_[kSizeClassCount];
};

// Keeps every object that the calling thread can reach now alive until the end of the scope. Never
// held across a wait.
class EpochGuard {
 public:
  explicit EpochGuard(ThreadHeap& local) : local_(local) { local_.Enter(); }
  EpochGuard(const EpochGuard&) = delete;
  EpochGuard& operator=(const EpochGuard&) = delete;
  ~EpochGuard() { local_.Exit(); }
  ThreadHeap& local() const { return local_; }

 private:
  ThreadHeap& local_;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_MEMORY_HEAP_H_
