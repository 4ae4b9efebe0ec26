// Pages leave memory: the base goes, what is not on disk yet stays as deltas and a run without a
// base (kPartial), or nothing stays (kEvicted). Coming back is the same step with a base to put
// under what stayed, so both are ReplaceBase.
//
// The base of a page may go only if
//   (a) the page and its split are known to the parent level, because a blind writer finds no fence
//       in memory that could send it further right;
//   (b) its fences are those of its image on disk: no page to its right waits to be written first;
//   (c) nothing in it is newer than its pieces on disk.
#include <algorithm>

#include "storage/base/check.h"
#include "storage/tree/page_rebuild.h"
#include "storage/tree/run_merger.h"
#include "storage/tree/tree.h"

namespace moraine {

// Every update of the page with a smaller timestamp is on disk. Of the two places that may know, the
// larger one is right: a page that was read carries what its pieces covered then.
uint64_t Tree::CoversOf(PageId page, const PageImage& image) const {
  const DiskRefs* refs = environment_.table->LoadDisk(page).refs();
  uint64_t on_disk = refs != nullptr ? refs->covers() : 0;
  uint64_t in_base = image.base != nullptr ? image.block().header().covers : 0;
  return std::max(on_disk, in_base);
}

// Puts `base` (nullptr: nothing) under those of the page's updates that are not settled below
// `covers`. False: the page changed, or no memory; `base` is still the caller's. Inside a guard.
bool Tree::ReplaceBase(TreeThread& thread, PageId page, MemWord word, const char* base,
                       uint64_t covers) {
  PageImage image = PageImage::Of(word);
  PageScratch& scratch = thread.scratch;
  ThreadHeap& heap = thread.heap();
  CollectAbove(image, DeltaView::kDecided, ReadPoint(), environment_.log, true, &scratch);
  std::vector<Version*> settled;
  std::erase_if(scratch.above, [&](const KeyVersion& entry) {
    if (entry.ts < covers) settled.push_back(entry.version);
    return entry.ts < covers;
  });
  bool partial_as_before = base == nullptr && image.base == nullptr;
  bool stays = !scratch.above.empty() || !scratch.undecided.empty();
  if (partial_as_before && stays && settled.empty() && scratch.aborted.empty()) return true;
  RelateAbove(PageImage{base}.prefix_bytes(), &scratch);
  environment_.snapshots->Read(environment_.log, &scratch.prune);
  RunMerger merger(nullptr, &scratch);
  merger.Merge();
  Run* run = nullptr;
  if (!scratch.run_versions.empty()) {
    run = merger.Build(heap);
    if (run == nullptr) return false;
  }
  DeltaChain chain(heap);
  MemWord next;
  bool built = chain.Build(base, run, scratch.undecided, /*always=*/run != nullptr);
  if (built && chain.top() != nullptr) {
    next = MemWord::Of(base != nullptr ? PageState::kStack : PageState::kPartial, chain.top());
  } else if (built) {
    next = base != nullptr ? MemWord::Of(PageState::kBase, base)
                           : MemWord::Evicted(environment_.table->NextStamp());
  }
  if (!built || !environment_.table->CompareAndSwap(page, word, next)) {
    chain.Discard();
    if (run != nullptr) heap.Free(run, run->allocation_bytes());
    return false;
  }
  RetireChain(heap, image.delta);
  if (image.run != nullptr) heap.Retire(const_cast<Run*>(image.run), image.run->allocation_bytes());
  if (image.base != nullptr)
    heap.Retire(const_cast<char*>(image.base), image.block().header().size_bytes);
  for (Version* version : settled) RetireVersion(heap, version);
  for (Version* version : scratch.dropped) RetireVersion(heap, version);
  for (Version* version : scratch.aborted) RetireVersion(heap, version);
  return true;
}

// Whether the parent knows where the page begins and ends, after telling it if need be.
bool Tree::EnsurePosted(TreeThread& thread, PageId page, BlockView block) {
  for (int attempt = 0;; ++attempt) {
    PageId parent = FindPage(block.low_fence(), block.level() + 1);
    if (parent == kNoPage) return false;
    MemWord word = environment_.table->Load(parent);
    if (!word.resident()) return false;
    BlockView above = PageImage::Of(word).block();
    if (above.level() != block.level() + 1 || !above.BelowHighFence(block.low_fence()))
      return false;
    BlockPosition position = above.LowerBound(block.low_fence());
    bool begins = position.found && above.Inner(position.index).child == page;
    bool ends = false;
    if (begins && position.index + 1 < above.count()) {
      std::string next =
          std::string(above.prefix()) + std::string(above.Suffix(position.index + 1));
      ends = block.has_high_fence() && block.high_fence() == next;
    } else if (begins) {
      ends = block.has_high_fence() == above.has_high_fence() &&
             block.high_fence() == above.high_fence();
    }
    if (begins && ends) return true;
    if (attempt > 0) return false;
    if (!begins) PostSeparator(thread, block.level() + 1, block.low_fence(), page);
    if (block.has_high_fence())
      PostSeparator(thread, block.level() + 1, block.high_fence(), block.right_page());
  }
}

// An inner page in steady use is seldom touched itself, so it counts as used as long as a page below
// it is.
bool Tree::HasResidentChild(BlockView block) const {
  for (uint32_t i = 0; i < block.count(); ++i) {
    PageState state = environment_.table->Load(block.Inner(i).child).state();
    if (state != PageState::kEvicted && state != PageState::kFree) return true;
  }
  return false;
}

// A page at rest needs no list of its pieces when there is one only.
void Tree::PackDiskWord(TreeThread& thread, PageId page) {
  DiskWord word = environment_.table->LoadDisk(page);
  const DiskRefs* refs = word.refs();
  if (refs == nullptr || refs->count() != 1) return;
  std::optional<DiskWord> packed = DiskWord::Packed(refs->piece(0));
  if (!packed || !environment_.table->CompareAndSwapDisk(page, word, *packed)) return;
  thread.heap().Retire(const_cast<DiskRefs*>(refs), refs->bytes());
}

EvictResult Tree::Evict(PageId page) {
  TreeThread& thread = environment_.Local();
  PageTable& table = *environment_.table;
  EpochGuard guard(thread.heap());
  MemWord word = table.Load(page);
  if (dropped() || table.TreeOf(page) != id_ || word.state() == PageState::kFree ||
      word.state() == PageState::kEvicted) {
    return EvictResult::kGone;
  }
  if (page == root_) return EvictResult::kPinned;
  PageImage image = PageImage::Of(word);
  if (image.base == nullptr) {
    if (HoldsUnwritten(image, 0, 0)) return EvictResult::kDirty;
    return ReplaceBase(thread, page, word, nullptr, 0) ? EvictResult::kEvicted : EvictResult::kBusy;
  }
  // A page never written can be flushed with its group, and leave then.
  if (table.LoadDisk(page).none()) return EvictResult::kDirty;
  BlockView block = image.block();
  uint64_t covers = CoversOf(page, image);
  if (NeverWritten(block.right_page())) return EvictResult::kDirty;
  if (block.header().max_ts >= covers) return EvictResult::kDirty;
  if (block.level() > 0 && HasResidentChild(block)) return EvictResult::kBusy;
  if (!EnsurePosted(thread, page, block)) return EvictResult::kPinned;
  if (!ReplaceBase(thread, page, word, nullptr, covers)) return EvictResult::kBusy;
  PackDiskWord(thread, page);
  return EvictResult::kEvicted;
}

void Tree::AfterPublish(PageId page, uint64_t covers) {
  TreeThread& thread = environment_.Local();
  EpochGuard guard(thread.heap());
  for (Backoff<> backoff;; backoff.Wait()) {
    MemWord word = environment_.table->Load(page);
    if (dropped() || word.state() != PageState::kPartial) return;
    if (ReplaceBase(thread, page, word, nullptr, covers)) return;
    if (environment_.table->Load(page) == word) return;  // no memory: the next flush does it
  }
}

}  // namespace moraine
