// Lets one thread load a page while others that want it wait for its result.
#ifndef MORAINE_STORAGE_CACHE_LOAD_GATE_H_
#define MORAINE_STORAGE_CACHE_LOAD_GATE_H_

#include <array>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"

#include "storage/base/ids.h"
#include "storage/sync/mutex.h"

namespace moraine {

// Any thread, never inside an epoch guard. A load takes a device read, so a lock around a small
// list costs nothing beside it.
class LoadGate {
 public:
  // True: the caller is to load `page` and then to call Finish. False: somebody else is loading.
  bool TryBegin(PageId page);
  void Finish(PageId page, const absl::Status& status);
  // Waits until nobody is loading `page`; the status of that load, OK when there was none.
  absl::Status Wait(PageId page);

 private:
  struct Load {
    PageId page;
    uint32_t waiters = 0;
    bool done = false;
    absl::Status status;
  };
  struct alignas(64) Shard {
    Mutex mutex;
    std::vector<Load*> loads;  // under way
    EventCount finished;
    Load* Find(PageId page) const;  // under the mutex
  };
  static constexpr size_t kShards = 64;
  Shard& ShardOf(PageId page) { return shards_[page.value() % kShards]; }

  std::array<Shard, kShards> shards_;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_CACHE_LOAD_GATE_H_
