// Inner pages: posting a separator after a split, splitting inner pages and the root. Inner pages
// never carry deltas; each insertion replaces the block.
#include <algorithm>
#include <string>
#include <vector>

#include "storage/base/check.h"
#include "storage/tree/tree.h"

namespace moraine {

bool Tree::ReplaceRoot(TreeThread& thread, MemWord word, uint32_t level,
                       std::span<const std::string> separators, std::span<const PageId> children) {
  if (children.size() != separators.size() + 1)
    return false;  // no page was left for the first child
  std::vector<PendingEntry> entries(children.size());
  for (size_t i = 0; i < children.size(); ++i) {
    entries[i].child = children[i];
    if (i > 0) entries[i].suffix = separators[i - 1];
  }
  BlockSpec spec;
  spec.level = level;
  char* block = NewBlock(thread, spec, entries);
  if (block == nullptr) return false;
  if (environment_.table->CompareAndSwap(root_, word, MemWord::Of(PageState::kBase, block)))
    return true;
  thread.heap().Free(block, BlockView(block).header().size_bytes);
  return false;
}

// Tells the parent level that `right` begins at `separator`. Anyone may; whoever finds it done
// returns. Without it lookups still arrive, through the right link. Gives up when memory is short:
// the next traveller tries again.
void Tree::PostSeparator(TreeThread& thread, uint32_t level, std::string_view separator,
                         PageId right) {
  for (Backoff<> backoff;; backoff.Wait()) {
    PageId page = FindPage(separator, level);
    if (page == kNoPage) return;
    MemWord word = environment_.table->Load(page);
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

bool Tree::InsertChild(TreeThread& thread, PageId page, MemWord word, std::string_view separator,
                       PageId child) {
  ThreadHeap& heap = thread.heap();
  BlockView old = PageImage::Of(word).block();
  std::vector<PendingEntry> entries = WithChild(old, separator, child);
  BlockSpec spec;
  spec.level = old.level();
  spec.low_fence = old.low_fence();
  spec.high_fence = old.high_fence();
  spec.has_high_fence = old.has_high_fence();
  spec.right_page = old.right_page();
  spec.stripped_bytes = old.header().prefix_bytes;
  if (BlockBytes(spec, entries) <= environment_.inner_bytes || entries.size() < 4) {
    char* block = NewBlock(thread, spec, entries);
    if (block == nullptr) return false;
    if (!environment_.table->CompareAndSwap(page, word, MemWord::Of(PageState::kBase, block))) {
      heap.Free(block, BlockView(block).header().size_bytes);
      return false;
    }
    heap.Retire(const_cast<char*>(old.data()), old.header().size_bytes);
    return true;
  }
  bool append = !old.has_high_fence() && entries.back().child == child;
  size_t cut = InnerCut(entries, append);
  std::string middle = std::string(old.prefix()) + std::string(entries[cut].suffix);
  BlockSpec right_spec = spec;
  right_spec.low_fence = middle;
  absl::StatusOr<PageId> right_page = environment_.table->Allocate(PageKind::kInner);
  absl::StatusOr<PageId> left_page = page == root_ && right_page.ok()
                                         ? environment_.table->Allocate(PageKind::kInner)
                                         : absl::StatusOr<PageId>(page);
  bool pages_ok = right_page.ok() && left_page.ok();
  BlockSpec left_spec = spec;
  left_spec.high_fence = middle;
  left_spec.has_high_fence = true;
  if (right_page.ok()) left_spec.right_page = *right_page;
  std::span<const PendingEntry> all(entries);
  char* left = pages_ok ? NewBlock(thread, left_spec, all.first(cut)) : nullptr;
  char* right = left != nullptr ? NewBlock(thread, right_spec, all.subspan(cut)) : nullptr;
  bool swapped = false;
  if (right != nullptr) {
    environment_.table->StoreExclusive(*right_page, MemWord::Of(PageState::kBase, right));
    if (page == root_) {
      environment_.table->StoreExclusive(*left_page, MemWord::Of(PageState::kBase, left));
      PageId children[] = {*left_page, *right_page};
      swapped = ReplaceRoot(thread, word, old.level() + 1, std::span(&middle, 1), children);
    } else {
      swapped = environment_.table->CompareAndSwap(page, word, MemWord::Of(PageState::kBase, left));
    }
  }
  if (!swapped) {
    if (left != nullptr) heap.Free(left, BlockView(left).header().size_bytes);
    if (right != nullptr) heap.Free(right, BlockView(right).header().size_bytes);
    if (right_page.ok()) environment_.table->Free(*right_page);
    if (page == root_ && pages_ok) environment_.table->Free(*left_page);  // else it is the root
    return false;
  }
  uint32_t level = old.level();
  heap.Retire(const_cast<char*>(old.data()), old.header().size_bytes);
  if (page != root_) PostSeparator(thread, level + 1, middle, *right_page);
  return true;
}

}  // namespace moraine
