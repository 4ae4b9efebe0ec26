// Builds blocks from sorted entries: sizes first, then one pass of copies into memory that the
// caller provides. Pure.
#ifndef MORAINE_STORAGE_TREE_BLOCK_BUILDER_H_
#define MORAINE_STORAGE_TREE_BLOCK_BUILDER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "storage/base/ids.h"

namespace moraine {

// One entry to be: its key is `prefix` (that of the whole batch, see BlockSpec) followed by
// `suffix`. Bytes are borrowed.
struct PendingEntry {
  std::string_view suffix;
  std::string_view value;
  uint64_t ts = 0;
  PageId child;
  bool tombstone = false;
  bool merge = false;
};

struct BlockSpec {
  uint32_t level = 0;
  std::string_view low_fence;
  std::string_view high_fence;
  bool has_high_fence = false;
  PageId right_page;
  uint64_t max_ts = 0;
  uint64_t covers = 0;
  // How many leading bytes the suffixes of the entries already lack: a prefix of both fences (of
  // the low one alone when there is no high fence only if it is 0).
  size_t stripped_bytes = 0;
};

// What the entry takes in a block whose keys lack `stripped_more` further bytes.
size_t EntryBytes(const PendingEntry& entry, uint32_t level, size_t stripped_more);
// The exact size of BuildBlock's result.
size_t BlockBytes(const BlockSpec& spec, std::span<const PendingEntry> entries);
// Writes the block to `to`, which has BlockBytes() bytes and is aligned to 8.
void BuildBlock(const BlockSpec& spec, std::span<const PendingEntry> entries, char* to);

// The length of the longest common prefix.
size_t CommonPrefixBytes(std::string_view a, std::string_view b);
// The shortest string s with `left` < s <= `right`, given left < right: a fence between two
// neighbours.
std::string ShortestSeparator(std::string_view left, std::string_view right);

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_BLOCK_BUILDER_H_
