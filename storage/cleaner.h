// Keeps the segments in use near the target fill: a thread of its own that sleeps while there is
// nothing to do, and, when it cannot keep up, the threads that flush (Pay). space_policy.h says when
// and what; Pager::CleanSegment moves what is alive.
//
// Locks: step_mutex_ (one step at a time) before the engine's checkpoint lock and the pager's. A
// step never writes a checkpoint that flushes, so whoever writes one may pay.
#ifndef MORAINE_STORAGE_CLEANER_H_
#define MORAINE_STORAGE_CLEANER_H_

#include <cstdint>
#include <functional>
#include <thread>
#include <unordered_set>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/pager.h"
#include "storage/segments/segment_store.h"
#include "storage/space_policy.h"
#include "storage/sync/mutex.h"

namespace moraine {

struct CleanerStats {
  uint64_t cleaned_segments = 0;
  uint64_t releases = 0;    // checkpoints written to free segments
  uint64_t paid_steps = 0;  // done by threads that flushed
  uint64_t errors = 0;
};

class Cleaner {
 public:
  // Borrowed. `release` writes a checkpoint that frees dead segments.
  struct Parts {
    SegmentStore* store = nullptr;
    Pager* pager = nullptr;
    std::function<absl::Status()> release;
    double fill = 0;
  };
  explicit Cleaner(Parts parts) : parts_(std::move(parts)), policy_(parts_.fill) {}
  ~Cleaner() { Stop(); }

  void Start();
  void Stop();

  // Called outside all locks by whoever appended `bytes` by flushing: wakes the thread when there is
  // work, and works itself when space runs ahead of it. May take as long as cleaning a few segments.
  void Pay(uint64_t bytes);

  // Wakes the thread: the disk is full.
  void Notify() { work_.NotifyAll(); }

  // Cleans until nothing that is worth it is left, then shrinks the files; `progress` gets the
  // segments done and an estimate of all. It may return false to stop.
  absl::Status CleanAll(absl::FunctionRef<bool(uint64_t done, uint64_t all)> progress);

  CleanerStats stats() const;

 private:
  void Run();
  // One piece of work, under step_mutex_; the bytes it gained. 0: there was nothing to do.
  absl::StatusOr<uint64_t> Step();
  absl::StatusOr<uint64_t> Release();
  absl::StatusOr<uint64_t> CleanOne();
  absl::StatusOr<uint64_t> Evacuate();
  absl::StatusOr<uint64_t> Clean(const SegmentInfo& victim);
  absl::StatusOr<uint64_t> RewriteShrunken();
  bool NextVictim(double most_live, SegmentInfo* victim);
  void Count(Atomic<uint64_t>& count) {
    // order: relaxed: a statistic
    count.fetch_add(1, std::memory_order_relaxed);
  }

  const Parts parts_;
  const SpacePolicy policy_;

  Mutex step_mutex_;
  std::vector<SegmentInfo> victims_;  // chosen together, the best one last
  // By sequence: segments whose live pieces wait for the next release, and those that cleaning did
  // not empty (a damaged piece, or one of a kind that is not moved).
  std::unordered_set<uint64_t> marked_;
  std::unordered_set<uint64_t> stuck_;
  bool evacuating_ = false;

  std::thread thread_;
  EventCount work_;
  Atomic<uint32_t> stop_{0};
  Atomic<uint32_t> started_{0};
  Atomic<uint64_t> owed_bytes_{0};
  Atomic<uint64_t> cleaned_segments_{0};
  Atomic<uint64_t> releases_{0};
  Atomic<uint64_t> paid_steps_{0};
  Atomic<uint64_t> errors_{0};
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_CLEANER_H_
