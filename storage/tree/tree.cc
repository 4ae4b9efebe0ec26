// Creation, descent to a leaf, point reads and the copies that cursors read. Writes are in
// tree_write.cc, splits in structure.cc.
#include "storage/tree/tree.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "storage/base/check.h"
#include "storage/base/status_macros.h"

namespace moraine {
namespace {

// One in so many gets that find layers over a block folds them: a page that is read pays for a fold
// once, a page that is only written never does.
constexpr uint32_t kReadsPerFold = 32;
// Fewer versions than this over a block cost a reader less than the fold.
constexpr uint32_t kWorthFolding = 4;
// A long list of keys must not hold back reclamation.
constexpr size_t kKeysPerGuard = 64;
// Of the root, until its block is seen.
constexpr uint32_t kUnknownLevel = ~uint32_t{0};

}  // namespace

Tree::Tree(const TreeEnvironment& environment, TreeId id, const MergeOperator* merge)
    : environment_(environment), id_(id), merge_(merge) {}

absl::StatusOr<std::unique_ptr<Tree>> Tree::Create(const TreeEnvironment& environment, TreeId id,
                                                   const MergeOperator* merge) {
  std::unique_ptr<Tree> tree(new Tree(environment, id, merge));  // private constructor
  MORAINE_ASSIGN_OR_RETURN(tree->root_, environment.table->Allocate(PageKind::kInner));
  environment.table->SetTree(tree->root_, id);
  BlockSpec spec;
  char* block = tree->NewBlock(environment.Local(), spec, {});
  if (block == nullptr) {
    environment.table->Free(std::exchange(tree->root_, kNoPage));
    return absl::ResourceExhaustedError("no memory left for a tree; raise memory_bytes");
  }
  environment.table->StoreExclusive(tree->root_, MemWord::Of(PageState::kBase, block));
  return tree;
}

absl::StatusOr<std::unique_ptr<Tree>> Tree::Adopt(const TreeEnvironment& environment, TreeId id,
                                                  const MergeOperator* merge, PageId root) {
  if (root == kNoPage || environment.table->LoadDisk(root).none())
    return absl::DataLossError("tree " + std::to_string(id.value()) + " has no root on disk");
  std::unique_ptr<Tree> tree(new Tree(environment, id, merge));  // private constructor
  tree->root_ = root;
  return tree;
}

Tree::~Tree() { FreePagesExclusive(); }

void Tree::MarkDropped() {
  // order: release -> Tree::Dropped [P3]
  dropped_.store(1, std::memory_order_release);
}

bool Tree::dropped() const {
  // order: acquire <- Tree::Dropped [P3]
  return dropped_.load(std::memory_order_acquire) != 0;
}

absl::Status Tree::CheckUsable() const {
  if (!dropped()) return absl::OkStatus();
  return absl::NotFoundError("the tree was dropped");
}

// Descends from the root, moving right wherever a split has not been posted to the parent, and
// posting it on the way. Misses are what a descent costs: whatever will be read next is asked for
// as soon as its address is known.
Tree::Leaf Tree::FindLeaf(std::string_view key, Purpose purpose) {
  constexpr int kInnerLines = 3;  // hints and the first slots
  constexpr int kLeafLines = 7;   // hints and the slots of a usual leaf
  PageId page = root_;
  PageId parent;
  MemWord parent_word;
  uint32_t level = kUnknownLevel;
  int lines = kInnerLines;
  for (;;) {
    MemWord word = environment_.table->Load(page);
    if (!word.resident()) return {page, word, parent, parent_word, level != 0};
    if (purpose == Purpose::kInstall && word.state() == PageState::kStack) {
      const Delta* delta = word.object<const Delta>();
      __builtin_prefetch(reinterpret_cast<const char*>(delta) + 64);
      if (KeyHead(key) < delta->high_head) return {page, word, parent, parent_word};
    }
    PageImage image = PageImage::Of(word);
    BlockView block = image.block();
    __builtin_prefetch(block.data());
    block.PrefetchSearch(lines);
    if (image.run != nullptr && purpose == Purpose::kSearch) __builtin_prefetch(image.run + 1);
    level = block.level();
    if (!block.BelowHighFence(key)) {
      PostSeparator(environment_.Local(), level + 1, block.high_fence(), block.right_page());
      page = block.right_page();
      continue;
    }
    if (level == 0) return {page, word, parent, parent_word};
    if (level == 1) lines = purpose == Purpose::kSearch ? kLeafLines : 0;
    --level;
    parent = page;
    parent_word = word;
    page = block.ChildFor(key);
  }
}

// The page of `level` that covers `key`; kNoPage when there is no such level or the way to it is
// not in memory.
PageId Tree::FindPage(std::string_view key, uint32_t level) {
  Place place = FindPlace(key, level);
  return place.missing == kNoPage && place.word.resident() ? place.page : kNoPage;
}

// The page of `level` with the largest keys < `key`: like FindLeaf, but an equal separator leads to
// the left.
Tree::Leaf Tree::FindLeafBefore(std::string_view key, uint32_t level) {
  PageId page = root_;
  uint32_t here = kUnknownLevel;
  for (;;) {
    MemWord word = environment_.table->Load(page);
    if (!word.resident()) return {page, word, kNoPage, MemWord(), here != level};
    BlockView block = PageImage::Of(word).block();
    here = block.level();
    if (block.has_high_fence() && block.high_fence() < key) {
      page = block.right_page();
      continue;
    }
    if (here <= level) return {page, word, kNoPage, MemWord()};
    // A key at the high fence is beyond every separator here.
    uint32_t index = block.BelowHighFence(key) ? block.LowerBound(key).index : block.count();
    page = block.Inner(index > 0 ? index - 1 : 0).child;
    --here;
  }
}

Tree::Leaf Tree::FindLastLeaf() {
  PageId page = root_;
  uint32_t level = kUnknownLevel;
  for (;;) {
    MemWord word = environment_.table->Load(page);
    if (!word.resident()) return {page, word, kNoPage, MemWord(), level != 0};
    BlockView block = PageImage::Of(word).block();
    level = block.level();
    if (block.has_high_fence()) {
      page = block.right_page();
    } else if (level > 0) {
      page = block.Inner(block.count() - 1).child;
      --level;
    } else {
      return {page, word, kNoPage, MemWord()};
    }
  }
}

Tree::LookupResult Tree::Lookup(const PageImage& image, std::string_view key, ReadPoint point,
                                absl::FunctionRef<void(std::string_view)> found) {
  std::vector<std::string_view> operands;  // newest first; allocates only when there are some
  std::optional<std::string_view> below;
  bool settled = false;
  auto take = [&](VersionKind kind, std::string_view value) {
    if (kind == VersionKind::kMerge) {
      operands.push_back(value);
      return;
    }
    if (kind == VersionKind::kPut) below = value;
    settled = true;
  };
  if (image.delta != nullptr) {
    uint8_t fingerprint = FingerprintOf(key);
    for (const Delta* delta = image.delta; delta != nullptr && !settled; delta = delta->next) {
      uint64_t matches = MatchFingerprints(delta->fingerprints, fingerprint, delta->count);
      for (; matches != 0 && !settled; matches &= matches - 1) {
        const Version* version = delta->versions[__builtin_ctzll(matches) / 8];
        uint64_t ts = 0;
        if (version->key() == key && VisibleAt(*version, point, environment_.log, &ts)) {
          take(version->kind, version->value());
        }
      }
    }
    const Run* run = image.run;
    for (uint32_t i = 0; run != nullptr && !settled; ++i) {
      i = run->NextMatch(fingerprint, i);
      if (i == run->count) break;
      const Version* version = run->versions()[i];
      if (version->key() == key && LoadWord(version->ts).ts() < point.ts)
        take(version->kind, version->value());
    }
  }
  if (!settled && image.base == nullptr) return LookupResult::kUnknown;
  if (!settled) {
    BlockView block = image.block();
    BlockPosition position = block.LowerBound(key);
    for (uint32_t i = position.index; position.found && i < block.count() && !settled; ++i) {
      BlockEntry entry = block.Leaf(i);
      if (i > position.index && entry.suffix != block.Suffix(position.index)) break;
      if (entry.ts < point.ts)
        take(entry.tombstone ? VersionKind::kDelete : VersionKind::kPut, entry.value);
    }
  }
  if (operands.empty()) {
    if (below) found(*below);
    return below ? LookupResult::kFound : LookupResult::kAbsent;
  }
  MORAINE_CHECK(merge_ != nullptr);  // a merge is refused on a tree without an operator
  std::reverse(operands.begin(), operands.end());
  found(merge_->Merge(key, below, operands));
  return LookupResult::kFound;
}

// One try at a read, inside a guard. kUnknown: `*missing` must be loaded first. A read that had to
// load its page is what brought the page in; only reads that find it there count as its uses.
Tree::LookupResult Tree::TryGet(TreeThread& thread, std::string_view key, ReadPoint point,
                                absl::FunctionRef<void(std::string_view)> found, PageId* missing,
                                bool counts) {
  Leaf leaf = FindLeaf(key, Purpose::kSearch);
  PageImage image = PageImage::Of(leaf.word);
  *missing = leaf.page;
  if (leaf.inner) return LookupResult::kUnknown;
  if (counts && image.base != nullptr) environment_.table->Touch(leaf.page);
  LookupResult result = Lookup(image, key, point, found);
  if (image.delta != nullptr && ++thread.layered_reads % kReadsPerFold == 0)
    FoldForReaders(thread, leaf);
  return result;
}

absl::StatusOr<bool> Tree::Get(std::string_view key, ReadPoint point,
                               absl::FunctionRef<void(std::string_view)> found) {
  TreeThread& thread = environment_.Local();
  for (bool first = true;; first = false) {
    PageId missing;
    {
      EpochGuard guard(thread.heap());
      MORAINE_RETURN_IF_ERROR(CheckUsable());
      LookupResult result = TryGet(thread, key, point, found, &missing, first);
      if (result != LookupResult::kUnknown) return result == LookupResult::kFound;
    }
    MORAINE_RETURN_IF_ERROR(LoadPages(std::span(&missing, 1)));
  }
}

absl::Status Tree::MultiGet(std::span<const std::string_view> keys, ReadPoint point,
                            absl::FunctionRef<void(size_t, std::string_view)> found) {
  TreeThread& thread = environment_.Local();
  std::vector<size_t> open(keys.size());
  std::iota(open.begin(), open.end(), size_t{0});
  std::vector<size_t> waiting;
  std::vector<PageId> missing;
  for (bool first = true; !open.empty(); first = false) {
    waiting.clear();
    missing.clear();
    for (size_t begin = 0; begin < open.size(); begin += kKeysPerGuard) {
      EpochGuard guard(thread.heap());
      MORAINE_RETURN_IF_ERROR(CheckUsable());
      for (size_t i = begin; i < std::min(open.size(), begin + kKeysPerGuard); ++i) {
        size_t index = open[i];
        PageId page;
        LookupResult result = TryGet(
            thread, keys[index], point, [&](std::string_view value) { found(index, value); }, &page,
            first);
        if (result != LookupResult::kUnknown) continue;
        waiting.push_back(index);
        missing.push_back(page);
      }
    }
    std::sort(missing.begin(), missing.end());
    missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
    if (!missing.empty()) MORAINE_RETURN_IF_ERROR(LoadPages(missing));
    open.swap(waiting);
  }
  return absl::OkStatus();
}

Examination Tree::Examine(const ReadItem& item, std::string_view from, const Examiner& examiner) {
  Leaf leaf = FindLeaf(from, Purpose::kSearch);
  if (leaf.word.resident()) return ExamineLeaf(PageImage::Of(leaf.word), item, from, examiner);
  Examination result;
  result.finding = Examination::Finding::kMissing;
  result.missing = leaf.page;
  return result;
}

void Tree::FoldForReaders(TreeThread& thread, const Leaf& leaf) {
  PageImage image = PageImage::Of(leaf.word);
  if (image.base == nullptr) return;
  uint32_t versions = image.delta->count + (image.run != nullptr ? image.run->count : 0);
  if (versions >= kWorthFolding) Consolidate(thread, leaf.page, leaf.word, /*into_block=*/true);
}

void Tree::CopyVisible(TreeThread& thread, MemWord word, ReadPoint point, std::string* block) {
  PageImage image = PageImage::Of(word);
  BlockView base = image.block();
  if (image.delta == nullptr && !base.has_versions()) {
    block->assign(base.data(), base.header().size_bytes);
    return;
  }
  PageScratch& scratch = thread.scratch;
  CollectAbove(image, DeltaView::kAtPoint, point, environment_.log, true, &scratch);
  MergeAtPoint(image, point, merge_, &scratch);
  BlockSpec spec;
  spec.low_fence = base.low_fence();
  spec.high_fence = base.high_fence();
  spec.has_high_fence = base.has_high_fence();
  spec.right_page = base.right_page();
  spec.stripped_bytes = base.header().prefix_bytes;
  block->resize(BlockBytes(spec, scratch.entries));
  BuildBlock(spec, scratch.entries, block->data());
}

absl::Status Tree::ReadLeaf(std::string_view key, ReadPoint point, std::string* block,
                            uint32_t ahead) {
  TreeThread& thread = environment_.Local();
  std::vector<PageId> missing;
  for (bool first = true;; first = false) {
    missing.clear();
    {
      EpochGuard guard(thread.heap());
      MORAINE_RETURN_IF_ERROR(CheckUsable());
      Leaf leaf = FindLeaf(key, Purpose::kSearch);
      // Whoever scans a layered page pays for the merge anyway; the next reader should not again.
      if (leaf.word.resident() && PageImage::Of(leaf.word).delta != nullptr) {
        FoldForReaders(thread, leaf);
        leaf = FindLeaf(key, Purpose::kSearch);
      }
      if (leaf.word.resident()) {
        if (first) environment_.table->Touch(leaf.page);
        CopyVisible(thread, leaf.word, point, block);
        PageId right = BlockView(block->data()).right_page();
        if (right != kNoPage) {
          MemWord next = environment_.table->Load(right);
          __builtin_prefetch(next.object<const char>());
        }
        return absl::OkStatus();
      }
      missing.push_back(leaf.page);
      if (!leaf.inner && ahead > 1) GatherMissing(key, ahead, &missing);
    }
    MORAINE_RETURN_IF_ERROR(LoadPages(missing));
  }
}

absl::Status Tree::ReadLeafBefore(std::optional<std::string_view> key, ReadPoint point,
                                  std::string* block) {
  TreeThread& thread = environment_.Local();
  for (bool first = true;; first = false) {
    PageId missing;
    {
      EpochGuard guard(thread.heap());
      MORAINE_RETURN_IF_ERROR(CheckUsable());
      Leaf leaf = key ? FindLeafBefore(*key) : FindLastLeaf();
      if (leaf.word.resident()) {
        if (first) environment_.table->Touch(leaf.page);
        CopyVisible(thread, leaf.word, point, block);
        return absl::OkStatus();
      }
      missing = leaf.page;
    }
    MORAINE_RETURN_IF_ERROR(LoadPages(std::span(&missing, 1)));
  }
}

char* Tree::NewBlock(TreeThread& thread, const BlockSpec& spec,
                     std::span<const PendingEntry> entries) {
  size_t bytes = BlockBytes(spec, entries);
  char* block = static_cast<char*>(thread.heap().Allocate(bytes, ChargeKind::kReserve));
  if (block != nullptr) BuildBlock(spec, entries, block);
  return block;
}

}  // namespace moraine
