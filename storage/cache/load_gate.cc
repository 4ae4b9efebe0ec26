// A load lives in the list of its shard from TryBegin until its last waiter has its status.
#include "storage/cache/load_gate.h"

#include <algorithm>
#include <memory>

#include "storage/base/check.h"

namespace moraine {
namespace {

// A status that threads share counts its owners inside the library, where a race detector cannot
// see it; so each thread gets one of its own.
absl::Status OwnCopy(const absl::Status& status) { return {status.code(), status.message()}; }

}  // namespace

LoadGate::Load* LoadGate::Shard::Find(PageId page) const {
  auto at = std::find_if(loads.begin(), loads.end(),
                         [page](const Load* load) { return load->page == page && !load->done; });
  return at != loads.end() ? *at : nullptr;
}

bool LoadGate::TryBegin(PageId page) {
  Shard& shard = ShardOf(page);
  auto load = std::make_unique<Load>();
  load->page = page;
  MutexLock lock(shard.mutex);
  if (shard.Find(page) != nullptr) return false;
  shard.loads.push_back(load.release());
  return true;
}

void LoadGate::Finish(PageId page, const absl::Status& status) {
  Shard& shard = ShardOf(page);
  std::unique_ptr<Load> done;
  {
    MutexLock lock(shard.mutex);
    Load* load = shard.Find(page);
    MORAINE_CHECK(load != nullptr);
    load->done = true;
    load->status = OwnCopy(status);
    std::erase(shard.loads, load);
    if (load->waiters == 0) done.reset(load);
  }
  shard.finished.NotifyAll();
}

absl::Status LoadGate::Wait(PageId page) {
  Shard& shard = ShardOf(page);
  Load* load = nullptr;
  for (;;) {
    uint32_t ticket = shard.finished.Ticket();
    {
      MutexLock lock(shard.mutex);
      if (load == nullptr) {
        load = shard.Find(page);
        if (load == nullptr) return absl::OkStatus();
        ++load->waiters;
      }
      if (load->done) {
        absl::Status status = OwnCopy(load->status);
        if (--load->waiters == 0) std::unique_ptr<Load>(load).reset();
        return status;
      }
    }
    shard.finished.Wait(ticket);
  }
}

}  // namespace moraine
