// The write-ahead log: one byte-addressed space in which reserving a slot gives a record its place,
// its commit timestamp and its position in the commit order at once. Writers copy into a ring in
// memory (ring.h); a flusher thread moves published prefixes to segment files, many commits in one
// device write (flusher.h), and advances the stable position.
//
// Life of a record:  Admit (may wait) -> pages are changed -> Reserve (wait-free) -> copy ->
// Publish -> [WaitStable] -> Settle. Who may call what: a LogCredit belongs to one thread;
// everything else may be called by any thread. Progress: Reserve, Publish, Tail and Stable are
// wait-free and allocate nothing (Publish makes a system call when it is the first after an idle
// time or completes a large batch, to wake the flusher). Admit waits for ring space when the device
// is behind (back-pressure); WaitStable waits for the device. Neither is called inside an epoch
// guard. After a failed write or sync the log is poisoned: Admit, WaitStable and Flush return that
// first error for ever and nothing more is written, because the kernel may have dropped the pages
// that a retry would claim to have saved. (What was durable before is still reported as such.)
//
// Publication rule: whatever a thread did before Reserve gave it lsn is visible to every thread to
// which Tail() returned a position above lsn. So "install a version, then Reserve" on one side and
// "take S = Tail(), then read" on the other make every version with lsn < S visible at S. [R5]
#ifndef MORAINE_STORAGE_LOG_LOG_H_
#define MORAINE_STORAGE_LOG_LOG_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/base/check.h"
#include "storage/base/checksum.h"
#include "storage/base/coding.h"
#include "storage/base/ids.h"
#include "storage/io/io.h"
#include "storage/log/log_options.h"
#include "storage/log/log_reader.h"
#include "storage/log/log_state.h"
#include "storage/log/record_format.h"
#include "storage/log/ring_memory.h"
#include "storage/log/slot_word.h"
#include "storage/memory/memory_budget.h"

namespace moraine {

class LogFlusher;
class LogSegmentFiles;

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
  // The position after the record.
  Lsn end() const { return Lsn(lsn.value() + RecordBytes(payload_bytes)); }
};

struct LogStats {
  uint64_t records = 0;  // as the flusher saw them published; its own are not counted
  uint64_t void_records = 0;
  uint64_t device_bytes = 0;
  uint64_t device_writes = 0;
  uint64_t device_syncs = 0;
  uint64_t segments = 0;         // files
  uint64_t flusher_wakeups = 0;  // does not grow while nothing is written
};

class Log final {
 public:
  // Starts a log whose next record is at or after `begin` (kFirstLsn for a new database,
  // LogReader::end() after recovery). What lies behind `begin` in the directory is dropped for
  // ever; what lies before stays, made durable, until Truncate. Charges the ring to `budget`.
  static absl::StatusOr<std::unique_ptr<Log>> Open(Io& io, Directory& directory,
                                                   const LogOptions& options, Lsn begin,
                                                   MemoryBudget* budget);
  // Flushes what was published, if the log is healthy. No other call may be running.
  ~Log();

  // Makes sure that `credit` covers `records` records of together `payload_bytes`, waiting for
  // space if need be. Also the place where a poisoned log refuses new work. InvalidArgument beyond
  // max_payload_bytes() per record, or beyond four such records together.
  absl::Status Admit(LogCredit& credit, uint64_t payload_bytes, uint32_t records) {
    bool small = payload_bytes <= most_admitted_bytes_;
    if (small && CreditFor(payload_bytes, records) <= credit.bytes && !state_.poisoned()) {
      return absl::OkStatus();
    }
    return AdmitSlowly(credit, payload_bytes, records);
  }
  void ReturnCredit(LogCredit& credit);
  // To be called when an operation is over: keeps credit for the next one unless space is scarce or
  // it is more than a thread's fair share, so that idle threads never starve busy ones.
  void Settle(LogCredit& credit) {
    if (credit.bytes > grain_bytes_ || state_.ring().available() < scarce_bytes_) {
      ReturnCredit(credit);
    }
  }

  // The next slot. `payload_bytes` must be covered by the credit.
  LogSlot Reserve(LogCredit& credit, uint32_t payload_bytes) {
    uint64_t bytes = RecordBytes(payload_bytes);
    MORAINE_DCHECK(payload_bytes <= kMostPayloadBytes);
    MORAINE_DCHECK(credit.bytes >= bytes);
    credit.bytes -= bytes;
    uint64_t position = state_.ring().Reserve(bytes);
    return {Lsn(position), memory_->Bytes(position) + kRecordHeaderBytes, payload_bytes};
  }

  // Hands the slot to the flusher. `payload_checksum` = Crc32c of the payload (computed before
  // Reserve, so that the window between the two is a copy and a store). Type kVoid: the payload is
  // ignored and never replayed.
  void Publish(const LogSlot& slot, RecordType type, uint32_t payload_checksum) {
    uint64_t position = slot.lsn.value();
    char* header = slot.payload - kRecordHeaderBytes;
    PutFixed(header + kRecordLsnOffset, position);
    PutFixed(header + kRecordPayloadChecksumOffset, payload_checksum);
    uint32_t checksum =
        RecordChecksum(record_salt_, position, slot.payload_bytes, type, payload_checksum);
    state_.ring().Publish(position, SlotWord(checksum, slot.payload_bytes, type));
    state_.WakeFlusherAt(slot.end().value());
  }

  // The position the next Reserve will get, or an earlier one; every record below it is reserved.
  // Acquire: see the publication rule above.
  Lsn Tail() const { return Lsn(state_.ring().Tail()); }
  // Every record that ends at or below this position is durable.
  Lsn Stable() const { return Lsn(state_.Stable()); }
  // Returns when Stable() >= position, which is not above Tail(), asking for an immediate sync.
  // Group commit: one device write serves all waiters.
  absl::Status WaitStable(Lsn position);
  // Makes every record reserved before the call durable.
  absl::Status Flush() { return WaitStable(Tail()); }
  // Segments that hold only positions below `position` may be recycled or removed: a durable
  // checkpoint covers them.
  absl::Status Truncate(Lsn position);

  // The largest payload one record may have; larger work is split into chunks by the caller.
  uint64_t max_payload_bytes() const { return max_payload_bytes_; }
  LogStats stats() const;
  // OK, or why the log is poisoned.
  absl::Status health() const { return state_.health(); }

 private:
  Log(const LogOptions& options, std::unique_ptr<RingMemory> memory,
      std::unique_ptr<LogSegmentFiles> files, MemoryBudget* budget);

  // Upper bound of the space that records take: the rounding is not known per record.
  static constexpr uint64_t CreditFor(uint64_t payload_bytes, uint64_t records) {
    return payload_bytes + records * (kRecordHeaderBytes + kRecordAlignment - 1);
  }
  absl::Status AdmitSlowly(LogCredit& credit, uint64_t payload_bytes, uint32_t records);
  absl::Status WaitForSpace(uint64_t bytes);

  const std::unique_ptr<RingMemory> memory_;
  const uint32_t record_salt_;
  const uint64_t scarce_bytes_;         // less than this available: credit is not hoarded
  const uint64_t most_admitted_bytes_;  // by one Admit; never above what idle threads leave free
  const uint64_t max_payload_bytes_;
  const uint64_t grain_bytes_;  // how much credit a thread takes at a time
  MemoryBudget* const budget_;
  const std::unique_ptr<LogSegmentFiles> files_;
  LogState state_;
  std::unique_ptr<LogFlusher> flusher_;
  Mutex admit_mutex_;                  // held by the one thread that waits for space
  Atomic<uint32_t> space_waiters_{0};  // threads that wait for it or for the mutex
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_LOG_LOG_H_
