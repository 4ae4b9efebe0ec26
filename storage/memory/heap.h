// Memory for pages, deltas and everything else that threads share and unlink: size-class arenas per
// thread on huge pages, charged to one budget, with epoch reclamation built in. An object is
// allocated by one thread, published, unlinked by another and retired there; it returns to that
// thread's free list three epochs later. Frees are amortised: every Retire releases at most
// two older objects, so no operation pays for a storm of them (T. Brown et al., "Are your epochs
// too epic? Batch free can be harmful", 2024).
//
// Memory of one size class can serve every other one: what is free is searched for whole pages
// before more is mapped than the budget and 32 MiB (heap_space.cc).
//
// Under AddressSanitizer and ThreadSanitizer blocks come from malloc one by one, so that the tools
// see each of them. Progress: Allocate, Free and Retire are lock-free while blocks of the size are
// in lists or in the thread's region of 64 or 128 KiB. A used-up region takes a mutex and may enter
// the kernel; at the limit that may mean waiting for a sweep, which looks at every free block but
// never waits for a guard, so Allocate may be called inside one.
#ifndef MORAINE_STORAGE_MEMORY_HEAP_H_
#define MORAINE_STORAGE_MEMORY_HEAP_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "storage/memory/memory_budget.h"
#include "storage/memory/page_census.h"
#include "storage/memory/size_class.h"
#include "storage/memory/span_pool.h"
#include "storage/sync/epoch.h"
#include "storage/sync/mutex.h"

#if !defined(MORAINE_HEAP_USES_MALLOC)
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MORAINE_HEAP_USES_MALLOC 1
#else
#define MORAINE_HEAP_USES_MALLOC 0
#endif
#endif

namespace moraine {

class Heap;
struct ThreadHeapDirectory;

// What a heap may have mapped beyond what it is charged for, before it looks for free memory.
inline constexpr uint64_t kHeapSlackBytes = uint64_t{32} << 20;

// A look at a heap; the numbers are not of one moment.
struct HeapStats {
  uint64_t mapped_bytes = 0;     // from the system and present
  uint64_t object_bytes = 0;     // handed out, with the credit of threads (512 KiB each at most)
  uint64_t free_list_bytes = 0;  // in lists and regions of threads and in shared lists
  uint64_t span_bytes = 0;       // free for any class
  uint64_t spans = 0;            // in so many pieces
  uint64_t overhead_bytes = 0;   // charged for free memory that nobody can use
  uint64_t sweeps = 0;
};

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
  // What blocks are cut from. Small and larger ones come from different regions, so that a long
  // life among the small does not keep the place of large ones.
  struct Region {
    char* at = nullptr;
    char* end = nullptr;
  };
  struct Retired {
    void* block;
    uint64_t bytes;
    uint64_t epoch;
  };

  ThreadHeap(Heap* heap, EpochDomain<>::Participant* participant)
      : heap_(heap), participant_(participant) {}
  void* AllocateSmall(uint32_t size_class, ChargeKind kind);
  void FreeSmall(void* block, uint32_t size_class);
  static uint32_t BatchCount(uint32_t size_class);
  void KeepSpare(FreeList& list, uint32_t size_class);
  void* Carve(size_t bytes, ChargeKind kind);
  void PushLists();
  uint64_t ListBytes() const;
  void PutRegions();
  bool TakeCredit(size_t bytes, ChargeKind kind);
  void ReturnCredit(size_t bytes);
  void ReturnAllCredit();
  void FreeRetired(size_t most);

  Heap* heap_;
  EpochDomain<>::Participant* participant_;
  int64_t credit_bytes_ = 0;  // charged to the budget, not handed out
  Region small_region_;
  Region large_region_;
  size_t spare_bytes_ = 0;  // in all spare batches
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
  // Also for destructors that run while a thread or the program ends; then it is kept by the heap.
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
  // Returns free chunks to the system, all but what is useful soon. Blocks; for idle times. Frees
  // do it on their own once most of what is mapped is free.
  void Trim();
  HeapStats stats();

 private:
  friend class ThreadHeap;
  friend struct ThreadHeapDirectory;
  struct Registry;  // outlives the heap for as long as a thread's exit may look at it
  struct LastUsed {
    uint64_t heap_id;
    ThreadHeap* local;
  };

  ThreadHeap& FindLocal();
  void PushBatch(uint32_t size_class, ThreadHeap::FreeBlock* batch);
  ThreadHeap::FreeBlock* PopBatch(uint32_t size_class);
  void* AllocateLarge(ThreadHeap& local, size_t bytes, ChargeKind kind);
  void FreeLarge(void* block, size_t bytes);

  // heap_space.cc: what is mapped, and how it moves between classes.
  enum class Step : uint8_t { kTake, kSplit, kSweep, kPurge, kCharge };
  std::optional<Span> AcquireSpan(ThreadHeap& local, size_t least, size_t most, ChargeKind kind);
  std::optional<Span> AcquireScrap(ThreadHeap& local, size_t bytes);
  std::optional<Span> TakeOrMap(size_t least, size_t most);
  void PutRegion(ThreadHeap::Region region);
  bool MakeRoom(ThreadHeap& local, ChargeKind kind);
  int64_t RoomBytes() const;
  bool Advance(ThreadHeap& local, Step step, size_t least, size_t wanted_bytes, ChargeKind kind);
  bool SplitBlocks(size_t least);
  bool SweepIfWorthwhile(ThreadHeap& local, PageCensus::Alone alone);
  void Sweep(ThreadHeap& local, PageCensus::Alone alone);
  template <class Keep>
  static ThreadHeap::FreeBlock* Rebatch(ThreadHeap::FreeBlock* batches, uint32_t count, Keep keep);
  void TrimIfMostlyFree(ThreadHeap& local);

  // heap_space.cc: the budget's view of the same.
  bool Charge(uint64_t bytes, ChargeKind kind);
  void Release(uint64_t bytes);
  bool ChargeOverhead(uint64_t bytes, ChargeKind kind);
  bool TakeOverhead(uint64_t bytes);
  void SettleOverhead();
  uint64_t mapped_bytes() const;
  uint64_t charged_bytes() const;
  uint64_t overhead_bytes() const;

  static thread_local constinit LastUsed last_;  // the epoch slot of this thread

  const uint64_t id_;
  MemoryBudget* const budget_;
  EpochDomain<> epochs_;
  std::shared_ptr<Registry> registry_;
  Mutex space_mutex_;
  SpanPool pool_;             // under space_mutex_
  uint64_t swept_bytes_ = 0;  // that the last sweep left in lists; under space_mutex_
  Atomic<uint64_t> sweeps_{0};
  Atomic<uint64_t> pushed_bytes_{0};    // into shared lists since the last sweep
  Atomic<uint64_t> charged_bytes_{0};   // objects and credit, as the budget knows them
  Atomic<uint64_t> overhead_bytes_{0};  // charged to the budget beside them
  Atomic<uint64_t> useless_bytes_{0};   // of spans, when an allocation was refused
  Atomic<uint64_t> large_bytes_{0};     // mapped one by one
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
