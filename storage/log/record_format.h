// The bytes of one log record, little endian, 8-byte aligned:
//    0  u32 checksum   CRC32C over the rest of the header and the payload's own CRC32C, salted with
//    the database 4  u32 size:24 | type:8      size of the payload in bytes; the record takes
//    RecordBytes(size)
//    8  u64 lsn        the record's own position: an old lap or a stray block never looks valid
//   16  u32 payload checksum      CRC32C of the payload (of nothing for void and padding records)
//   20  u32 zero
//   24  payload, zero-filled to a multiple of 8
// Valid together: all fields, always. A void or padding record has a payload of unspecified bytes.
#ifndef MORAINE_STORAGE_LOG_RECORD_FORMAT_H_
#define MORAINE_STORAGE_LOG_RECORD_FORMAT_H_

#include <cstddef>
#include <cstdint>

#include "storage/base/ids.h"

namespace moraine {

enum class RecordType : uint8_t {
  kVoid = 1,     // a slot whose owner gave up: skipped
  kPadding = 2,  // fills up a device block
  kMarker = 3,  // payload: u64 position up to which the log was durable when the marker was written
  kOne = 4,     // one operation on one tree
  kBatch = 5,   // several operations, all or nothing
  kChunk = 6,   // part of a record too large for one; takes effect with its kCommit
  kCommit = 7,  // ends a chain of chunks
};

inline constexpr size_t kRecordHeaderBytes = 24;
inline constexpr size_t kRecordAlignment = 8;
inline constexpr uint64_t kMostPayloadBytes = (uint64_t{1} << 24) - 1;
// The log begins here, so that position 0 can mean "none".
inline constexpr Lsn kFirstLsn{4096};

constexpr uint64_t RecordBytes(uint64_t payload_bytes) {
  return (kRecordHeaderBytes + payload_bytes + kRecordAlignment - 1) &
         ~uint64_t{kRecordAlignment - 1};
}

}  // namespace moraine

#endif  // MORAINE_STORAGE_LOG_RECORD_FORMAT_H_
