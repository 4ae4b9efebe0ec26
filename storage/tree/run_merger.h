// Makes a run out of what was collected from a page's layers. Of each key it keeps what some reader
// needs, and always the newest version, so that it is right over any block and over none.
#ifndef MORAINE_STORAGE_TREE_RUN_MERGER_H_
#define MORAINE_STORAGE_TREE_RUN_MERGER_H_

#include <cstdint>

#include "storage/memory/heap.h"
#include "storage/tree/page_contents.h"
#include "storage/tree/run.h"

namespace moraine {

// Versions that come from the old run unopposed are copied without being looked at: their memory is
// cold, their head and fingerprint are not. Inside a guard.
class RunMerger {
 public:
  // `scratch` holds the versions above the old run, and scratch.prune; `old` may be nullptr. Both
  // are relative to one prefix.
  RunMerger(const Run* old, PageScratch* scratch);
  // Fills scratch.run_* and, with what nobody needs any more, scratch.dropped.
  void Merge();
  // nullptr: no memory.
  Run* Build(ThreadHeap& heap) const;

 private:
  std::string_view OldSuffix(uint32_t at, const KeyVersion& beside) const;
  bool OldIsLess(uint32_t at, const KeyVersion& key) const;
  bool OldIsSame(uint32_t at, const KeyVersion& key) const;
  KeyVersion OldVersion(uint32_t at, const KeyVersion& like) const;
  void TakeGroup(size_t fresh);

  const Run* old_;
  PageScratch& scratch_;
  uint64_t payload_bytes_ = 0;
  uint64_t max_ts_ = 0;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_RUN_MERGER_H_
