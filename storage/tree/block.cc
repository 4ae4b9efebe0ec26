// Search in a block, and the validation of one that was read from a disk.
#include "storage/tree/block.h"

#include <algorithm>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace moraine {
namespace {

struct HintCounts {
  uint32_t below;    // hints < head
  uint32_t at_most;  // hints <= head
};

HintCounts CountHints(const char* hints, uint32_t head) {
#if defined(__SSE2__)
  const __m128i flip =
      _mm_set1_epi32(static_cast<int>(0x80000000u));  // SSE2 compares signed numbers
  const __m128i target = _mm_set1_epi32(static_cast<int>(head ^ 0x80000000u));
  unsigned below = 0;
  unsigned above = 0;
  for (unsigned i = 0; i < kHintCount; i += 4) {
    __m128i four;
    std::memcpy(&four, hints + 4 * i, sizeof(four));
    four = _mm_xor_si128(four, flip);
    below |= static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(_mm_cmplt_epi32(four, target))))
             << i;
    above |= static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpgt_epi32(four, target))))
             << i;
  }
  // Hints ascend, so each mask is a run of ones at one end: its edge is the count.
  uint32_t not_below = ~below & 0xffff;
  return {not_below == 0 ? kHintCount : static_cast<uint32_t>(__builtin_ctz(not_below)),
          above == 0 ? kHintCount : static_cast<uint32_t>(__builtin_ctz(above))};
#else
  HintCounts counts{0, 0};
  for (uint32_t i = 0; i < kHintCount; ++i) {
    uint32_t hint = GetFixed<uint32_t>(hints + 4 * i);
    counts.below += hint < head;
    counts.at_most += hint <= head;
  }
  return counts;
#endif
}

}  // namespace

BlockPosition BlockView::LowerBound(std::string_view key) const {
  const BlockHeader& block = header();
  std::string_view suffix = key.substr(std::min<size_t>(block.prefix_bytes, key.size()));
  uint32_t head = HeadOf(suffix);
  uint32_t first = 0;
  uint32_t last = block.count;
  const char* hints = block_ + block.search_offset;
  if (uint32_t step = block.count / (kHintCount + 1); step > 0) {
    HintCounts counts = CountHints(hints, head);
    first = counts.below * step;
    if (counts.at_most < kHintCount) last = (counts.at_most + 1) * step;
  }
  const char* slots = hints + 4 * kHintCount;
  auto head_at = [slots](uint32_t i) { return GetFixed<uint32_t>(slots + 8 * size_t{i} + 4); };
  while (last - first > 8) {
    uint32_t middle = first + (last - first) / 2;
    if (head_at(middle) < head) {
      first = middle + 1;
    } else {
      last = middle;
    }
  }
  while (first < last && head_at(first) < head) ++first;
  // Entries with an equal head are told apart by the whole suffix.
  uint32_t tie_end = first;
  while (tie_end < block.count && tie_end - first < 4 && head_at(tie_end) == head) ++tie_end;
  if (tie_end < block.count && head_at(tie_end) == head) {
    uint32_t low = tie_end;
    uint32_t high = block.count;
    while (low < high) {
      uint32_t middle = low + (high - low) / 2;
      if (head_at(middle) == head) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    tie_end = low;
  }
  while (first < tie_end) {
    uint32_t middle = first + (tie_end - first) / 2;
    if (Suffix(middle) < suffix) {
      first = middle + 1;
    } else {
      tie_end = middle;
    }
  }
  return {first, first < block.count && head_at(first) == head && Suffix(first) == suffix};
}

PageId BlockView::ChildFor(std::string_view key) const {
  BlockPosition position = LowerBound(key);
  // Entry 0 covers from the low fence on, so a position past an unequal key is never 0.
  uint32_t index = position.found ? position.index : position.index - 1;
  return Inner(index).child;
}

namespace {

absl::Status Bad(std::string what) { return absl::DataLossError("page block: " + what); }

absl::Status ValidateHeader(std::string_view bytes, uint32_t level) {
  if (bytes.size() < sizeof(BlockHeader)) return Bad("shorter than its header");
  const BlockHeader& header = BlockView(bytes.data()).header();
  if (header.size_bytes != bytes.size()) {
    return Bad("size " + std::to_string(header.size_bytes) + " where " +
               std::to_string(bytes.size()) + " was expected");
  }
  if (header.level != level) {
    return Bad("level " + std::to_string(header.level) + " where " + std::to_string(level) +
               " was expected");
  }
  uint64_t fences_end = sizeof(BlockHeader) + uint64_t{header.low_bytes} + header.high_bytes;
  uint64_t slots_end = uint64_t{header.search_offset} + 4 * kHintCount + 8 * uint64_t{header.count};
  if (header.search_offset % 64 != 0 || fences_end > header.search_offset ||
      slots_end > bytes.size()) {
    return Bad("areas overlap or reach past the end");
  }
  if (header.prefix_bytes > header.low_bytes) return Bad("prefix longer than the low fence");
  BlockView block(bytes.data());
  if (block.has_high_fence()) {
    if (block.high_fence() <= block.low_fence()) return Bad("fences out of order");
    if (block.high_fence().substr(0, header.prefix_bytes) != block.prefix())
      return Bad("fences that do not share the prefix");
  } else if (header.prefix_bytes != 0 || header.high_bytes != 0) {
    return Bad("a prefix or a high fence where the key space ends");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateBlock(std::string_view bytes, uint32_t level) {
  if (absl::Status status = ValidateHeader(bytes, level); !status.ok()) return status;
  BlockView block(bytes.data());
  const BlockHeader& header = block.header();
  uint64_t entries_begin =
      uint64_t{header.search_offset} + 4 * kHintCount + 8 * uint64_t{header.count};
  const char* slots = bytes.data() + header.search_offset + 4 * kHintCount;
  if (level > 0 && header.count == 0) return Bad("an inner page without children");
  std::string_view previous;
  uint64_t previous_ts = 0;
  for (uint32_t i = 0; i < header.count; ++i) {
    uint64_t offset = GetFixed<uint32_t>(slots + 8 * size_t{i});
    if (offset < entries_begin || offset + kEntryHeaderBytes > bytes.size())
      return Bad("an entry outside the block");
    uint32_t word = GetFixed<uint32_t>(bytes.data() + offset);
    uint64_t need = kEntryHeaderBytes + uint64_t{GetFixed<uint16_t>(bytes.data() + offset + 4)};
    if (level == 0) need += (word & kEntrySizeMask) + ((word & kEntryHasTs) ? 8 : 0);
    if (offset + need > bytes.size()) return Bad("an entry that reaches past the end");
    std::string_view suffix = block.Suffix(i);
    if (GetFixed<uint32_t>(slots + 8 * size_t{i} + 4) != HeadOf(suffix))
      return Bad("a slot that disagrees with its key");
    if (i > 0 && suffix < previous) return Bad("keys out of order");
    bool same_key = i > 0 && suffix == previous;
    if (level > 0 && same_key) return Bad("two children for one key");
    BlockEntry entry = level == 0 ? block.Leaf(i) : block.Inner(i);
    if ((entry.ts != 0 || entry.tombstone || entry.merge) && !block.has_versions())
      return Bad("a version in a block that says it has none");
    if (entry.merge && !block.has_merges())
      return Bad("an operand in a block that says it has none");
    // Equal ones: a batch that wrote the key twice.
    if (same_key && (previous_ts == 0 || entry.ts > previous_ts))
      return Bad("versions of a key out of order");
    previous = suffix;
    previous_ts = entry.ts;
  }
  std::string first =
      std::string(block.prefix()) + std::string(header.count > 0 ? block.Suffix(0) : "");
  std::string last = std::string(block.prefix()) + std::string(previous);
  if (header.count > 0 && (first < block.low_fence() || !block.BelowHighFence(last)))
    return Bad("a key outside the fences");
  if (level > 0 && first != block.low_fence()) return Bad("children that leave out the low fence");
  uint32_t step = header.count / (kHintCount + 1);
  for (uint32_t i = 0; step > 0 && i < kHintCount; ++i) {
    uint32_t hint = GetFixed<uint32_t>(bytes.data() + header.search_offset + 4 * i);
    if (hint != GetFixed<uint32_t>(slots + 8 * size_t{(i + 1) * step} + 4))
      return Bad("a hint that disagrees with its slot");
  }
  return absl::OkStatus();
}

}  // namespace moraine
