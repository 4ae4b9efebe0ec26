// The writing side of the block format; see block.h for the bytes.
#include "storage/tree/block_builder.h"

#include <algorithm>
#include <cstring>

#include "storage/base/check.h"
#include "storage/base/coding.h"
#include "storage/tree/block.h"

namespace moraine {
namespace {

size_t PrefixBytes(const BlockSpec& spec) {
  return spec.has_high_fence ? CommonPrefixBytes(spec.low_fence, spec.high_fence) : 0;
}

size_t SearchOffset(const BlockSpec& spec) {
  size_t fences_end = sizeof(BlockHeader) + spec.low_fence.size() + spec.high_fence.size();
  return (fences_end + 63) & ~size_t{63};
}

char* PutEntry(char* at, const PendingEntry& entry, uint32_t level, std::string_view suffix) {
  if (level > 0) {
    at = PutFixed(at, entry.child.value());
    at = PutFixed(at, static_cast<uint16_t>(suffix.size()));
    return PutBytes(at, suffix);
  }
  uint32_t word = static_cast<uint32_t>(entry.value.size());
  if (entry.ts != 0) word |= kEntryHasTs;
  if (entry.tombstone) word |= kEntryTombstone;
  if (entry.merge) word |= kEntryMerge;
  at = PutFixed(at, word);
  at = PutFixed(at, static_cast<uint16_t>(suffix.size()));
  if (entry.ts != 0) at = PutFixed(at, entry.ts);
  return PutBytes(PutBytes(at, suffix), entry.value);
}

}  // namespace

size_t CommonPrefixBytes(std::string_view a, std::string_view b) {
  size_t most = std::min(a.size(), b.size());
  return static_cast<size_t>(std::mismatch(a.begin(), a.begin() + most, b.begin()).first -
                             a.begin());
}

std::string ShortestSeparator(std::string_view left, std::string_view right) {
  size_t common = CommonPrefixBytes(left, right);
  return std::string(right.substr(0, common + 1));
}

size_t EntryBytes(const PendingEntry& entry, uint32_t level, size_t stripped_more) {
  size_t suffix = entry.suffix.size() - stripped_more;
  if (level > 0) return kEntryHeaderBytes + suffix;
  return kEntryHeaderBytes + suffix + entry.value.size() + (entry.ts != 0 ? sizeof(uint64_t) : 0);
}

size_t BlockBytes(const BlockSpec& spec, std::span<const PendingEntry> entries) {
  size_t stripped_more = PrefixBytes(spec) - spec.stripped_bytes;
  size_t bytes = SearchOffset(spec) + 4 * kHintCount + 8 * entries.size();
  for (const PendingEntry& entry : entries) bytes += EntryBytes(entry, spec.level, stripped_more);
  return (bytes + 7) & ~size_t{7};
}

void BuildBlock(const BlockSpec& spec, std::span<const PendingEntry> entries, char* to) {
  size_t prefix = PrefixBytes(spec);
  MORAINE_DCHECK(prefix >= spec.stripped_bytes);
  size_t stripped_more = prefix - spec.stripped_bytes;
  size_t search_offset = SearchOffset(spec);
  char* fences = PutBytes(PutBytes(to + sizeof(BlockHeader), spec.low_fence), spec.high_fence);
  std::memset(fences, 0, static_cast<size_t>(to + search_offset - fences));
  char* hints = to + search_offset;
  char* slots = hints + 4 * kHintCount;
  char* at = slots + 8 * entries.size();
  uint64_t payload_bytes = 0;
  bool has_versions = false;
  bool has_merges = false;
  char* slot = slots;
  for (const PendingEntry& entry : entries) {
    std::string_view suffix = entry.suffix.substr(stripped_more);
    uint64_t head = HeadOf(suffix);
    slot = PutFixed(slot, head << 32 | static_cast<uint64_t>(at - to));
    at = PutEntry(at, entry, spec.level, suffix);
    payload_bytes += prefix + suffix.size() + entry.value.size();
    has_versions |= entry.ts != 0 || entry.tombstone || entry.merge;
    has_merges |= entry.merge;
  }
  uint32_t count = static_cast<uint32_t>(entries.size());
  uint32_t step = count / (kHintCount + 1);
  for (uint32_t i = 0; i < kHintCount; ++i) {
    uint32_t hint = step > 0 ? GetFixed<uint32_t>(slots + 8 * size_t{(i + 1) * step} + 4) : 0;
    PutFixed(hints + 4 * i, hint);
  }
  char* end = to + ((static_cast<size_t>(at - to) + 7) & ~size_t{7});
  std::memset(at, 0, static_cast<size_t>(end - at));
  BlockHeader header{};
  header.size_bytes = static_cast<uint32_t>(end - to);
  header.count = count;
  header.right_page = spec.right_page.value();
  header.prefix_bytes = static_cast<uint16_t>(prefix);
  header.low_bytes = static_cast<uint16_t>(spec.low_fence.size());
  header.high_bytes = static_cast<uint16_t>(spec.high_fence.size());
  header.level = static_cast<uint8_t>(spec.level);
  header.flags =
      static_cast<uint8_t>((spec.has_high_fence ? 0 : kNoHighFence) |
                           (has_versions ? kHasVersions : 0) | (has_merges ? kHasMerges : 0));
  header.search_offset = static_cast<uint32_t>(search_offset);
  header.max_ts = spec.max_ts;
  header.payload_bytes = payload_bytes;
  header.covers = spec.covers;
  std::memcpy(to, &header, sizeof(header));
}

}  // namespace moraine
