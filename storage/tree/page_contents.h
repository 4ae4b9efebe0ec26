// The content of one leaf as a sorted stream: block, run and deltas merged, versions of a key
// together, newest first. Consolidation, scans and checkpoints all read pages through it.
#ifndef MORAINE_STORAGE_TREE_PAGE_CONTENTS_H_
#define MORAINE_STORAGE_TREE_PAGE_CONTENTS_H_

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/cache/page_words.h"
#include "storage/tree/block.h"
#include "storage/tree/block_builder.h"
#include "storage/tree/merge_operator.h"
#include "storage/tree/run.h"
#include "storage/tree/snapshot_registry.h"
#include "storage/tree/version.h"
#include "storage/tree/visibility.h"

namespace moraine {

// What a page word refers to. Valid under the guard under which the word was read.
struct PageImage {
  const char* base = nullptr;
  const Run* run = nullptr;
  const Delta* delta = nullptr;

  // Of a page that is out of memory: nothing. Of a partial one: no base.
  static PageImage Of(MemWord word) {
    if (word.state() == PageState::kBase) return {word.object<const char>(), nullptr, nullptr};
    if (!word.resident() && word.state() != PageState::kPartial) return {};
    const Delta* delta = word.object<const Delta>();
    return {delta->base, delta->run, delta};
  }
  bool empty() const { return base == nullptr && delta == nullptr; }
  BlockView block() const { return BlockView(base); }
  // What the keys of the block and of the run lack at their beginning.
  size_t prefix_bytes() const { return base != nullptr ? block().header().prefix_bytes : 0; }
  uint64_t high_head() const {
    if (delta != nullptr) return delta->high_head;
    if (base == nullptr) return 0;
    return block().has_high_fence() ? KeyHead(block().high_fence()) : kNoHighHead;
  }
};

// A version of a key whose fate is known.
struct KeyVersion {
  std::string_view suffix;  // relative to the base block's prefix
  uint32_t head = 0;
  uint64_t ts = 0;
  VersionKind kind = VersionKind::kPut;
  std::string_view value;
  Version* version = nullptr;  // nullptr: an entry of the block
};

// Scratch memory of one thread, reused from page to page.
struct PageScratch {
  std::vector<KeyVersion> above;     // committed versions of deltas and run, sorted
  std::vector<KeyVersion> run_part;  // the run's versions before they are merged in
  std::vector<KeyVersion> merged;
  std::vector<Version*> undecided;  // of the deltas, newest first; also aborted, not stamped ones
  std::vector<Version*> aborted;    // and stamped
  std::vector<KeyVersion> group;    // versions of one key, newest first
  std::vector<PendingEntry> entries;
  std::deque<std::string> merged_values;  // values made by merge operators; addresses stay
  PruneView prune;
  uint64_t max_ts = 0;
  // A run in the making, see consolidate.cc.
  std::vector<Version*> run_versions;
  std::vector<uint32_t> run_heads;
  std::vector<uint8_t> run_fingerprints;
  std::vector<bool> keep;
  std::vector<Version*> dropped;

  void Clear();
};

// Which versions of the deltas count.
enum class DeltaView : uint8_t { kDecided, kAtPoint };

// Sorts what the deltas (and the run, if wanted) hold into scratch.above. kDecided: every committed
// version, leaving undecided and aborted ones in their lists, influencing nothing. kAtPoint: what
// is visible at `point`, pushing others.
void CollectAbove(const PageImage& image, DeltaView view, ReadPoint point, const Log* log,
                  bool with_run, PageScratch* scratch);

// Sorts scratch.above by key; of one key, what was listed first stays first.
void SortAbove(PageScratch* scratch);

// Makes scratch.above relative to another prefix. The order is that of whole keys, so it stays.
void RelateAbove(size_t prefix_bytes, PageScratch* scratch);

// Merges scratch.above with the block and fills scratch.entries with what a new block keeps under
// scratch.prune.
void MergeForBlock(const PageImage& image, const MergeOperator* merge, PageScratch* scratch);

// The same, but only what a reader at `point` sees: one entry a key, no tombstones, no timestamps.
void MergeAtPoint(const PageImage& image, ReadPoint point, const MergeOperator* merge,
                  PageScratch* scratch);

// Which of a key's versions, newest first, must stay when merged ones are kept unfolded (in a run).
void KeepInRun(std::span<const KeyVersion> group, const PruneView& prune, std::vector<bool>* keep);

// The value of a key from its versions, newest first, the first of which is the one wanted; false:
// absent.
bool FoldValue(std::string_view key, std::span<const KeyVersion> versions,
               const MergeOperator* merge, std::deque<std::string>* made, std::string_view* value);

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_PAGE_CONTENTS_H_
