// Walks the keys of a tree in order, both ways, as of one position. It holds a copy of one leaf and
// no guard, so that it may be kept as long as its user likes; splits meanwhile do no harm, because
// it goes on by fences, not by pages.
#ifndef MORAINE_STORAGE_TREE_TREE_CURSOR_H_
#define MORAINE_STORAGE_TREE_TREE_CURSOR_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "storage/tree/block.h"
#include "storage/tree/tree.h"

namespace moraine {

// One thread at a time. `tree` is borrowed; a snapshot at `point` must stay registered for the
// cursor's life.
class TreeCursor {
 public:
  TreeCursor(Tree* tree, ReadPoint point) : tree_(*tree), point_(point) {}

  bool Valid() const { return valid_; }
  std::string_view key() const { return key_; }
  std::string_view value() const { return value_; }

  absl::Status Seek(std::string_view key);             // first key >= key
  absl::Status SeekForPrevious(std::string_view key);  // last key <= key
  absl::Status SeekToFirst() { return Seek({}); }
  absl::Status SeekToLast();
  absl::Status Next();
  absl::Status Previous();

 private:
  BlockView block() const { return BlockView(leaf_.data()); }
  absl::Status ForwardFrom(uint32_t index);
  absl::Status BackwardFrom(uint32_t end);  // the entry before index `end`
  void EnterLeaf();
  void SetPosition(uint32_t index);

  Tree& tree_;
  const ReadPoint point_;
  std::string leaf_;        // a plain block; empty: unpositioned
  std::string key_;         // prefix and suffix of the current entry
  std::string_view value_;  // in leaf_
  size_t prefix_bytes_ = 0;
  uint32_t index_ = 0;
  uint32_t ahead_ = 0;  // leaves to read at once when the next one is out of memory
  bool valid_ = false;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_TREE_CURSOR_H_
