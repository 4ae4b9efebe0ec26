// What of a stream's open segment is not written yet, and the rule where the next piece goes.
#ifndef MORAINE_STORAGE_SEGMENTS_STREAM_BUFFER_H_
#define MORAINE_STORAGE_SEGMENTS_STREAM_BUFFER_H_

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "storage/base/check.h"
#include "storage/io/aligned_buffer.h"
#include "storage/io/io.h"
#include "storage/segments/address.h"

namespace moraine {

constexpr uint64_t RoundUpTo(uint64_t value, uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

// Where a piece of `bytes` goes in a segment that is filled up to `fill`. A piece of a block of the
// device or less never straddles two, so it costs one read; a larger one begins at a sector and
// touches as few blocks as it can; so does a base, which occupies whole sectors.
constexpr uint64_t PlacePiece(uint64_t fill, uint64_t bytes, bool whole_sectors) {
  const bool small = bytes <= kIoAlignment;
  const uint64_t at = RoundUpTo(fill, whole_sectors || !small ? kSectorBytes : kPieceUnit);
  const uint64_t fewest_bytes = RoundUpTo(bytes, kIoAlignment);
  return at % kIoAlignment + bytes <= fewest_bytes ? at : RoundUpTo(at, kIoAlignment);
}

// Offsets are within the segment; begin is a multiple of kIoAlignment, and so is the capacity.
struct StreamBuffer {
  std::unique_ptr<AlignedBuffer> memory;
  bool open = false;
  uint64_t segment = 0;
  uint64_t begin = 0;              // everything before it is written
  uint64_t fill = 0;               // where the next byte goes
  std::vector<Address> unwritten;  // live pieces with bytes at or behind `begin`

  uint64_t room() const { return begin + memory->size() - fill; }
  // At most room() bytes.
  void Put(std::string_view bytes) {
    MORAINE_DCHECK(bytes.size() <= room());
    if (!bytes.empty()) std::memcpy(memory->data() + (fill - begin), bytes.data(), bytes.size());
    fill += bytes.size();
  }
  void PutZeroes(uint64_t count) {
    MORAINE_DCHECK(count <= room());
    std::memset(memory->data() + (fill - begin), 0, count);
    fill += count;
  }
  // Ends the last block, so that it can be written and is never written again.
  void Pad() { PutZeroes(RoundUpTo(fill, kIoAlignment) - fill); }
  void Written() {
    begin = fill;
    unwritten.clear();
  }
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_SEGMENTS_STREAM_BUFFER_H_
