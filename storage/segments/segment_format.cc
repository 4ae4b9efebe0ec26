// Encoding and validation of segment headers, states and file names.
#include "storage/segments/segment_format.h"

#include <charconv>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "storage/base/coding.h"
#include "storage/base/ids.h"
#include "storage/base/status_macros.h"
#include "storage/segments/piece.h"

namespace moraine {
namespace {

constexpr std::string_view kNamePrefix = "data-";
constexpr size_t kNameDigits = 8;
constexpr size_t kChecksumOffset = 8;
constexpr size_t kCheckedOffset = 12;
constexpr size_t kHeaderBytes = 80;
constexpr size_t kStateHeaderBytes = 56;
constexpr size_t kLeastRecordBytes = 6;

absl::Status Damaged(const char* thing, const std::string& what) {
  return absl::DataLossError(absl::StrCat("damaged ", thing, ": ", what));
}

absl::Status CheckMagic(const char* thing, uint64_t expected, uint64_t found) {
  if (found == expected) return absl::OkStatus();
  return Damaged(thing, absl::StrFormat("expected magic %016x, found %016x", expected, found));
}

absl::Status CheckChecksum(const char* thing, uint32_t expected, uint32_t found) {
  if (found == expected) return absl::OkStatus();
  return Damaged(thing, absl::StrFormat("expected checksum %08x, found %08x (or it is another "
                                        "database's, or another place's)",
                                        expected, found));
}

// Who may read it, judged after the checksum: these fields are then as they were written.
absl::Status CheckVersion(const char* thing, uint32_t version, uint64_t features) {
  if (version != kSegmentFormatVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat(thing, ": format version ", version, "; this version reads ",
                     kSegmentFormatVersion, ": open it with the version that wrote it"));
  }
  if ((features & ~kSegmentFeatures) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(thing, ": features ", features & ~kSegmentFeatures,
                     " are unknown: open it with the version that wrote it"));
  }
  return absl::OkStatus();
}

uint32_t HeaderChecksum(std::string_view block, const DatabaseId& database_id, uint64_t index) {
  return Crc32c(block.substr(kCheckedOffset, kHeaderBytes - kCheckedOffset),
                ChecksumSalt(database_id, SegmentId(index), kSegmentMagic));
}

uint32_t StateChecksum(std::string_view bytes, const DatabaseId& database_id) {
  return Crc32c(bytes.substr(kCheckedOffset),
                ChecksumSalt(database_id, SegmentId(0), kSegmentStateMagic));
}

// Whether a record can be, after one that ended at segment `end`.
bool Sound(const SegmentRecord& record, const SegmentState& state, uint64_t end) {
  const SegmentGeometry& geometry = state.geometry;
  const uint64_t per_file = geometry.segments_per_file();
  if (record.index < end || record.index >= per_file * kMostDataFiles) return false;
  if (record.run == 0 || record.run > per_file - record.index % per_file) return false;
  if (static_cast<size_t>(record.stream) >= kStreamCount) return false;
  if (record.run > 1 && record.stream != Stream::kLarge) return false;
  if (record.open && record.stream == Stream::kLarge) return false;
  if (record.sequence >= state.next_sequence) return false;
  return record.used_bytes >= kSegmentHeaderBytes &&
         record.used_bytes <= record.run * geometry.segment_bytes &&
         (!record.open || record.used_bytes % kIoAlignment == 0);
}

absl::Status DecodeRecords(ByteReader& reader, uint64_t count, SegmentState* state) {
  if (count > reader.remaining() / kLeastRecordBytes) {
    return Damaged("segment state", absl::StrCat("expected ", count, " segments, found ",
                                                 reader.remaining(), " bytes"));
  }
  state->segments.reserve(count);
  uint32_t open_streams = 0;
  uint64_t end = 0;
  for (uint64_t i = 0; i < count; ++i) {
    SegmentRecord record;
    const uint64_t gap = reader.Varint();
    record.sequence = reader.Varint();
    const uint64_t run = reader.Varint();
    record.stream = static_cast<Stream>(reader.Fixed<uint8_t>());
    const uint8_t open = reader.Fixed<uint8_t>();
    const uint64_t units = reader.Varint();
    // Each beyond this cannot be, and within it no sum below overflows.
    constexpr uint64_t kMost = uint64_t{1} << 48;
    if (!reader.ok() || gap > kMost || run > kMost || units > kMost / kPieceUnit || open > 1) {
      return Damaged("segment state", absl::StrCat("record ", i, " is no record"));
    }
    record.index = end + gap;
    record.run = run > UINT32_MAX ? 0 : static_cast<uint32_t>(run);
    record.open = open == 1;
    record.used_bytes = units * kPieceUnit;
    const uint32_t stream_bit = uint32_t{1} << (static_cast<uint32_t>(record.stream) & 31);
    if (!Sound(record, *state, end) || (record.open && (open_streams & stream_bit) != 0)) {
      return Damaged("segment state",
                     absl::StrCat("record ", i, ", segment ", record.index, ", cannot be"));
    }
    if (record.open) open_streams |= stream_bit;
    end = record.index + record.run;
    state->segments.push_back(record);
  }
  if (!reader.AtEnd()) return Damaged("segment state", "bytes behind its end");
  return absl::OkStatus();
}

}  // namespace

const char* SegmentGeometry::Problem() const {
  if (segment_bytes < 2 * kSegmentHeaderBytes || segment_bytes % kIoAlignment != 0) {
    return "segment_bytes must be a multiple of 4096, and 8192 at least";
  }
  if (file_bytes < segment_bytes || file_bytes % segment_bytes != 0) {
    return "file_bytes must be a multiple of segment_bytes";
  }
  if (file_bytes > uint64_t{1} << 40) return "file_bytes must be within a tebibyte";
  return nullptr;
}

void EncodeSegmentHeader(const SegmentHeader& header, char* block) {
  std::memset(block, 0, kSegmentHeaderBytes);
  char* at = PutFixed(block, kSegmentMagic);
  at = PutFixed(at, uint32_t{0});
  at = PutFixed(at, kSegmentFormatVersion);
  at = PutFixed(at, kSegmentFeatures);
  at = PutFixed(at, header.database_id.high);
  at = PutFixed(at, header.database_id.low);
  at = PutFixed(at, header.index);
  at = PutFixed(at, header.sequence);
  at = PutFixed(at, static_cast<uint32_t>(header.stream));
  at = PutFixed(at, header.run);
  at = PutFixed(at, header.geometry.segment_bytes);
  PutFixed(at, header.geometry.file_bytes);
  PutFixed(block + kChecksumOffset, HeaderChecksum(std::string_view(block, kSegmentHeaderBytes),
                                                   header.database_id, header.index));
}

absl::StatusOr<SegmentHeader> DecodeSegmentHeader(std::string_view block,
                                                  const DatabaseId& database_id, uint64_t index) {
  constexpr const char* kThing = "segment header";
  if (block.size() < kHeaderBytes) return Damaged(kThing, "too short");
  ByteReader reader(block);
  MORAINE_RETURN_IF_ERROR(CheckMagic(kThing, kSegmentMagic, reader.Fixed<uint64_t>()));
  MORAINE_RETURN_IF_ERROR(
      CheckChecksum(kThing, HeaderChecksum(block, database_id, index), reader.Fixed<uint32_t>()));
  const uint32_t version = reader.Fixed<uint32_t>();
  MORAINE_RETURN_IF_ERROR(CheckVersion(kThing, version, reader.Fixed<uint64_t>()));
  SegmentHeader header;
  header.database_id.high = reader.Fixed<uint64_t>();
  header.database_id.low = reader.Fixed<uint64_t>();
  header.index = reader.Fixed<uint64_t>();
  header.sequence = reader.Fixed<uint64_t>();
  const uint32_t stream = reader.Fixed<uint32_t>();
  header.stream = static_cast<Stream>(stream);
  header.run = reader.Fixed<uint32_t>();
  header.geometry.segment_bytes = reader.Fixed<uint64_t>();
  header.geometry.file_bytes = reader.Fixed<uint64_t>();
  if (header.database_id != database_id || header.index != index || stream >= kStreamCount ||
      header.run == 0 || header.geometry.Problem() != nullptr) {
    return Damaged(kThing, "fields contradict each other");
  }
  return header;
}

std::string EncodeSegmentState(const SegmentState& state, const DatabaseId& database_id) {
  constexpr size_t kMostRecordBytes = 3 * kMaxVarint64Bytes + kMaxVarint32Bytes + 2;
  std::string bytes(kStateHeaderBytes + state.segments.size() * kMostRecordBytes, '\0');
  char* at = PutFixed(bytes.data(), kSegmentStateMagic);
  at = PutFixed(at, uint32_t{0});
  at = PutFixed(at, kSegmentFormatVersion);
  at = PutFixed(at, kSegmentFeatures);
  at = PutFixed(at, state.geometry.segment_bytes);
  at = PutFixed(at, state.geometry.file_bytes);
  at = PutFixed(at, state.next_sequence);
  at = PutFixed(at, uint64_t{state.segments.size()});
  uint64_t end = 0;
  for (const SegmentRecord& record : state.segments) {
    at = PutVarint(at, record.index - end);
    at = PutVarint(at, record.sequence);
    at = PutVarint(at, record.run);
    at = PutFixed(at, static_cast<uint8_t>(record.stream));
    at = PutFixed(at, static_cast<uint8_t>(record.open ? 1 : 0));
    at = PutVarint(at, record.used_bytes / kPieceUnit);
    end = record.index + record.run;
  }
  bytes.resize(static_cast<size_t>(at - bytes.data()));
  PutFixed(bytes.data() + kChecksumOffset, StateChecksum(bytes, database_id));
  return bytes;
}

absl::StatusOr<SegmentState> DecodeSegmentState(std::string_view bytes,
                                                const DatabaseId& database_id) {
  constexpr const char* kThing = "segment state";
  if (bytes.size() < kStateHeaderBytes) {
    return Damaged(kThing, absl::StrCat("expected ", kStateHeaderBytes, " bytes at least, found ",
                                        bytes.size()));
  }
  ByteReader reader(bytes);
  MORAINE_RETURN_IF_ERROR(CheckMagic(kThing, kSegmentStateMagic, reader.Fixed<uint64_t>()));
  MORAINE_RETURN_IF_ERROR(
      CheckChecksum(kThing, StateChecksum(bytes, database_id), reader.Fixed<uint32_t>()));
  const uint32_t version = reader.Fixed<uint32_t>();
  MORAINE_RETURN_IF_ERROR(CheckVersion(kThing, version, reader.Fixed<uint64_t>()));
  SegmentState state;
  state.geometry.segment_bytes = reader.Fixed<uint64_t>();
  state.geometry.file_bytes = reader.Fixed<uint64_t>();
  if (const char* problem = state.geometry.Problem()) return Damaged(kThing, problem);
  state.next_sequence = reader.Fixed<uint64_t>();
  const uint64_t count = reader.Fixed<uint64_t>();
  MORAINE_RETURN_IF_ERROR(DecodeRecords(reader, count, &state));
  return state;
}

std::string DataFileName(uint64_t number) { return absl::StrFormat("%s%08x", kNamePrefix, number); }

std::optional<uint64_t> ParseDataFileName(std::string_view name) {
  if (name.size() != kNamePrefix.size() + kNameDigits ||
      name.substr(0, kNamePrefix.size()) != kNamePrefix) {
    return std::nullopt;
  }
  uint64_t number = 0;
  const char* end = name.data() + name.size();
  auto [stop, error] = std::from_chars(name.data() + kNamePrefix.size(), end, number, 16);
  if (error != std::errc() || stop != end || DataFileName(number) != name) return std::nullopt;
  return number;
}

}  // namespace moraine
