// What the segment store writes beside pieces: the header of a segment, the state that a checkpoint
// carries, and the names of its files. Little endian.
//
// Segment header, the first kSegmentHeaderBytes of a segment:
//    0  u64 magic           "morainSG"
//    8  u32 checksum        CRC32C of bytes 12..79, salted with the database and the segment's index
//   12  u32 format version  kSegmentFormatVersion
//   16  u64 features        bits of what a reader must know; none so far
//   24  u64 u64 database    the DatabaseId
//   40  u64 index           of the segment: its address / segment_bytes
//   48  u64 sequence        one more with every segment begun
//   56  u32 stream 60 u32 run   run: how many segments in a row this header stands for
//   64  u64 segment_bytes  72 u64 file_bytes
//   80  zeros
// State:
//    0  u64 magic           "morainST"
//    8  u32 checksum        CRC32C of what follows, salted with the database
//   12  u32 format version 16 u64 features 24 u64 segment_bytes 32 u64 file_bytes
//   40  u64 next sequence  48 u64 count, then for each segment, in order of their indices:
//       varint index - end of the one before, varint sequence, varint run, u8 stream, u8 open,
//       varint used bytes / kPieceUnit
// A data file is named data- and its number in 8 hex digits; file n holds the addresses from
// n * file_bytes on.
#ifndef MORAINE_STORAGE_SEGMENTS_SEGMENT_FORMAT_H_
#define MORAINE_STORAGE_SEGMENTS_SEGMENT_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/base/checksum.h"
#include "storage/io/io.h"
#include "storage/segments/address.h"

namespace moraine {

inline constexpr uint64_t kSegmentMagic = 0x47536e6961726f6d;       // "morainSG"
inline constexpr uint64_t kSegmentStateMagic = 0x54536e6961726f6d;  // "morainST"
inline constexpr uint32_t kSegmentFormatVersion = 1;
inline constexpr uint64_t kSegmentFeatures = 0;  // the bits this version knows
inline constexpr size_t kSegmentHeaderBytes = kIoAlignment;
inline constexpr uint32_t kMostDataFiles = uint32_t{1} << 16;

// How addresses are cut into segments and files.
struct SegmentGeometry {
  uint64_t segment_bytes = 0;
  uint64_t file_bytes = 0;

  uint64_t segments_per_file() const { return file_bytes / segment_bytes; }
  // Nullptr, or why the numbers cannot be.
  const char* Problem() const;
  bool operator==(const SegmentGeometry&) const = default;
};

struct SegmentHeader {
  DatabaseId database_id;
  uint64_t index = 0;
  uint64_t sequence = 0;
  Stream stream = Stream::kFragments;
  uint32_t run = 1;
  SegmentGeometry geometry;
  bool operator==(const SegmentHeader&) const = default;
};

// Fills `block`, kSegmentHeaderBytes long.
void EncodeSegmentHeader(const SegmentHeader& header, char* block);
// DataLoss says what was expected and what found, FailedPrecondition that a newer version wrote it.
absl::StatusOr<SegmentHeader> DecodeSegmentHeader(std::string_view block,
                                                  const DatabaseId& database_id, uint64_t index);

// One segment, or run of segments, in a state.
struct SegmentRecord {
  uint64_t index = 0;
  uint64_t sequence = 0;
  uint32_t run = 1;
  Stream stream = Stream::kFragments;
  bool open = false;        // the stream continues behind used_bytes
  uint64_t used_bytes = 0;  // from the start of the segment, header included
  bool operator==(const SegmentRecord&) const = default;
};

struct SegmentState {
  SegmentGeometry geometry;
  uint64_t next_sequence = 1;
  std::vector<SegmentRecord> segments;  // in order of their indices
};

std::string EncodeSegmentState(const SegmentState& state, const DatabaseId& database_id);
// As above; a state that was accepted contradicts itself nowhere.
absl::StatusOr<SegmentState> DecodeSegmentState(std::string_view bytes,
                                                const DatabaseId& database_id);

std::string DataFileName(uint64_t number);
// The number in a data file's name; nullopt for any other file.
std::optional<uint64_t> ParseDataFileName(std::string_view name);

}  // namespace moraine

#endif  // MORAINE_STORAGE_SEGMENTS_SEGMENT_FORMAT_H_
