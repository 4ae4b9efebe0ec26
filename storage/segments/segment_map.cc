// The transitions of segments, as segment_map.h draws them.
#include "storage/segments/segment_map.h"

#include <algorithm>

#include "storage/base/check.h"

namespace moraine {

const Segment& SegmentMap::at(uint64_t index) const {
  static constexpr Segment kNothing;
  return index < segments_.size() ? segments_[index] : kNothing;
}

void SegmentMap::AddSpace(uint64_t first, uint64_t count) {
  if (segments_.size() < first + count) segments_.resize(first + count);
  for (uint64_t i = first; i < first + count; ++i) {
    MORAINE_CHECK(segments_[i].use == SegmentUse::kAbsent);
    segments_[i].use = SegmentUse::kFree;
  }
  first_free_ = std::min(first_free_, first);
}

void SegmentMap::RemoveSpace(uint64_t first, uint64_t count) {
  for (uint64_t i = first; i < first + count; ++i) {
    MORAINE_CHECK(segments_[i].use == SegmentUse::kFree);
    segments_[i].use = SegmentUse::kAbsent;
  }
  while (!segments_.empty() && segments_.back().use == SegmentUse::kAbsent) segments_.pop_back();
}

std::optional<uint64_t> SegmentMap::FindFree(uint32_t run) const {
  const uint64_t per_file = geometry_.segments_per_file();
  uint64_t length = 0;
  for (uint64_t i = first_free_; i < segments_.size(); ++i) {
    if (i % per_file == 0) length = 0;
    length = segments_[i].use == SegmentUse::kFree ? length + 1 : 0;
    if (length == run) return i + 1 - run;
  }
  return std::nullopt;
}

uint64_t SegmentMap::free_count() const {
  return static_cast<uint64_t>(
      std::count_if(segments_.begin(), segments_.end(),
                    [](const Segment& segment) { return segment.use == SegmentUse::kFree; }));
}

uint64_t SegmentMap::FreeBelow(uint64_t end) const {
  uint64_t first = end;
  while (first > 0 && at(first - 1).use == SegmentUse::kFree) --first;
  return end - first;
}

uint64_t SegmentMap::end_of_use() const {
  uint64_t end = segments_.size();
  while (end > 0 && segments_[end - 1].use <= SegmentUse::kFree) --end;
  return end;
}

uint64_t SegmentMap::Begin(uint64_t index, Stream stream, uint32_t run) {
  for (uint64_t i = index; i < index + run; ++i) {
    MORAINE_CHECK(segments_[i].use == SegmentUse::kFree);
    segments_[i] = Segment();
    segments_[i].use = SegmentUse::kTail;
  }
  Segment& segment = segments_[index];
  segment.use = SegmentUse::kOpen;
  segment.stream = stream;
  segment.run = run;
  segment.sequence = next_sequence_++;
  segment.used_bytes = kSegmentHeaderBytes;
  while (first_free_ < segments_.size() && segments_[first_free_].use != SegmentUse::kFree) {
    ++first_free_;
  }
  return segment.sequence;
}

void SegmentMap::RemoveLive(uint64_t index, uint64_t bytes) {
  MORAINE_CHECK(index < segments_.size());
  Segment& segment = segments_[index];
  MORAINE_CHECK(segment.use == SegmentUse::kOpen || segment.use == SegmentUse::kSealed);
  MORAINE_CHECK(segment.live_bytes >= bytes);
  segment.live_bytes -= bytes;
  if (Died(segment)) segment.died_at = clock_;
}

void SegmentMap::Seal(uint64_t index, bool bad) {
  Segment& segment = segments_[index];
  MORAINE_CHECK(segment.use == SegmentUse::kOpen);
  segment.use = SegmentUse::kSealed;
  segment.bad = bad;
  if (Died(segment)) segment.died_at = clock_;
}

void SegmentMap::Restore(const SegmentRecord& record) {
  Begin(record.index, record.stream, record.run);
  Segment& segment = segments_[record.index];
  segment.use = record.open ? SegmentUse::kOpen : SegmentUse::kSealed;
  segment.sequence = record.sequence;
  segment.used_bytes = record.used_bytes;
}

SegmentState SegmentMap::NameUsed() {
  SegmentState state;
  state.geometry = geometry_;
  state.next_sequence = next_sequence_;
  for (uint64_t i = 0; i < segments_.size(); ++i) {
    Segment& segment = segments_[i];
    if (Died(segment) && segment.died_at < copied_at_) segment.use = SegmentUse::kUnnamed;
    const bool open = segment.use == SegmentUse::kOpen;
    if (!open && segment.use != SegmentUse::kSealed) continue;
    if (open && segment.used_bytes == kSegmentHeaderBytes) continue;  // no piece yet
    state.segments.push_back(
        {i, segment.sequence, segment.run, segment.stream, open, segment.used_bytes});
  }
  copied_at_ = ++clock_;
  return state;
}

std::vector<uint64_t> SegmentMap::Drain() {
  std::vector<uint64_t> drained;
  for (uint64_t i = 0; i < segments_.size(); ++i) {
    if (segments_[i].use != SegmentUse::kUnnamed) continue;
    segments_[i].use = SegmentUse::kDraining;
    drained.push_back(i);
  }
  return drained;
}

void SegmentMap::Free(uint64_t index) {
  Segment& first = segments_[index];
  MORAINE_CHECK(first.use == SegmentUse::kDraining);
  const SegmentUse use = first.bad ? SegmentUse::kBad : SegmentUse::kFree;
  const uint32_t run = first.run;
  for (uint64_t i = index; i < index + run; ++i) {
    segments_[i] = Segment();
    segments_[i].use = use;
  }
  if (use == SegmentUse::kFree) first_free_ = std::min(first_free_, index);
}

}  // namespace moraine
