// The first block of a log segment file, kIoAlignment bytes, little endian; log position p of the
// segment is at file offset kIoAlignment + (p - first):
//    0  u64 magic            "moralog1"
//    8  u32 checksum         CRC32C of bytes 12..71, salted with the database and the position first
//   12  u32 format version   kLogFormatVersion
//   16  u64 u64 database     the DatabaseId
//   32  u64 first            position of the segment's first byte; a multiple of kIoAlignment
//   40  u64 bytes            log space in the file; a multiple of kIoAlignment
//   48  u64 resumes_after    the position whose next byte of log is at `first`: equal to first when
//                            the log ran on, the end that recovery found when it was opened anew
//   56  u64 durable_before   everything below was durable when the segment was made
//   64  u64 zero
//   72  zeros
// Valid together: all fields, always. A file gets its name only once its header is durable, so a
// bad header is damage, never a crash. The file is named log- and `first` in 16 hex digits.
#ifndef MORAINE_STORAGE_LOG_SEGMENT_FORMAT_H_
#define MORAINE_STORAGE_LOG_SEGMENT_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "storage/base/checksum.h"
#include "storage/io/io.h"

namespace moraine {

inline constexpr uint64_t kLogSegmentMagic = 0x31676f6c61726f6d;  // "moralog1"
inline constexpr uint32_t kLogFormatVersion = 1;
inline constexpr size_t kLogSegmentHeaderBytes = kIoAlignment;

struct LogSegmentHeader {
  DatabaseId database_id;
  uint64_t first = 0;
  uint64_t bytes = 0;
  uint64_t resumes_after = 0;
  uint64_t durable_before = 0;

  uint64_t end() const { return first + bytes; }
  bool operator==(const LogSegmentHeader&) const = default;
};

// Fills `block`, kLogSegmentHeaderBytes long.
void EncodeLogSegmentHeader(const LogSegmentHeader& header, char* block);

// DataLoss when the bytes are not a header of `database_id` for a segment that begins at `first`
// (`path` is named), FailedPrecondition when they are one of a newer version.
absl::StatusOr<LogSegmentHeader> DecodeLogSegmentHeader(std::string_view block,
                                                        const DatabaseId& database_id,
                                                        uint64_t first, const std::string& path);

std::string LogSegmentName(uint64_t first);
// The position in a segment's name; nullopt for any other file.
std::optional<uint64_t> ParseLogSegmentName(std::string_view name);

}  // namespace moraine

#endif  // MORAINE_STORAGE_LOG_SEGMENT_FORMAT_H_
