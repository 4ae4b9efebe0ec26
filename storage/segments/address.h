// Where a piece of a page lies in the segment store: a byte offset in one growing address space, cut
// into segments of equal size, and what the streams are that pieces are appended to.
#ifndef MORAINE_STORAGE_SEGMENTS_ADDRESS_H_
#define MORAINE_STORAGE_SEGMENTS_ADDRESS_H_

#include <cstddef>
#include <cstdint>

#include "storage/base/ids.h"

namespace moraine {

// A byte offset in the store; a multiple of kPieceUnit. Zero is no address: the store's first unit
// is never used.
using Address = StrongId<struct AddressTag, uint64_t>;

inline constexpr uint64_t kPieceUnit = 64;
inline constexpr uint64_t kSectorBytes = 512;

// Pieces that will die together lie together: each stream fills segments of its own.
enum class Stream : uint8_t {
  kFragments = 0,  // small pieces of pages
  kHot = 1,        // bases of pages that are rewritten often
  kWarm = 2,
  kCold = 3,   // bases that were moved, or not written for long
  kTable = 4,  // chunks of the page table, manifests
  kLarge = 5,  // pieces larger than a segment, in segments of their own
};
inline constexpr size_t kStreamCount = 6;

// Where one piece is and how long, header included.
struct PieceLocation {
  Address address;
  uint32_t stored_bytes = 0;
  bool operator==(const PieceLocation&) const = default;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_SEGMENTS_ADDRESS_H_
