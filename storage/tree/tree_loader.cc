// Bottom-up building of a tree.
#include "storage/tree/tree_loader.h"

#include <cstring>
#include <utility>

#include "storage/base/status_macros.h"

namespace moraine {
namespace {

constexpr size_t kInnerFillPercent = 80;

absl::Status NoMemory() {
  return absl::ResourceExhaustedError(
      "the memory budget is too small for the database; raise memory_bytes");
}

}  // namespace

Tree::Loader::~Loader() {
  PageTable& table = *tree_.environment_.table;
  ThreadHeap& heap = tree_.environment_.Local().heap();
  for (PageId page : loose_) {
    if (MemWord word = table.Load(page); word.state() == PageState::kBase) {
      BlockView block = PageImage::Of(word).block();
      heap.Free(const_cast<char*>(block.data()), block.header().size_bytes);
    }
    table.Free(page);
  }
}

absl::Status Tree::Loader::Add(std::string_view block) {
  MORAINE_RETURN_IF_ERROR(ValidateBlock(block, 0));
  BlockView view(block.data());
  if (complete_ || view.low_fence() != expected_low_) {
    return absl::DataLossError("a leaf that does not continue where the one before ends");
  }
  ThreadHeap& heap = tree_.environment_.Local().heap();
  char* copy = static_cast<char*>(heap.Allocate(block.size(), ChargeKind::kOrdinary));
  if (copy == nullptr) return NoMemory();
  std::memcpy(copy, block.data(), block.size());
  PutFixed(copy + offsetof(BlockHeader, right_page), uint32_t{0});
  PutFixed(copy + offsetof(BlockHeader, covers), uint64_t{0});
  absl::StatusOr<PageId> page = tree_.environment_.table->Allocate(PageKind::kLeaf);
  if (!page.ok()) {
    heap.Free(copy, block.size());
    return page.status();
  }
  tree_.environment_.table->SetTree(*page, tree_.id_);
  tree_.environment_.table->StoreExclusive(*page, MemWord::Of(PageState::kBase, copy));
  loose_.push_back(*page);
  if (last_block_ != nullptr)
    PutFixed(last_block_ + offsetof(BlockHeader, right_page), page->value());
  last_block_ = copy;
  leaves_.push_back({expected_low_, *page});
  expected_low_ = std::string(view.high_fence());
  complete_ = !view.has_high_fence();
  return absl::OkStatus();
}

absl::Status Tree::Loader::ReplaceRootBlock(char* block) {
  PageTable& table = *tree_.environment_.table;
  BlockView old = PageImage::Of(table.Load(tree_.root_)).block();
  tree_.environment_.Local().heap().Free(const_cast<char*>(old.data()), old.header().size_bytes);
  table.StoreExclusive(tree_.root_, MemWord::Of(PageState::kBase, block));
  loose_.clear();
  return absl::OkStatus();
}

absl::Status Tree::Loader::BuildLevel(uint32_t level, std::vector<Child>* children) {
  const TreeEnvironment& environment = tree_.environment_;
  std::vector<Child> parents;
  size_t most_bytes = environment.inner_bytes * kInnerFillPercent / 100;
  std::vector<PageId> pages;
  std::vector<size_t> firsts;
  size_t bytes = most_bytes;
  for (size_t i = 0; i < children->size(); ++i) {
    bytes += kEntryHeaderBytes + 8 + (*children)[i].low_fence.size();
    if (bytes < most_bytes) continue;
    firsts.push_back(i);
    bytes = 0;
  }
  bool is_root = firsts.size() == 1;
  for (size_t i = 0; i < firsts.size() && !is_root; ++i) {
    MORAINE_ASSIGN_OR_RETURN(PageId page, environment.table->Allocate(PageKind::kInner));
    environment.table->SetTree(page, tree_.id_);
    pages.push_back(page);
    loose_.push_back(page);
  }
  for (size_t i = 0; i < firsts.size(); ++i) {
    size_t last = i + 1 < firsts.size() ? firsts[i + 1] : children->size();
    std::vector<PendingEntry> entries;
    for (size_t child = firsts[i]; child < last; ++child) {
      PendingEntry entry;
      entry.suffix = (*children)[child].low_fence;
      entry.child = (*children)[child].page;
      entries.push_back(entry);
    }
    BlockSpec spec;
    spec.level = level;
    spec.low_fence = (*children)[firsts[i]].low_fence;
    spec.has_high_fence = last < children->size();
    if (spec.has_high_fence) spec.high_fence = (*children)[last].low_fence;
    if (i + 1 < pages.size()) spec.right_page = pages[i + 1];
    char* block = tree_.NewBlock(environment.Local(), spec, entries);
    if (block == nullptr) return NoMemory();
    if (is_root) return ReplaceRootBlock(block);
    environment.table->StoreExclusive(pages[i], MemWord::Of(PageState::kBase, block));
    parents.push_back({(*children)[firsts[i]].low_fence, pages[i]});
  }
  *children = std::move(parents);
  return BuildLevel(level + 1, children);
}

absl::Status Tree::Loader::Finish() {
  if (!complete_) return absl::DataLossError("the last leaf of a tree is missing");
  if (leaves_.size() == 1) {
    // A small tree is a root that is a leaf.
    tree_.environment_.table->Free(leaves_.front().page);
    return ReplaceRootBlock(last_block_);
  }
  return BuildLevel(1, &leaves_);
}

}  // namespace moraine
