// Consolidation: what deltas hold moves into a sorted run, and a long run moves into a new block,
// or several when the page has outgrown its size (a split is nothing but a consolidation with two
// results, published by one compare-and-swap). One thread at a time folds a page (the delta's
// claim), unless the chain has become long enough that everybody helps.
#include <algorithm>
#include <vector>

#include "storage/base/check.h"
#include "storage/tree/page_rebuild.h"
#include "storage/tree/run_merger.h"
#include "storage/tree/tree.h"

namespace moraine {
namespace {

constexpr uint32_t kHelpDepth = 4 * kDeltaSlots;

// Sets the claim of a delta for the duration of a fold. A claim left on a replaced delta harms
// nobody.
class FoldClaim {
 public:
  explicit FoldClaim(const Delta* delta)
      : claim_(const_cast<Delta*>(delta)->claim), forced_(delta->chain_depth >= kHelpDepth) {
    uint32_t free = 0;
    // order: relaxed: the claim only saves work; the page word's CAS decides
    held_ = claim_.compare_exchange_strong(free, 1, std::memory_order_relaxed,
                                           std::memory_order_relaxed);
  }
  ~FoldClaim() {
    // order: relaxed: as above
    if (held_) claim_.store(0, std::memory_order_relaxed);
  }
  bool may_fold() const { return held_ || forced_; }

 private:
  Atomic<uint32_t>& claim_;
  bool forced_;
  bool held_ = false;
};

}  // namespace

bool Tree::Consolidate(TreeThread& thread, PageId page, MemWord word, bool into_block) {
  PageImage image = PageImage::Of(word);
  if (image.delta == nullptr) return false;
  FoldClaim claim(image.delta);
  if (!claim.may_fold()) return false;
  uint32_t run_count = image.run != nullptr ? image.run->count : 0;
  uint64_t run_bytes = image.run != nullptr ? image.run->payload_bytes : 0;
  if (image.base == nullptr) return FoldIntoRun(thread, page, word);
  uint64_t base_bytes = image.block().header().size_bytes;
  bool long_run = run_count + kDeltaSlots > environment_.run_entries ||
                  run_bytes > std::max<uint64_t>(base_bytes, environment_.leaf_bytes / 2) / 2;
  return into_block || long_run ? FoldIntoBlock(thread, page, word)
                                : FoldIntoRun(thread, page, word);
}

bool Tree::FoldIntoRun(TreeThread& thread, PageId page, MemWord word) {
  PageImage image = PageImage::Of(word);
  PageScratch& scratch = thread.scratch;
  ThreadHeap& heap = thread.heap();
  CollectAbove(image, DeltaView::kDecided, ReadPoint(), environment_.log, false, &scratch);
  if (scratch.above.empty() && scratch.aborted.empty()) return false;  // nothing is decided
  environment_.snapshots->Read(environment_.log, &scratch.prune);
  RunMerger merger(image.run, &scratch);
  merger.Merge();
  Run* run = merger.Build(heap);
  if (run == nullptr) return false;
  DeltaChain chain(heap);
  if (!chain.Build(image.base, run, scratch.undecided, /*always=*/true)) {
    heap.Free(run, run->allocation_bytes());
    return false;
  }
  if (!environment_.table->CompareAndSwap(page, word, MemWord::Of(word.state(), chain.top()))) {
    chain.Discard();
    heap.Free(run, run->allocation_bytes());
    return false;
  }
  RetireChain(heap, image.delta);
  if (image.run != nullptr) heap.Retire(const_cast<Run*>(image.run), image.run->allocation_bytes());
  for (Version* version : scratch.dropped) RetireVersion(heap, version);
  for (Version* version : scratch.aborted) RetireVersion(heap, version);
  return true;
}

bool Tree::FoldIntoBlock(TreeThread& thread, PageId page, MemWord word) {
  PageImage image = PageImage::Of(word);
  PageScratch& scratch = thread.scratch;
  ThreadHeap& heap = thread.heap();
  CollectAbove(image, DeltaView::kDecided, ReadPoint(), environment_.log, true, &scratch);
  if (scratch.above.empty() && scratch.aborted.empty()) return false;
  environment_.snapshots->Read(environment_.log, &scratch.prune);
  MergeForBlock(image, merge_, &scratch);
  PageRebuild rebuild(environment_, id_, heap, image, &scratch);
  rebuild.Plan();
  if (!rebuild.Build()) {
    rebuild.Discard();
    return false;
  }
  bool split_root = page == root_ && rebuild.block_count() > 1;
  bool swapped = split_root
                     ? ReplaceRoot(thread, word, 1, rebuild.separators(), rebuild.PagesForRoot())
                     : environment_.table->CompareAndSwap(page, word, rebuild.first_word());
  if (!swapped) {
    rebuild.Discard();
    return false;
  }
  // Everything that the old page owned is unreachable now; what was decided lives on in the blocks.
  RetireChain(heap, image.delta);
  if (image.run != nullptr) heap.Retire(const_cast<Run*>(image.run), image.run->allocation_bytes());
  heap.Retire(const_cast<char*>(image.base), image.block().header().size_bytes);
  for (const KeyVersion& version : scratch.above) RetireVersion(heap, version.version);
  for (Version* version : scratch.aborted) RetireVersion(heap, version);
  std::span<const PageId> made = rebuild.pages();
  if (split_root) made = rebuild.PagesForRoot();
  for (PageId new_page : made) Admit(new_page);
  if (page != root_) {
    for (size_t i = 0; i < rebuild.separators().size(); ++i) {
      PostSeparator(thread, 1, rebuild.separators()[i], rebuild.pages()[i]);
    }
  }
  return true;
}

}  // namespace moraine
