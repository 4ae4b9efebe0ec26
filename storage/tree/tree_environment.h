// What all trees of one database share, and what each thread keeps for working on them.
#ifndef MORAINE_STORAGE_TREE_TREE_ENVIRONMENT_H_
#define MORAINE_STORAGE_TREE_TREE_ENVIRONMENT_H_

#include <cstdint>
#include <memory>

#include "storage/cache/page_table.h"
#include "storage/log/log.h"
#include "storage/memory/heap.h"
#include "storage/tree/log_pins.h"
#include "storage/tree/page_contents.h"
#include "storage/tree/snapshot_registry.h"
#include "storage/tree/stall_watch.h"

namespace moraine {

class LoadGate;
class PageReader;
class PageService;
class SegmentStore;

// One thread's scratch memory and log credit. Owner only.
class TreeThread : public ThreadHeap::Companion {
 public:
  explicit TreeThread(ThreadHeap* heap) : heap_(heap) {}
  ThreadHeap& heap() { return *heap_; }

  LogCredit credit;
  PageScratch scratch;
  StallWatch stall_watch;
  uint32_t layered_reads = 0;  // gets that found deltas over a block
  uint32_t writes = 0;
  bool releases_tree = false;  // may load pages of a dropped tree

 private:
  ThreadHeap* heap_;
};

// Borrowed parts; all outlive the trees.
struct TreeEnvironment {
  PageTable* table = nullptr;
  Heap* heap = nullptr;
  Log* log = nullptr;
  SnapshotRegistry* snapshots = nullptr;
  LogPins* pins = nullptr;
  uint32_t leaf_bytes = 8192;  // a leaf above this size splits
  uint32_t inner_bytes = 8192;
  uint32_t run_entries = 64;  // a run above this is folded into its block

  // For pages that may be out of memory. Without a reader none ever is; the others are optional.
  PageReader* reader = nullptr;
  SegmentStore* store = nullptr;
  LoadGate* gate = nullptr;  // without: pages may be read twice
  PageService* service = nullptr;
  // While recovering, when there is no log yet: everything below it was replayed, also the last
  // operation of every record.
  uint64_t recovery_position = 0;

  // The end of the commit order as it is now.
  uint64_t Position() const { return log != nullptr ? log->Tail().value() : recovery_position; }

  // The calling thread's state. About 2 ns.
  TreeThread& Local() const {
    ThreadHeap& local = heap->Local();
    if (local.companion() == nullptr) local.set_companion(std::make_unique<TreeThread>(&local));
    return static_cast<TreeThread&>(*local.companion());
  }
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_TREE_ENVIRONMENT_H_
