// Encoding and validation of a segment file's header and name.
#include "storage/log/segment_format.h"

#include <charconv>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "storage/base/coding.h"
#include "storage/base/ids.h"

namespace moraine {
namespace {

constexpr std::string_view kNamePrefix = "log-";
constexpr size_t kNameDigits = 16;
constexpr size_t kChecksumOffset = 8;
constexpr size_t kCheckedOffset = 12;
constexpr size_t kEncodedBytes = 72;

uint32_t HeaderChecksum(std::string_view block, const DatabaseId& database_id, uint64_t first) {
  return Crc32c(block.substr(kCheckedOffset, kEncodedBytes - kCheckedOffset),
                ChecksumSalt(database_id, SegmentId(first), 0));
}

absl::Status Damaged(const std::string& path, uint64_t offset, const std::string& what) {
  return absl::DataLossError(
      absl::StrCat(path, ": offset ", offset, ": damaged log segment header: ", what));
}

}  // namespace

void EncodeLogSegmentHeader(const LogSegmentHeader& header, char* block) {
  std::memset(block, 0, kLogSegmentHeaderBytes);
  char* at = PutFixed(block, kLogSegmentMagic);
  at = PutFixed(at, uint32_t{0});
  at = PutFixed(at, kLogFormatVersion);
  at = PutFixed(at, header.database_id.high);
  at = PutFixed(at, header.database_id.low);
  at = PutFixed(at, header.first);
  at = PutFixed(at, header.bytes);
  at = PutFixed(at, header.resumes_after);
  PutFixed(at, header.durable_before);
  PutFixed(block + kChecksumOffset, HeaderChecksum(std::string_view(block, kLogSegmentHeaderBytes),
                                                   header.database_id, header.first));
}

absl::StatusOr<LogSegmentHeader> DecodeLogSegmentHeader(std::string_view block,
                                                        const DatabaseId& database_id,
                                                        uint64_t first, const std::string& path) {
  if (block.size() < kLogSegmentHeaderBytes) return Damaged(path, 0, "the file is too short");
  ByteReader reader(block);
  uint64_t magic = reader.Fixed<uint64_t>();
  if (magic != kLogSegmentMagic) {
    return Damaged(path, 0,
                   absl::StrFormat("expected magic %016x, found %016x", kLogSegmentMagic, magic));
  }
  uint32_t checksum = reader.Fixed<uint32_t>();
  uint32_t expected = HeaderChecksum(block, database_id, first);
  if (checksum != expected) {
    return Damaged(path, kChecksumOffset,
                   absl::StrFormat("expected checksum %08x, found %08x (or the file is another "
                                   "database's, or was renamed)",
                                   expected, checksum));
  }
  uint32_t version = reader.Fixed<uint32_t>();
  if (version != kLogFormatVersion) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": log format version ", version,
                                                      "; this version reads ", kLogFormatVersion,
                                                      ": open it with the version that wrote it"));
  }
  LogSegmentHeader header;
  header.database_id.high = reader.Fixed<uint64_t>();
  header.database_id.low = reader.Fixed<uint64_t>();
  header.first = reader.Fixed<uint64_t>();
  header.bytes = reader.Fixed<uint64_t>();
  header.resumes_after = reader.Fixed<uint64_t>();
  header.durable_before = reader.Fixed<uint64_t>();
  bool sound = header.database_id == database_id && header.first == first &&
               first % kIoAlignment == 0 && header.bytes > 0 && header.bytes % kIoAlignment == 0 &&
               header.end() > first && header.resumes_after <= first &&
               header.durable_before <= first;
  if (!sound) return Damaged(path, kCheckedOffset, "fields contradict each other");
  return header;
}

std::string LogSegmentName(uint64_t first) {
  return absl::StrFormat("%s%016x", kNamePrefix, first);
}

std::optional<uint64_t> ParseLogSegmentName(std::string_view name) {
  if (name.size() != kNamePrefix.size() + kNameDigits || name.substr(0, 4) != kNamePrefix) {
    return std::nullopt;
  }
  uint64_t first = 0;
  const char* end = name.data() + name.size();
  auto [stop, error] = std::from_chars(name.data() + kNamePrefix.size(), end, first, 16);
  if (error != std::errc() || stop != end || LogSegmentName(first) != name) return std::nullopt;
  return first;
}

}  // namespace moraine
