// Which segment is used for what: the store's bookkeeping, without files or locks.
//
//   kAbsent -> kFree -> kOpen -> kSealed -> kUnnamed -> kDraining -> kFree -> kAbsent
//   kAbsent    its file does not reach so far
//   kOpen      a stream appends to it
//   kSealed    full, or given up; pieces in it may be alive
//   kUnnamed   nothing in it is alive, and the state encoded last does not name it; a durable one
//              still may
//   kDraining  no durable state names it; reads begun before may still go on
//   kBad       a write to it failed: out of use until the store is opened again
//   kTail      part of the run of segments that begins before it
//
// A state must name every segment that the copy of the page table made for it can name. A piece
// released after that copy was made is in the copy, so a segment that died after the copy is named
// although it is dead. The store learns of the copy through BeginState; when nobody calls that, the
// copy cannot be older than the state encoded before, so segments that died since then are named.
#ifndef MORAINE_STORAGE_SEGMENTS_SEGMENT_MAP_H_
#define MORAINE_STORAGE_SEGMENTS_SEGMENT_MAP_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "storage/segments/address.h"
#include "storage/segments/segment_format.h"

namespace moraine {

enum class SegmentUse : uint8_t {
  kAbsent,
  kFree,
  kOpen,
  kSealed,
  kUnnamed,
  kDraining,
  kBad,
  kTail
};

struct Segment {
  SegmentUse use = SegmentUse::kAbsent;
  Stream stream = Stream::kFragments;
  bool bad = false;
  uint32_t run = 1;
  uint64_t sequence = 0;
  uint64_t used_bytes = 0;  // with its header, and gaps
  uint64_t live_bytes = 0;
  uint64_t died_at = 0;  // clock_ when the last piece died
};

// One thread at a time.
class SegmentMap {
 public:
  explicit SegmentMap(const SegmentGeometry& geometry) : geometry_(geometry) {}

  uint64_t size() const { return segments_.size(); }
  uint64_t next_sequence() const { return next_sequence_; }
  // kAbsent beyond size().
  const Segment& at(uint64_t index) const;

  // Nothing in it is alive, and it is on its way to be free.
  bool Dead(const Segment& segment) const {
    return Died(segment) || segment.use == SegmentUse::kUnnamed;
  }

  // Segments that files have room for, and have no longer.
  void AddSpace(uint64_t first, uint64_t count);
  void RemoveSpace(uint64_t first, uint64_t count);

  uint64_t free_count() const;
  // The lowest run of free segments within one file.
  std::optional<uint64_t> FindFree(uint32_t run) const;
  // How many segments below `end` are free, counted downwards from it.
  uint64_t FreeBelow(uint64_t end) const;
  // The end of the last segment that is not free.
  uint64_t end_of_use() const;

  // kFree -> kOpen; the sequence number for its header.
  uint64_t Begin(uint64_t index, Stream stream, uint32_t run);
  void SetUsed(uint64_t index, uint64_t used_bytes) { segments_[index].used_bytes = used_bytes; }
  void AddLive(uint64_t index, uint64_t bytes) { segments_[index].live_bytes += bytes; }
  void RemoveLive(uint64_t index, uint64_t bytes);
  void Seal(uint64_t index, bool bad);

  // A segment of the state that a store is opened with; its space is there.
  void Restore(const SegmentRecord& record);
  void RestoreSequence(uint64_t next_sequence) { next_sequence_ = next_sequence; }

  void BeginState() { copied_at_ = ++clock_; }
  SegmentState NameUsed();
  // kUnnamed -> kDraining; the segments that became so.
  std::vector<uint64_t> Drain();
  // kDraining -> kFree, with all of its run.
  void Free(uint64_t index);

 private:
  bool Died(const Segment& segment) const {
    return segment.use == SegmentUse::kSealed && segment.live_bytes == 0;
  }

  const SegmentGeometry geometry_;
  std::vector<Segment> segments_;
  uint64_t next_sequence_ = 1;
  uint64_t first_free_ = 0;  // nothing below it is free
  uint64_t clock_ = 1;
  uint64_t copied_at_ = 1;  // what died before this is in no copy of the page table to come
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_SEGMENTS_SEGMENT_MAP_H_
