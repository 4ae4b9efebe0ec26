// The bytes of one log record, little endian, 8-byte aligned:
//    0  u32 checksum           RecordChecksum: over the rest of the header, salted with the database
//    4  u32 size:24 | type:8   size of the payload in bytes; the record takes RecordBytes(size)
//    8  u64 lsn                the record's own position: an old lap never looks valid
//   16  u32 payload checksum   CRC32C of the payload's checked bytes (CheckedPayloadBytes)
//   20  u32 zero
//   24  payload, zero-filled to a multiple of 8
// Bytes 0..7 are the slot word (slot_word.h), which is stored last. Valid together: all fields,
// always. A void record has a payload of unspecified bytes. Padding and markers begin with a u64:
// the position below which the whole log was durable when they were written; zeros follow.
#ifndef MORAINE_STORAGE_LOG_RECORD_FORMAT_H_
#define MORAINE_STORAGE_LOG_RECORD_FORMAT_H_

#include <cstddef>
#include <cstdint>

#include "storage/base/checksum.h"
#include "storage/base/ids.h"

namespace moraine {

enum class RecordType : uint8_t {
  kVoid = 1,     // a slot whose owner gave up: skipped
  kPadding = 2,  // fills up a device block and vouches for what was durable before it
  kMarker = 3,   // vouches only: the last record of a log that was closed in good health
  kOne = 4,      // one operation on one tree
  kBatch = 5,    // several operations, all or nothing
  kChunk = 6,    // part of a record too large for one; takes effect with its kCommit
  kCommit = 7,   // ends a chain of chunks
};
inline constexpr uint8_t kLastRecordType = 7;

inline constexpr size_t kRecordHeaderBytes = 24;
inline constexpr size_t kRecordAlignment = 8;
inline constexpr size_t kRecordLsnOffset = 8;
inline constexpr size_t kRecordPayloadChecksumOffset = 16;
inline constexpr size_t kRecordZeroOffset = 20;
inline constexpr uint64_t kMostPayloadBytes = (uint64_t{1} << 24) - 1;
// The smallest padding: a header and the position it vouches for.
inline constexpr uint64_t kLeastPaddingBytes = kRecordHeaderBytes + sizeof(uint64_t);
// The log begins here, so that position 0 can mean "none".
inline constexpr Lsn kFirstLsn{4096};

constexpr uint64_t RecordBytes(uint64_t payload_bytes) {
  return (kRecordHeaderBytes + payload_bytes + kRecordAlignment - 1) &
         ~uint64_t{kRecordAlignment - 1};
}

// What RecordChecksum begins with: one database's records mean nothing to another.
inline uint32_t RecordSalt(const DatabaseId& database_id) {
  return ChecksumSalt(database_id, SegmentId(0), 0);
}

// The header's checksum. Two words, because this runs between Reserve and Publish.
inline uint32_t RecordChecksum(uint32_t salt, uint64_t lsn, uint32_t payload_bytes, RecordType type,
                               uint32_t payload_checksum) {
  uint64_t described = static_cast<uint64_t>(payload_checksum) |
                       static_cast<uint64_t>(payload_bytes) << 32 |
                       static_cast<uint64_t>(type) << 56;
  return ExtendCrc32c(ExtendCrc32c(salt, lsn), described);
}

// Whether the record exists for the log's own sake and is never handed to a reader.
constexpr bool IsInternal(RecordType type) {
  return type == RecordType::kVoid || type == RecordType::kPadding || type == RecordType::kMarker;
}

// How many payload bytes the payload checksum covers: none of a void record, the position alone of
// padding and markers (the rest is filling), all of the others.
constexpr uint64_t CheckedPayloadBytes(RecordType type, uint64_t payload_bytes) {
  if (type == RecordType::kVoid) return 0;
  return IsInternal(type) ? sizeof(uint64_t) : payload_bytes;
}

}  // namespace moraine

#endif  // MORAINE_STORAGE_LOG_RECORD_FORMAT_H_
