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

absl::StatusOr<RecordBody> PrepareBody(Log& log, LogCredit& credit, std::string payload) {
  uint64_t most = MostInlinePayload(log);
  RecordBody body;
  if (payload.size() <= most) {
    body.inline_payload = std::move(payload);
  } else {
    uint64_t first = 0;
    for (size_t at = 0; at < payload.size();) {
      std::string chunk;
      char number[kMaxVarint64Bytes];
      chunk.append(number, static_cast<size_t>(PutVarint(number, first) - number));
      size_t bytes = std::min<size_t>(payload.size() - at, most - kMaxVarint64Bytes);
      chunk.append(payload, at, bytes);
      MORAINE_RETURN_IF_ERROR(log.Admit(credit, chunk.size(), 1));
      uint32_t checksum = Crc32c(chunk);
      LogSlot slot = log.Reserve(credit, static_cast<uint32_t>(chunk.size()));
      PutBytes(slot.payload, chunk);
      log.Publish(slot, RecordType::kChunk, checksum);
      if (first == 0) first = slot.lsn.value();
      at += bytes;
    }
    body.type = RecordType::kCommit;
    char numbers[2 * kMaxVarint64Bytes];
    char* end = PutVarint(PutVarint(numbers, first), payload.size());
    body.inline_payload.assign(numbers, static_cast<size_t>(end - numbers));
  }
  body.checksum = Crc32c(body.inline_payload);
  MORAINE_RETURN_IF_ERROR(
      log.Admit(credit, kReserveTries * body.inline_payload.size(), kReserveTries));
  return body;
}

}  // namespace moraine
