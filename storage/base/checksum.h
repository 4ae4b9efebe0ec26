// Checksums that know where their bytes belong. A plain CRC accepts a perfectly good block that
// sits in the wrong place (a misdirected or stale write, a file of another database); salted with
// the database, the segment and the offset it does not. CRC32C, because its burst-error bounds are
// known and CPUs compute it at memory speed.
#ifndef MORAINE_STORAGE_BASE_CHECKSUM_H_
#define MORAINE_STORAGE_BASE_CHECKSUM_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/base/ids.h"

namespace moraine {

// Identifies one database; drawn at random when it is created, stored in its superblock.
struct DatabaseId {
  uint64_t high = 0;
  uint64_t low = 0;
  bool operator==(const DatabaseId&) const = default;
};

// CRC32C (Castagnoli) of `bytes`, continuing from `crc`, the result of an earlier call (0 to
// begin). Any thread; never blocks. Uses the SSE4.2 instruction in three interleaved streams when
// the CPU has it.
uint32_t Crc32c(std::string_view bytes, uint32_t crc = 0);

// The portable form, bit for bit the same; exposed so that a test can compare the two.
uint32_t Crc32cPortable(std::string_view bytes, uint32_t crc = 0);

// The checksum to begin with for bytes that belong at `offset` of `segment` in database `id`. Pass
// it as `crc` above.
uint32_t ChecksumSalt(const DatabaseId& id, SegmentId segment, uint64_t offset);

// Mixes eight bytes into a running checksum: cheaper than a call when a header is salted with its
// own position.
uint32_t ExtendCrc32c(uint32_t crc, uint64_t word);

}  // namespace moraine

#endif  // MORAINE_STORAGE_BASE_CHECKSUM_H_
