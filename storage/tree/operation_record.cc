// Encoding of operations, and the chunks of large ones.
#include "storage/tree/operation_record.h"

#include <algorithm>
#include <utility>

#include "storage/base/checksum.h"
#include "storage/base/status_macros.h"

namespace moraine {
namespace {

char* PutHeader(char* at, const LoggedOperation& operation) {
  *at++ = static_cast<char>(operation.kind);
  at = PutVarint(at, operation.tree.value());
  at = PutVarint(at, operation.key.size());
  return PutVarint(at, operation.value.size());
}

}  // namespace

OperationRecord::OperationRecord(const LoggedOperation& operation)
    : key_(operation.key), value_(operation.value) {
  header_bytes_ = static_cast<uint32_t>(PutHeader(header_, operation) - header_);
  payload_bytes_ = header_bytes_ + static_cast<uint32_t>(key_.size() + value_.size());
  checksum_ = Crc32c(value_, Crc32c(key_, Crc32c(std::string_view(header_, header_bytes_))));
}

void OperationRecord::CopyTo(char* payload) const {
  PutBytes(PutBytes(PutBytes(payload, std::string_view(header_, header_bytes_)), key_), value_);
}

void AppendOperation(const LoggedOperation& operation, std::string* payload) {
  char header[kMostOperationHeaderBytes];
  payload->append(header, static_cast<size_t>(PutHeader(header, operation) - header));
  payload->append(operation.key);
  payload->append(operation.value);
}

absl::StatusOr<LoggedOperation> ReadOperation(ByteReader* reader) {
  LoggedOperation operation;
  uint8_t kind = reader->Fixed<uint8_t>();
  operation.kind = static_cast<VersionKind>(kind);
  uint64_t tree = reader->Varint();
  operation.tree = TreeId(static_cast<uint32_t>(tree));
  uint64_t key_bytes = reader->Varint();
  uint64_t value_bytes = reader->Varint();
  operation.key = reader->Bytes(key_bytes);
  operation.value = reader->Bytes(value_bytes);
  bool known = kind >= static_cast<uint8_t>(VersionKind::kPut) &&
               kind <= static_cast<uint8_t>(VersionKind::kMerge);
  if (!reader->ok() || !known || operation.tree.value() != tree)
    return absl::DataLossError("a log record that is not an operation");
  return operation;
}

RecordBody::RecordBody(RecordType type, std::string payload)
    : type_(type), payload_(std::move(payload)), checksum_(Crc32c(payload_)) {}

namespace {

// Writes `payload` as a chain of chunks; the position of the first one names the chain.
absl::StatusOr<uint64_t> WriteChunks(Log& log, LogCredit& credit, std::string_view payload) {
  size_t most = MostInlinePayload(log) - kMaxVarint64Bytes;
  uint64_t first = 0;
  for (size_t at = 0; at < payload.size(); at += most) {
    char number[kMaxVarint64Bytes];
    std::string chunk(number, static_cast<size_t>(PutVarint(number, first) - number));
    chunk += payload.substr(at, most);
    MORAINE_RETURN_IF_ERROR(log.Admit(credit, chunk.size(), 1));
    uint32_t checksum = Crc32c(chunk);
    LogSlot slot = log.Reserve(credit, static_cast<uint32_t>(chunk.size()));
    PutBytes(slot.payload, chunk);
    log.Publish(slot, RecordType::kChunk, checksum);
    if (first == 0) first = slot.lsn.value();
  }
  return first;
}

}  // namespace

absl::StatusOr<RecordBody> PrepareBody(Log& log, LogCredit& credit, std::string payload) {
  RecordType type = RecordType::kBatch;
  if (payload.size() > MostInlinePayload(log)) {
    MORAINE_ASSIGN_OR_RETURN(uint64_t first, WriteChunks(log, credit, payload));
    char numbers[2 * kMaxVarint64Bytes];
    char* end = PutVarint(PutVarint(numbers, first), payload.size());
    payload.assign(numbers, static_cast<size_t>(end - numbers));
    type = RecordType::kCommit;
  }
  RecordBody body(type, std::move(payload));
  MORAINE_RETURN_IF_ERROR(
      log.Admit(credit, uint64_t{kReserveTries} * body.payload_bytes(), kReserveTries));
  return body;
}

}  // namespace moraine
