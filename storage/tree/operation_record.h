// What a log record says about trees. Payload of a kOne record: one operation; of a kBatch record:
// operations to its end.
//   operation: u8 kind (VersionKind), varint tree, varint key size, varint value size, key, value
// A record too large for one slot is written ahead as chunks; its kCommit record, which carries the
// timestamp, names them.
//   kChunk:    varint position of the chain's first chunk (0 in that one itself), bytes
//   kCommit:   varint position of the first chunk, varint total bytes; the bytes of the chain are a
//              kBatch payload
#ifndef MORAINE_STORAGE_TREE_OPERATION_RECORD_H_
#define MORAINE_STORAGE_TREE_OPERATION_RECORD_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/base/coding.h"
#include "storage/base/ids.h"
#include "storage/log/log.h"
#include "storage/tree/version.h"

namespace moraine {

struct LoggedOperation {
  VersionKind kind = VersionKind::kPut;
  TreeId tree;
  std::string_view key;
  std::string_view value;
};

inline constexpr size_t kMostOperationHeaderBytes = 1 + 3 * kMaxVarint32Bytes;

// One operation as it will stand in the log, its checksum known before a slot is reserved. Borrows
// key and value.
class OperationRecord {
 public:
  explicit OperationRecord(const LoggedOperation& operation);
  RecordType type() const { return RecordType::kOne; }
  uint32_t payload_bytes() const { return payload_bytes_; }
  uint32_t checksum() const { return checksum_; }
  void CopyTo(char* payload) const;

 private:
  char header_[kMostOperationHeaderBytes];
  uint32_t header_bytes_;
  uint32_t payload_bytes_;
  uint32_t checksum_;
  std::string_view key_;
  std::string_view value_;
};

void AppendOperation(const LoggedOperation& operation, std::string* payload);
// Reads one operation; DataLoss when the bytes are not one.
absl::StatusOr<LoggedOperation> ReadOperation(ByteReader* reader);

// A payload that is ready to be committed by one record, however large it is.
class RecordBody {
 public:
  RecordBody(RecordType type, std::string payload);
  RecordType type() const { return type_; }
  uint32_t payload_bytes() const { return static_cast<uint32_t>(payload_.size()); }
  uint32_t checksum() const { return checksum_; }
  void CopyTo(char* payload) const { PutBytes(payload, payload_); }

 private:
  RecordType type_;
  std::string payload_;
  uint32_t checksum_;
};

// Makes a body of a kBatch payload, writing chunks to the log first when it is too large for one
// slot. Admits the bytes of four tries at the commit record. Outside a guard.
absl::StatusOr<RecordBody> PrepareBody(Log& log, LogCredit& credit, std::string payload);

// The largest payload that goes into a single record: four tries of it must fit the ring
// comfortably.
inline uint64_t MostInlinePayload(const Log& log) { return log.max_payload_bytes() / 8; }

inline constexpr uint32_t kReserveTries = 4;

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_OPERATION_RECORD_H_
