// Validation record by record, and the search for a voucher when a record is bad.
#include "storage/log/log_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "storage/base/coding.h"
#include "storage/base/status_macros.h"
#include "storage/log/slot_word.h"

namespace moraine {
namespace {

constexpr uint64_t kSearchBytes = uint64_t{1} << 20;

struct Header {
  SlotWord word;
  uint64_t lsn = 0;
  uint32_t payload_checksum = 0;
  uint32_t zero = 0;
};

// Whether records of this type name a position that was durable before them.
bool IsVoucher(RecordType type) {
  return type == RecordType::kPadding || type == RecordType::kMarker;
}

Header DecodeHeader(std::string_view bytes) {
  ByteReader reader(bytes);
  Header header;
  header.word = SlotWord::FromBits(reader.Fixed<uint64_t>());
  header.lsn = reader.Fixed<uint64_t>();
  header.payload_checksum = reader.Fixed<uint32_t>();
  header.zero = reader.Fixed<uint32_t>();
  return header;
}

uint32_t ExpectedChecksum(uint32_t salt, const Header& header) {
  return RecordChecksum(salt, header.lsn, header.word.payload_bytes(), header.word.type(),
                        header.payload_checksum);
}

// What is wrong with the header of a record at `position`; empty when nothing is.
std::string HeaderFault(uint32_t salt, const Header& header, uint64_t position) {
  if (header.lsn != position) {
    return absl::StrCat("expected a record of position ", position, ", found one of position ",
                        header.lsn);
  }
  uint32_t expected = ExpectedChecksum(salt, header);
  if (header.word.checksum() != expected || !header.word.published()) {
    return absl::StrFormat("expected header checksum %08x, found %08x", expected,
                           header.word.checksum());
  }
  if (header.zero != 0) return absl::StrCat("expected zero, found ", header.zero);
  if (IsVoucher(header.word.type()) && header.word.payload_bytes() < sizeof(uint64_t)) {
    return "padding is too short";
  }
  return "";
}

std::string PayloadFault(const Header& header, std::string_view payload) {
  uint64_t checked = CheckedPayloadBytes(header.word.type(), payload.size());
  if (header.word.type() == RecordType::kVoid) return "";
  uint32_t found = Crc32c(payload.substr(0, checked));
  if (found == header.payload_checksum) return "";
  return absl::StrFormat("expected payload checksum %08x, found %08x", header.payload_checksum,
                         found);
}

}  // namespace

absl::StatusOr<std::unique_ptr<LogReader>> LogReader::Open(Io& io, Directory& directory,
                                                           const LogOptions& options, Lsn begin) {
  if (begin.value() % kRecordAlignment != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("log position ", begin.value(), " is no multiple of ", kRecordAlignment));
  }
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<LogSpace> space,
                           LogSpace::Open(io, directory, options, begin.value()));
  return std::unique_ptr<LogReader>(new LogReader(std::move(space), options, begin.value()));
}

LogReader::LogReader(std::unique_ptr<LogSpace> space, const LogOptions& options, uint64_t begin)
    : space_(std::move(space)), record_salt_(RecordSalt(options.database_id)), position_(begin) {}

absl::StatusOr<bool> LogReader::Next(Record* record) {
  MORAINE_RETURN_IF_ERROR(failed_);
  absl::StatusOr<bool> more = Advance(record);
  failed_ = more.status();
  return more;
}

absl::StatusOr<bool> LogReader::Advance(Record* record) {
  while (!ended_) {
    MORAINE_ASSIGN_OR_RETURN(bool valid, ReadRecord(record));
    if (valid && !IsInternal(record->type)) return true;
  }
  return false;
}

// Reads one record of any type. False, with ended_ set, when the log ends instead. position_ moves
// only over a valid record: where a new segment resumes but holds nothing yet, the end stays the
// end.
absl::StatusOr<bool> LogReader::ReadRecord(Record* record) {
  uint64_t position = space_->Resume(position_);
  uint64_t contiguous = space_->Contiguous(position);
  if (contiguous < kRecordHeaderBytes) return EndOrDamage("expected a record, found the end");
  MORAINE_ASSIGN_OR_RETURN(std::string_view bytes, space_->Read(position, kRecordHeaderBytes));
  Header header = DecodeHeader(bytes);
  std::string fault = HeaderFault(record_salt_, header, position);
  if (!fault.empty()) return EndOrDamage(std::move(fault));
  uint64_t size = header.word.record_bytes();
  if (size > contiguous) return EndOrDamage(absl::StrCat("a record of ", size, " bytes is cut"));
  MORAINE_ASSIGN_OR_RETURN(bytes, space_->Read(position, size));
  std::string_view payload = bytes.substr(kRecordHeaderBytes, header.word.payload_bytes());
  fault = PayloadFault(header, payload);
  if (!fault.empty()) return EndOrDamage(std::move(fault));
  if (static_cast<uint8_t>(header.word.type()) > kLastRecordType) {
    return absl::FailedPreconditionError(
        absl::StrCat(space_->Place(position), ": log record of unknown type ",
                     static_cast<int>(header.word.type()),
                     ": open the database with the version that wrote it"));
  }
  *record = {Lsn(position), header.word.type(), payload};
  position_ = position + size;
  return true;
}

// No valid record follows position_: is this where the log ends, or where it was damaged?
absl::StatusOr<bool> LogReader::EndOrDamage(std::string what) {
  uint64_t position = space_->Resume(position_);
  MORAINE_ASSIGN_OR_RETURN(uint64_t durable_before, FindVoucher(position));
  if (durable_before > position) {
    return absl::DataLossError(absl::StrCat(space_->Place(position), ": damaged log record: ", what,
                                            "; a later part of the log shows ",
                                            "that everything before position ", durable_before,
                                            " was durable: restore the file or a backup"));
  }
  ended_ = true;
  return false;
}

// The first proof found after `position` that the log was durable beyond it; 0 without one. The
// search visits every later place where a record could begin: with its boundaries lost, only a
// record's own position tells it apart.
absl::StatusOr<uint64_t> LogReader::FindVoucher(uint64_t position) {
  uint64_t vouched = space_->VouchedAfter(position);
  if (vouched > position) return vouched;
  uint64_t at = space_->NextReadable(position + kRecordAlignment);
  while (at != LogSpace::kNowhere) {
    uint64_t left = space_->Contiguous(at);
    uint64_t size = std::min(left, kSearchBytes);
    MORAINE_ASSIGN_OR_RETURN(std::string_view bytes, space_->Read(at, size));
    vouched = VouchedWithin(bytes, at, position);
    if (vouched > position) return vouched;
    // Padding on the edge of two pieces is seen whole in the second.
    if (size < left) size -= kLeastPaddingBytes - kRecordAlignment;
    at = space_->NextReadable(at + size);
  }
  return 0;
}

// The same within `bytes`, which are those at position `at`.
uint64_t LogReader::VouchedWithin(std::string_view bytes, uint64_t at, uint64_t position) const {
  for (uint64_t offset = 0; offset + kLeastPaddingBytes <= bytes.size();
       offset += kRecordAlignment) {
    const char* record = bytes.data() + offset;
    if (GetFixed<uint64_t>(record + kRecordLsnOffset) != at + offset) continue;
    std::string_view padding(record, kLeastPaddingBytes);
    Header header = DecodeHeader(padding);
    if (!HeaderFault(record_salt_, header, at + offset).empty()) continue;
    std::string_view vouched = padding.substr(kRecordHeaderBytes);
    bool sound = IsVoucher(header.word.type()) && Crc32c(vouched) == header.payload_checksum;
    if (sound && GetFixed<uint64_t>(vouched.data()) > position) {
      return GetFixed<uint64_t>(vouched.data());
    }
  }
  return 0;
}

}  // namespace moraine
