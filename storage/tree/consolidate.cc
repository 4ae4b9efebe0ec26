// Consolidation: what deltas hold moves into a sorted run, and a long run moves into a new block,
// or several when the page has outgrown its size (a split is nothing but a consolidation with two
// results, published by one compare-and-swap). One thread at a time folds a page (the delta's
// claim), unless the chain has become long enough that everybody helps.
#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

#include "storage/base/check.h"
#include "storage/tree/page_rebuild.h"
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

void RetireVersion(ThreadHeap& heap, Version* version) {
  heap.Retire(version, version->allocation_bytes());
}

// Gives back the deltas of a chain that were allocations of their own.
void RetireChain(ThreadHeap& heap, const Delta* delta) {
  for (; delta != nullptr; delta = delta->next) {
    if (delta->embedded == 0) heap.Retire(const_cast<Delta*>(delta), Delta::Bytes(delta->count));
  }
}

// A run in the making. Versions that come from the old run unopposed are copied without being
// looked at: their memory is cold, their head and fingerprint are not.
class RunMerger {
 public:
  RunMerger(const Run* old, PageScratch* scratch) : old_(old), scratch_(*scratch) {
    scratch->run_versions.clear();
    scratch->run_heads.clear();
    scratch->run_fingerprints.clear();
    scratch->dropped.clear();
    if (old != nullptr) {
      payload_bytes_ = old->payload_bytes;
      max_ts_ = old->max_ts;
    }
  }

  void Merge() {
    const std::vector<KeyVersion>& above = scratch_.above;
    uint32_t old_count = old_ != nullptr ? old_->count : 0;
    size_t next = 0;
    uint32_t at = 0;
    while (next < above.size() || at < old_count) {
      if (next == above.size() || (at < old_count && OldIsLess(at, above[next]))) {
        scratch_.run_versions.push_back(old_->versions()[at]);
        scratch_.run_heads.push_back(old_->heads()[at]);
        scratch_.run_fingerprints.push_back(old_->fingerprints()[at]);
        ++at;
        continue;
      }
      const KeyVersion& key = above[next];
      std::vector<KeyVersion>& group = scratch_.group;
      group.clear();
      while (next < above.size() && above[next].head == key.head &&
             above[next].suffix == key.suffix) {
        group.push_back(above[next++]);
      }
      size_t fresh = group.size();
      while (at < old_count && OldIsSame(at, key)) group.push_back(OldVersion(at++, key));
      TakeGroup(fresh);
    }
  }

  // nullptr: no memory.
  Run* Build(ThreadHeap& heap) const {
    uint32_t count = static_cast<uint32_t>(scratch_.run_versions.size());
    void* memory = heap.Allocate(Run::Bytes(count), ChargeKind::kReserve);
    if (memory == nullptr) return nullptr;
    Run* run = new (memory) Run{};
    run->count = count;
    run->payload_bytes = static_cast<uint32_t>(payload_bytes_);
    run->max_ts = max_ts_;
    std::memset(run->fingerprints(), 0, Run::FingerprintBytes(count));
    std::copy(scratch_.run_fingerprints.begin(), scratch_.run_fingerprints.end(),
              run->fingerprints());
    std::copy(scratch_.run_versions.begin(), scratch_.run_versions.end(), run->versions());
    std::copy(scratch_.run_heads.begin(), scratch_.run_heads.end(), run->heads());
    return run;
  }

 private:
  std::string_view OldSuffix(uint32_t at, const KeyVersion& beside) const {
    // Both keys share the block's prefix, whose length is what the other suffix lacks.
    size_t prefix_bytes = beside.version->key_bytes - beside.suffix.size();
    return old_->versions()[at]->key().substr(prefix_bytes);
  }
  bool OldIsLess(uint32_t at, const KeyVersion& key) const {
    uint32_t head = old_->heads()[at];
    return head != key.head ? head < key.head : OldSuffix(at, key) < key.suffix;
  }
  bool OldIsSame(uint32_t at, const KeyVersion& key) const {
    return old_->heads()[at] == key.head && OldSuffix(at, key) == key.suffix;
  }
  KeyVersion OldVersion(uint32_t at, const KeyVersion& like) const {
    Version* version = old_->versions()[at];
    KeyVersion entry = like;
    entry.ts = LoadWord(version->ts).ts();
    entry.kind = version->kind;
    entry.value = version->value();
    entry.version = version;
    return entry;
  }
  // Keeps what readers need of the versions of one key, the first `fresh` of which are new to the
  // run.
  void TakeGroup(size_t fresh) {
    const std::vector<KeyVersion>& group = scratch_.group;
    KeepInRun(group, scratch_.prune, &scratch_.keep);
    for (size_t i = 0; i < group.size(); ++i) {
      Version* version = group[i].version;
      size_t bytes = version->key_bytes + version->value_bytes;
      if (i < fresh) payload_bytes_ += bytes;
      if (!scratch_.keep[i]) {
        payload_bytes_ -= bytes;
        scratch_.dropped.push_back(version);
        continue;
      }
      // A batch's owner may not have stamped it yet; a run holds stamped versions only.
      if (i < fresh) Stamp(*version, TsWord::Committed(group[i].ts));
      max_ts_ = std::max(max_ts_, group[i].ts);
      scratch_.run_versions.push_back(version);
      scratch_.run_heads.push_back(group[i].head);
      scratch_.run_fingerprints.push_back(version->fingerprint);
    }
  }

  const Run* old_;
  PageScratch& scratch_;
  uint64_t payload_bytes_ = 0;
  uint64_t max_ts_ = 0;
};

}  // namespace

bool Tree::Consolidate(TreeThread& thread, PageId page, MemWord word, bool into_block) {
  PageImage image = PageImage::Of(word);
  if (image.delta == nullptr) return false;
  FoldClaim claim(image.delta);
  if (!claim.may_fold()) return false;
  uint32_t run_count = image.run != nullptr ? image.run->count : 0;
  uint64_t run_bytes = image.run != nullptr ? image.run->payload_bytes : 0;
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
  if (!environment_.table->CompareAndSwap(page, word,
                                          MemWord::Of(PageState::kStack, chain.top()))) {
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
  PageRebuild rebuild(environment_, heap, image, &scratch);
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
  if (page != root_) {
    for (size_t i = 0; i < rebuild.separators().size(); ++i) {
      PostSeparator(thread, 1, rebuild.separators()[i], rebuild.pages()[i]);
    }
  }
  return true;
}

}  // namespace moraine
