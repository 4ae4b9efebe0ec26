// Steps within a leaf, and from leaf to leaf.
#include "storage/tree/tree_cursor.h"

#include <algorithm>

#include "storage/base/check.h"
#include "storage/base/status_macros.h"

namespace moraine {

namespace {

// While a scan goes on from leaf to leaf, every read from disk takes twice as many as the one before.
constexpr uint32_t kFirstAhead = 2;
constexpr uint32_t kMostAhead = 32;

}  // namespace

void TreeCursor::EnterLeaf() {
  std::string_view prefix = block().prefix();
  key_.assign(prefix);
  prefix_bytes_ = prefix.size();
}

void TreeCursor::SetPosition(uint32_t index) {
  BlockEntry entry = block().Leaf(index);
  key_.resize(prefix_bytes_);  // the prefix stays in place while the cursor stays in its leaf
  key_.append(entry.suffix);
  value_ = entry.value;
  index_ = index;
  valid_ = true;
}

absl::Status TreeCursor::ForwardFrom(uint32_t index) {
  while (index >= block().count()) {
    valid_ = false;
    if (!block().has_high_fence()) return absl::OkStatus();
    std::string next(block().high_fence());
    ahead_ = std::clamp(2 * ahead_, kFirstAhead, kMostAhead);
    MORAINE_RETURN_IF_ERROR(tree_.ReadLeaf(next, point_, &leaf_, ahead_));
    EnterLeaf();
    index = 0;
  }
  SetPosition(index);
  return absl::OkStatus();
}

absl::Status TreeCursor::BackwardFrom(uint32_t end) {
  while (end == 0) {
    valid_ = false;
    if (block().low_fence().empty()) return absl::OkStatus();
    std::string limit(block().low_fence());
    MORAINE_RETURN_IF_ERROR(tree_.ReadLeafBefore(limit, point_, &leaf_));
    EnterLeaf();
    end = block().BelowHighFence(limit) ? block().LowerBound(limit).index : block().count();
  }
  SetPosition(end - 1);
  return absl::OkStatus();
}

absl::Status TreeCursor::Seek(std::string_view key) {
  std::string target(key);  // may be a view of this cursor's own key
  valid_ = false;
  ahead_ = 0;
  MORAINE_RETURN_IF_ERROR(tree_.ReadLeaf(target, point_, &leaf_));
  EnterLeaf();
  return ForwardFrom(block().LowerBound(target).index);
}

absl::Status TreeCursor::SeekForPrevious(std::string_view key) {
  std::string target(key);
  valid_ = false;
  ahead_ = 0;
  MORAINE_RETURN_IF_ERROR(tree_.ReadLeaf(target, point_, &leaf_));
  EnterLeaf();
  BlockPosition position = block().LowerBound(target);
  return BackwardFrom(position.found ? position.index + 1 : position.index);
}

absl::Status TreeCursor::SeekToLast() {
  valid_ = false;
  MORAINE_RETURN_IF_ERROR(tree_.ReadLeafBefore(std::nullopt, point_, &leaf_));
  EnterLeaf();
  return BackwardFrom(block().count());
}

absl::Status TreeCursor::Next() {
  if (!valid_) return absl::FailedPreconditionError("the cursor is not on a key; seek first");
  return ForwardFrom(index_ + 1);
}

absl::Status TreeCursor::Previous() {
  if (!valid_) return absl::FailedPreconditionError("the cursor is not on a key; seek first");
  return BackwardFrom(index_);
}

}  // namespace moraine
