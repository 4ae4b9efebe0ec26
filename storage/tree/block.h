// A block: the immutable content of one page, leaf or inner, in one piece of memory whose bytes are
// also its durable image, so that loading a page needs no parsing. Little endian:
//    0  u32 size_bytes        of the whole block
//    4  u32 count             entries
//    8  u32 right_page        the right sibling, 0: none
//   12  u16 prefix_bytes      leading bytes that all keys share: the common prefix of both fences
//   14  u16 low_bytes         low fence (inclusive); empty on the leftmost page
//   16  u16 high_bytes        high fence (exclusive); see kNoHighFence
//   18  u8  level             0 leaf
//   19  u8  flags
//   20  u32 search_offset     of the hints; a multiple of 64
//   24  u64 max_ts            the largest timestamp ever folded in
//   32  u64 payload_bytes     sum of key and value sizes (leaf)
//   40  u64 covers            the page's pieces on disk hold every update with a smaller timestamp;
//                             0: the page was never read from a disk
//   48  low fence, high fence, padding
//   search_offset: u32 hints[16], then u64 slots[count] = head << 32 | offset, then the entries.
// A head is the first four bytes of a key after the prefix, big endian, zero-filled; slots are
// sorted by key, versions of one key newest first. Hints are every (count/17)-th head: one vector
// line that narrows the search to a few slots.
// Entry at `offset`: u32 word, u16 suffix_bytes, [u64 ts], suffix, value.
//   leaf:  word = value size | kEntryHasTs | kEntryTombstone | kEntryMerge; a ts that no snapshot can
//          tell from 0 is not stored
//   inner: word = child page; entry i covers keys from its own key up to the next one's
#ifndef MORAINE_STORAGE_TREE_BLOCK_H_
#define MORAINE_STORAGE_TREE_BLOCK_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "storage/base/coding.h"
#include "storage/base/ids.h"

namespace moraine {

struct BlockHeader {
  uint32_t size_bytes;
  uint32_t count;
  uint32_t right_page;
  uint16_t prefix_bytes;
  uint16_t low_bytes;
  uint16_t high_bytes;
  uint8_t level;
  uint8_t flags;
  uint32_t search_offset;
  uint64_t max_ts;
  uint64_t payload_bytes;
  uint64_t covers;
};
static_assert(sizeof(BlockHeader) == 48);

inline constexpr uint8_t kNoHighFence = 1;  // flags: the page reaches to the end of the key space
inline constexpr uint8_t kHasVersions = 2;  // flags: some entry has a ts or is a tombstone
inline constexpr uint8_t kHasMerges = 4;    // flags: some entry is an operand (fragments only)
inline constexpr uint32_t kHintCount = 16;
inline constexpr size_t kEntryHeaderBytes = 6;
inline constexpr uint32_t kEntryHasTs = uint32_t{1} << 31;
inline constexpr uint32_t kEntryTombstone = uint32_t{1} << 30;
inline constexpr uint32_t kEntryMerge = uint32_t{1} << 29;  // the value is a merge operand
inline constexpr uint32_t kEntrySizeMask = kEntryMerge - 1;

// The first four bytes of `suffix` as a number that orders like the bytes.
inline uint32_t HeadOf(std::string_view suffix) {
  if (suffix.size() >= 4) return __builtin_bswap32(GetFixed<uint32_t>(suffix.data()));
  uint32_t head = 0;
  for (size_t i = 0; i < suffix.size(); ++i)
    head |= uint32_t{static_cast<uint8_t>(suffix[i])} << (24 - 8 * i);
  return head;
}

struct BlockEntry {
  std::string_view suffix;  // the key without the block's prefix
  std::string_view value;   // leaf
  uint64_t ts = 0;          // leaf
  PageId child;             // inner
  bool tombstone = false;   // leaf
  bool merge = false;       // leaf, in fragments
};

// Where a key is, or would be.
struct BlockPosition {
  uint32_t index;
  bool found;
};

// A view of a block. The block outlives it (an epoch guard, or a copy).
class BlockView {
 public:
  explicit BlockView(const char* block) : block_(block) {}

  const char* data() const { return block_; }
  const BlockHeader& header() const { return *reinterpret_cast<const BlockHeader*>(block_); }
  uint32_t count() const { return header().count; }
  uint32_t level() const { return header().level; }
  PageId right_page() const { return PageId(header().right_page); }
  std::string_view low_fence() const { return {block_ + sizeof(BlockHeader), header().low_bytes}; }
  std::string_view high_fence() const {
    return {block_ + sizeof(BlockHeader) + header().low_bytes, header().high_bytes};
  }
  bool has_high_fence() const { return (header().flags & kNoHighFence) == 0; }
  bool has_versions() const { return (header().flags & kHasVersions) != 0; }
  bool has_merges() const { return (header().flags & kHasMerges) != 0; }
  std::string_view prefix() const { return {block_ + sizeof(BlockHeader), header().prefix_bytes}; }

  // Whether `key` lies left of the high fence; B-link descents test only this side.
  bool BelowHighFence(std::string_view key) const {
    return !has_high_fence() || key < high_fence();
  }

  // The first entry whose key is >= `key`, which must lie within the fences. O(log count).
  BlockPosition LowerBound(std::string_view key) const;
  // Inner: the child that covers `key`.
  PageId ChildFor(std::string_view key) const;

  // Entry `index`: a leaf's entry without child, an inner one's without value.
  BlockEntry Leaf(uint32_t index) const {
    const char* at = EntryAt(index);
    uint32_t word = GetFixed<uint32_t>(at);
    uint16_t suffix_bytes = GetFixed<uint16_t>(at + 4);
    at += kEntryHeaderBytes;
    BlockEntry entry;
    if (word & kEntryHasTs) {
      entry.ts = GetFixed<uint64_t>(at);
      at += sizeof(uint64_t);
    }
    entry.tombstone = (word & kEntryTombstone) != 0;
    entry.merge = (word & kEntryMerge) != 0;
    entry.suffix = {at, suffix_bytes};
    entry.value = {at + suffix_bytes, word & kEntrySizeMask};
    return entry;
  }
  BlockEntry Inner(uint32_t index) const {
    const char* at = EntryAt(index);
    BlockEntry entry;
    entry.child = PageId(GetFixed<uint32_t>(at));
    entry.suffix = {at + kEntryHeaderBytes, GetFixed<uint16_t>(at + 4)};
    return entry;
  }
  std::string_view Suffix(uint32_t index) const {
    const char* at = EntryAt(index);
    size_t skip = level() == 0 && (GetFixed<uint32_t>(at) & kEntryHasTs) ? sizeof(uint64_t) : 0;
    return {at + kEntryHeaderBytes + skip, GetFixed<uint16_t>(at + 4)};
  }

  // Asks for the lines that a search of this block will touch first, beside the header's own.
  void PrefetchSearch(int lines) const {
    for (int line = 1; line <= lines; ++line) __builtin_prefetch(block_ + 64 * line);
  }

 private:
  uint32_t Hint(uint32_t i) const {
    return GetFixed<uint32_t>(block_ + header().search_offset + 4 * i);
  }
  uint64_t Slot(uint32_t i) const {
    return GetFixed<uint64_t>(block_ + header().search_offset + 4 * kHintCount + 8 * size_t{i});
  }
  const char* EntryAt(uint32_t i) const { return block_ + static_cast<uint32_t>(Slot(i)); }

  const char* block_;
};

// Checks bytes that claim to be a block of `level`: sizes, offsets, order of keys, fences. DataLoss
// says what is wrong.
absl::Status ValidateBlock(std::string_view bytes, uint32_t level);

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_BLOCK_H_
