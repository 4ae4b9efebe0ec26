// Cutting and building the blocks of a consolidated leaf.
#include "storage/tree/page_rebuild.h"

#include <algorithm>
#include <new>

#include "storage/base/check.h"

namespace moraine {
namespace {

// A split leaves pages this full, so that they take as many inserts again before the next one;
// pages that grow only at their end (keys in ascending order) are left nearly full instead.
constexpr size_t kSplitFillPercent = 65;
constexpr size_t kAppendFillPercent = 95;

}  // namespace

void RetireVersion(ThreadHeap& heap, Version* version) {
  heap.Retire(version, version->allocation_bytes());
}

void RetireChain(ThreadHeap& heap, const Delta* delta) {
  for (; delta != nullptr; delta = delta->next) {
    if (delta->embedded == 0) heap.Retire(const_cast<Delta*>(delta), Delta::Bytes(delta->count));
  }
}

bool DeltaChain::Build(const char* base, const Run* run, std::span<Version* const> versions,
                       bool always) {
  size_t made = 0;
  size_t left = versions.size();
  const Delta* below = nullptr;
  // From the oldest group to the newest, each on top of the one before.
  while (left > 0 || (always && made == 0)) {
    uint32_t count = static_cast<uint32_t>(
        left % kDeltaSlots != 0 ? left % kDeltaSlots : std::min<size_t>(left, kDeltaSlots));
    void* memory = heap_.Allocate(Delta::Bytes(count), ChargeKind::kReserve);
    if (memory == nullptr) {
      Discard();
      return false;
    }
    Delta* delta = new (memory) Delta;
    delta->base = base;
    delta->run = run;
    delta->next = below;
    delta->fingerprints = 0;
    delta->high_head = PageImage{base}.high_head();
    delta->count = static_cast<uint8_t>(count);
    delta->embedded = 0;
    made += count;
    delta->chain_depth = static_cast<uint16_t>(std::min<size_t>(made, 0xffff));
    for (uint32_t i = 0; i < count; ++i) {
      Version* version = versions[left - count + i];
      delta->versions[i] = version;
      delta->fingerprints |= uint64_t{version->fingerprint} << (8 * i);
    }
    left -= count;
    top_ = below = delta;
    if (count == 0) break;
  }
  return true;
}

void DeltaChain::Discard() {
  while (top_ != nullptr) {
    const Delta* next = top_->next;
    heap_.Free(const_cast<Delta*>(top_), Delta::Bytes(top_->count));
    top_ = next;
  }
}

void PageRebuild::Plan() {
  const std::vector<PendingEntry>& entries = scratch_.entries;
  size_t total = 0;
  for (const PendingEntry& entry : entries) total += EntryBytes(entry, 0, 0) + 8;
  size_t limit = environment_.leaf_bytes;
  cuts_.clear();
  if (total + sizeof(BlockHeader) + 192 <= limit) return;
  BlockView base = image_.block();
  bool append = !base.has_high_fence() && !scratch_.above.empty() && base.count() > 0 &&
                base.Suffix(base.count() - 1) < scratch_.above.front().suffix;
  size_t target = limit * (append ? kAppendFillPercent : kSplitFillPercent) / 100;
  // Equal shares, unless appending, where the last page takes what is left.
  if (!append) target = std::max<size_t>(1, total / ((total + target - 1) / target));
  size_t filled = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    size_t bytes = EntryBytes(entries[i], 0, 0) + 8;
    bool same_key = i > 0 && entries[i].suffix == entries[i - 1].suffix;
    if (filled > 0 && filled + bytes / 2 > target && !same_key) {
      cuts_.push_back(i);
      filled = 0;
    }
    filled += bytes;
  }
}

bool PageRebuild::BuildOne(size_t index, PageId right) {
  const std::vector<PendingEntry>& entries = scratch_.entries;
  BlockView base = image_.block();
  size_t first = index == 0 ? 0 : cuts_[index - 1];
  size_t last = index == cuts_.size() ? entries.size() : cuts_[index];
  BlockSpec spec;
  spec.low_fence = index == 0 ? base.low_fence() : std::string_view(separators_[index - 1]);
  bool is_last = index == cuts_.size();
  spec.high_fence = is_last ? base.high_fence() : std::string_view(separators_[index]);
  spec.has_high_fence = !is_last || base.has_high_fence();
  spec.right_page = right;
  spec.max_ts = scratch_.max_ts;
  spec.covers = base.header().covers;  // holds for every part of the page
  spec.stripped_bytes = base.header().prefix_bytes;
  std::span<const PendingEntry> part(entries.data() + first, last - first);
  size_t bytes = BlockBytes(spec, part);
  char* block = static_cast<char*>(heap_.Allocate(bytes, ChargeKind::kReserve));
  if (block == nullptr) return false;
  BuildBlock(spec, part, block);
  std::vector<Version*> undecided;
  for (Version* version : scratch_.undecided) {
    if (version->key() >= spec.low_fence && BlockView(block).BelowHighFence(version->key()))
      undecided.push_back(version);
  }
  DeltaChain chain(heap_);
  if (!chain.Build(block, nullptr, undecided, /*always=*/false)) {
    heap_.Free(block, bytes);
    return false;
  }
  words_[index] = chain.top() != nullptr ? MemWord::Of(PageState::kStack, chain.top())
                                         : MemWord::Of(PageState::kBase, block);
  return true;
}

absl::StatusOr<PageId> PageRebuild::NewPage() {
  absl::StatusOr<PageId> page = environment_.table->Allocate(PageKind::kLeaf);
  if (page.ok()) environment_.table->SetTree(*page, tree_);
  return page;
}

bool PageRebuild::Build() {
  std::string_view prefix = image_.block().prefix();
  for (size_t cut : cuts_) {
    std::string left = std::string(prefix) + std::string(scratch_.entries[cut - 1].suffix);
    std::string right = std::string(prefix) + std::string(scratch_.entries[cut].suffix);
    separators_.push_back(ShortestSeparator(left, right));
    absl::StatusOr<PageId> page = NewPage();
    if (!page.ok()) return false;
    pages_.push_back(*page);
  }
  words_.resize(cuts_.size() + 1);
  for (size_t index = 0; index < words_.size(); ++index) {
    PageId right = index < pages_.size() ? pages_[index] : image_.block().right_page();
    if (!BuildOne(index, right)) return false;
    if (index > 0) environment_.table->StoreExclusive(pages_[index - 1], words_[index]);
  }
  return true;
}

std::span<const PageId> PageRebuild::PagesForRoot() {
  if (!root_children_.empty()) return root_children_;
  absl::StatusOr<PageId> first = NewPage();
  if (!first.ok()) return {};
  environment_.table->StoreExclusive(*first, words_.front());
  root_children_.push_back(*first);
  root_children_.insert(root_children_.end(), pages_.begin(), pages_.end());
  return root_children_;
}

void PageRebuild::Discard() {
  for (MemWord word : words_) {
    if (word == MemWord()) continue;
    PageImage image = PageImage::Of(word);
    RetireChain(heap_, image.delta);
    heap_.Retire(const_cast<char*>(image.base), image.block().header().size_bytes);
  }
  for (PageId page : pages_) environment_.table->Free(page);
  if (!root_children_.empty()) environment_.table->Free(root_children_.front());
}

}  // namespace moraine
