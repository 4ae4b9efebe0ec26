// Inner pages: posting a separator after a split, splitting inner pages and the root. Inner pages
// never carry deltas; each insertion replaces the block. Every change of an inner block raises its
// max_ts, so that flushing and eviction see it like a change of a leaf.
#include <algorithm>
#include <string>
#include <vector>

#include "storage/base/check.h"
#include "storage/tree/tree.h"

namespace moraine {

// The max_ts of an inner page's next block: above that of the one before, so that a piece that covers
// one does not cover the other, and not below what earlier pieces of the page cover.
uint64_t Tree::StructurePosition(PageId page, BlockView block) const {
  return std::max({environment_.Position(), block.header().max_ts + 1,
                   CoversOf(page, PageImage{block.data()})});
}

bool Tree::ReplaceRoot(TreeThread& thread, MemWord word, uint32_t level,
                       std::span<const std::string> separators, std::span<const PageId> children) {
  if (children.size() != separators.size() + 1)
    return false;  // no page was left for the first child
  std::vector<PendingEntry> entries(children.size());
  for (size_t i = 0; i < children.size(); ++i) {
    entries[i].child = children[i];
    if (i > 0) entries[i].suffix = separators[i - 1];
  }
  BlockView old = PageImage::Of(word).block();
  BlockSpec spec;
  spec.level = level;
  spec.max_ts = StructurePosition(root_, old);
  spec.covers = old.header().covers;
  char* block = NewBlock(thread, spec, entries);
  if (block == nullptr) return false;
  if (environment_.table->CompareAndSwap(root_, word, MemWord::Of(PageState::kBase, block)))
    return true;
  thread.heap().Free(block, BlockView(block).header().size_bytes);
  return false;
}

// Tells the parent level that `right` begins at `separator`. Anyone may; whoever finds it done
// returns. Without it lookups still arrive, through the right link. Gives up when memory is short or
// the parent is out of memory: the next traveller tries again, and until then the page left of the
// separator stays in memory (EnsurePosted).
void Tree::PostSeparator(TreeThread& thread, uint32_t level, std::string_view separator,
                         PageId right) {
  for (Backoff<> backoff;; backoff.Wait()) {
    PageId page = FindPage(separator, level);
    if (page == kNoPage) return;
    MemWord word = environment_.table->Load(page);
    if (!word.resident()) continue;
    BlockView block = PageImage::Of(word).block();
    if (block.level() != level || !block.BelowHighFence(separator))
      continue;  // it split, or the root grew
    if (block.LowerBound(separator).found) return;
    if (InsertChild(thread, page, word, separator, right)) return;
    if (environment_.table->Load(page) == word) return;  // no memory
  }
}

namespace {

std::vector<PendingEntry> WithChild(BlockView block, std::string_view separator, PageId child) {
  uint32_t position = block.LowerBound(separator).index;
  std::vector<PendingEntry> entries(block.count() + 1);
  for (uint32_t i = 0; i < entries.size(); ++i) {
    if (i == position) {
      entries[i].suffix = separator.substr(block.header().prefix_bytes);
      entries[i].child = child;
      continue;
    }
    BlockEntry old = block.Inner(i < position ? i : i - 1);
    entries[i].suffix = old.suffix;
    entries[i].child = old.child;
  }
  return entries;
}

// Half of the entries by bytes, or nearly all when the new one came last: ascending keys fill
// pages.
size_t InnerCut(std::span<const PendingEntry> entries, bool append) {
  size_t total = 0;
  for (const PendingEntry& entry : entries) total += EntryBytes(entry, 1, 0) + 8;
  size_t target = append ? total * 9 / 10 : total / 2;
  size_t filled = 0;
  size_t cut = 0;
  while (cut < entries.size() && filled < target) filled += EntryBytes(entries[cut++], 1, 0) + 8;
  return std::clamp<size_t>(cut, 1, entries.size() - 1);
}

}  // namespace

namespace {

// The two halves of an inner page in the making.
struct InnerSplit {
  char* left = nullptr;
  char* right = nullptr;
  PageId left_page;
  PageId right_page;
};

}  // namespace

bool Tree::InsertChild(TreeThread& thread, PageId page, MemWord word, std::string_view separator,
                       PageId child) {
  BlockView old = PageImage::Of(word).block();
  std::vector<PendingEntry> entries = WithChild(old, separator, child);
  BlockSpec spec;
  spec.level = old.level();
  spec.low_fence = old.low_fence();
  spec.high_fence = old.high_fence();
  spec.has_high_fence = old.has_high_fence();
  spec.right_page = old.right_page();
  spec.stripped_bytes = old.header().prefix_bytes;
  spec.max_ts = StructurePosition(page, old);
  spec.covers = old.header().covers;
  bool append = !old.has_high_fence() && entries.back().child == child;
  if (BlockBytes(spec, entries) > environment_.inner_bytes && entries.size() >= 4)
    return SplitInner(thread, page, word, spec, entries, append);
  char* block = NewBlock(thread, spec, entries);
  if (block == nullptr) return false;
  if (!environment_.table->CompareAndSwap(page, word, MemWord::Of(PageState::kBase, block))) {
    thread.heap().Free(block, BlockView(block).header().size_bytes);
    return false;
  }
  thread.heap().Retire(const_cast<char*>(old.data()), old.header().size_bytes);
  return true;
}

bool Tree::SplitInner(TreeThread& thread, PageId page, MemWord word, const BlockSpec& spec,
                      std::span<const PendingEntry> entries, bool append) {
  ThreadHeap& heap = thread.heap();
  PageTable& table = *environment_.table;
  BlockView old = PageImage::Of(word).block();
  size_t cut = InnerCut(entries, append);
  std::string middle = std::string(old.prefix()) + std::string(entries[cut].suffix);
  auto new_page = [&] {
    absl::StatusOr<PageId> made = table.Allocate(PageKind::kInner);
    if (!made.ok()) return kNoPage;
    table.SetTree(*made, id_);
    return *made;
  };
  InnerSplit split;
  bool is_root = page == root_;
  split.right_page = new_page();
  if (split.right_page != kNoPage) split.left_page = is_root ? new_page() : page;
  BlockSpec left_spec = spec;
  left_spec.high_fence = middle;
  left_spec.has_high_fence = true;
  left_spec.right_page = split.right_page;
  BlockSpec right_spec = spec;
  right_spec.low_fence = middle;
  if (split.left_page != kNoPage) split.left = NewBlock(thread, left_spec, entries.first(cut));
  if (split.left != nullptr) split.right = NewBlock(thread, right_spec, entries.subspan(cut));
  bool swapped = false;
  if (split.right != nullptr) {
    table.StoreExclusive(split.right_page, MemWord::Of(PageState::kBase, split.right));
    MemWord left_word = MemWord::Of(PageState::kBase, split.left);
    if (is_root) {
      table.StoreExclusive(split.left_page, left_word);
      PageId children[] = {split.left_page, split.right_page};
      swapped = ReplaceRoot(thread, word, old.level() + 1, std::span(&middle, 1), children);
    } else {
      swapped = table.CompareAndSwap(page, word, left_word);
    }
  }
  if (!swapped) {
    // Scans of the page table may have seen the new pages.
    for (char* block : {split.left, split.right}) {
      if (block != nullptr) heap.Retire(block, BlockView(block).header().size_bytes);
    }
    if (split.right_page != kNoPage) table.Free(split.right_page);
    if (is_root && split.left_page != kNoPage) table.Free(split.left_page);
    return false;
  }
  uint32_t level = old.level();
  heap.Retire(const_cast<char*>(old.data()), old.header().size_bytes);
  Admit(split.right_page);
  if (is_root) {
    Admit(split.left_page);
  } else {
    PostSeparator(thread, level + 1, middle, split.right_page);
  }
  return true;
}

}  // namespace moraine
