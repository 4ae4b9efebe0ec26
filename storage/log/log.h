// The write-ahead log: one byte-addressed space in which reserving a slot gives a record its place,
// its commit timestamp and its position in the commit order at once. Writers copy into a ring in
// memory; a flusher thread moves published prefixes to segment files, many commits in one device
// write, and advances the stable position.
//
// Life of a record:  Admit (may wait) -> pages are changed -> Reserve (wait-free) -> copy ->
// Publish -> [WaitStable]. Who may call what: a LogCredit belongs to one thread; everything else
// may be called by any thread. Progress: Reserve, Publish, Tail and Stable are wait-free and
// allocate nothing. Admit waits for ring space when the device is behind (back-pressure);
// WaitStable waits for the device. Neither is called inside an epoch guard. After a failed write or
// sync the log is poisoned: Admit, WaitStable and Flush return that first error for ever and
// nothing more is written, because the kernel may have dropped the pages that a retry would claim
// to have saved.
#ifndef MORAINE_STORAGE_LOG_LOG_H_
#define MORAINE_STORAGE_LOG_LOG_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/base/checksum.h"
#include "storage/base/ids.h"
#include "storage/io/io.h"
#include "storage/log/record_format.h"
#include "storage/memory/memory_budget.h"

namespace moraine {

struct LogOptions {
  DatabaseId database_id;
  uint64_t ring_bytes = uint64_t{32} << 20;  // a power of two, at least 64 KiB
  uint64_t segment_bytes =
      uint64_t{64}
      << 20;  // of one file; a multiple of ring_bytes or a power of two, >= kIoAlignment
  std::chrono::milliseconds group_interval{
      10};  // unsynced records become durable within about this time
};

// A thread's share of ring space: bytes it may reserve without asking. Returned to the log by
// ReturnCredit.
struct LogCredit {
  uint64_t bytes = 0;
};

// A reserved place. The owner must publish it, valid or void, without waiting for anything in
// between.
struct LogSlot {
  Lsn lsn;                  // where the record begins; its timestamp
  char* payload = nullptr;  // payload_bytes of writable memory in the ring, contiguous
  uint32_t payload_bytes = 0;
  Lsn end() const;  // the position after the record
};

struct LogStats {
  uint64_t records = 0;  // reserved by the flusher's count of published slots
  uint64_t void_records = 0;
  uint64_t device_bytes = 0;
  uint64_t device_writes = 0;
  uint64_t device_syncs = 0;
};

class Log {
 public:
  // Starts a log whose next record is at or after `begin` (kFirstLsn for a new database,
  // LogReader::end() after recovery). Segment files that hold only older positions are recycled or
  // removed. Charges the ring to `budget`.
  static absl::StatusOr<std::unique_ptr<Log>> Open(Io& io, Directory& directory,
                                                   const LogOptions& options, Lsn begin,
                                                   MemoryBudget* budget);
  virtual ~Log() = default;  // flushes what was published, if the log is healthy

  // Makes sure that `credit` covers `records` records of together `payload_bytes`, waiting for
  // space if need be. Also the place where a poisoned log refuses new work. InvalidArgument beyond
  // max_payload_bytes().
  virtual absl::Status Admit(LogCredit& credit, uint64_t payload_bytes, uint32_t records) = 0;
  virtual void ReturnCredit(LogCredit& credit) = 0;

  // The next slot. `payload_bytes` must be covered by the credit.
  virtual LogSlot Reserve(LogCredit& credit, uint32_t payload_bytes) = 0;
  // Hands the slot to the flusher. `payload_checksum` = Crc32c of the payload (computed before
  // Reserve, so that the window between the two is a copy and a store). Type kVoid: the payload is
  // ignored and never replayed.
  virtual void Publish(const LogSlot& slot, RecordType type, uint32_t payload_checksum) = 0;

  // The position the next Reserve will get, or an earlier one; every record below it is reserved.
  // Acquire: whatever a writer did before it reserved a slot below the result is visible to the
  // caller.
  virtual Lsn Tail() const = 0;
  // Every record that ends at or below this position is durable.
  virtual Lsn Stable() const = 0;
  // Returns when Stable() >= position, asking for an immediate sync. Group commit: one device write
  // serves all waiters.
  virtual absl::Status WaitStable(Lsn position) = 0;
  // Makes every record reserved before the call durable.
  absl::Status Flush() { return WaitStable(Tail()); }
  // Segments that hold only positions below `position` may be recycled or removed: a durable
  // checkpoint covers them.
  virtual absl::Status Truncate(Lsn position) = 0;

  // The largest payload one record may have; larger work is split into chunks by the caller.
  virtual uint64_t max_payload_bytes() const = 0;
  virtual LogStats stats() const = 0;
  // OK, or why the log is poisoned.
  virtual absl::Status health() const = 0;
};

// Reads the records of a log back, in order, before it is opened for appending.
class LogReader {
 public:
  struct Record {
    Lsn lsn;
    RecordType type;
    std::string_view payload;  // valid until the next call
  };
  // Begins at `begin`, a record boundary that a checkpoint or a new database vouches for.
  static absl::StatusOr<std::unique_ptr<LogReader>> Open(Io& io, Directory& directory,
                                                         const LogOptions& options, Lsn begin);
  virtual ~LogReader() = default;
  // True and the next record that is not void or padding, or false at the end. DataLoss (file,
  // offset, what was expected and found) when bytes are damaged that were durable once; a torn
  // tail, which was never acknowledged, is just the end.
  virtual absl::StatusOr<bool> Next(Record* record) = 0;
  // After Next returned false: where appending may continue (aligned as Log::Open needs it).
  virtual Lsn end() const = 0;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_LOG_LOG_H_
