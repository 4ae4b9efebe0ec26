// The thread that moves published records from the ring to segment files and advances the stable
// position. One device write serves everybody who waits when it begins (group commit); there is no
// timer for those: the flusher writes at once when it is idle, and else when its last write ends.
//
// What it does next, first match wins:
//   somebody waits for durability -> pad to a device block, write, sync      SyncThrough
//   writers are out of ring space -> write whole blocks, or as above         FreeSpace
//   enough gathered               -> write whole blocks, no sync             WriteWholeBlocks
//   the group interval is over    -> as if somebody waited for the tail      SyncThrough
//   else                          -> sleep, until the interval ends if records are pending, and
//                                    without a time limit when nothing is: idle costs nothing
// A partly written block is never written again: a torn rewrite could lose what was durable. So a
// sync first fills up the block with padding, and padding carries the stable position as of then:
// after a crash it proves that damage below that position is damage of durable bytes. The space for
// padding is set aside at the start (kFlusherAsideBytes), so flushing never waits for credit.
//
// Invariants: F1 flushed_ <= scanned_ <= tail; flushed_ is a multiple of kIoAlignment. F2 stable
// equals flushed_ after every sync. F3 when a sync leaves nothing pending, its last record is
// padding. F4 at most one padding is between flushed_ and the tail.
#ifndef MORAINE_STORAGE_LOG_FLUSHER_H_
#define MORAINE_STORAGE_LOG_FLUSHER_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/status.h"

#include "storage/io/io.h"
#include "storage/log/log_state.h"
#include "storage/log/segment_files.h"
#include "storage/sync/atomic.h"

namespace moraine {

inline constexpr uint64_t kFlusherAsideBytes = 2 * kIoAlignment;

// Written by the flusher, read by anybody.
struct LogCounters {
  Atomic<uint64_t> records{0};
  Atomic<uint64_t> void_records{0};
  Atomic<uint64_t> device_bytes{0};
  Atomic<uint64_t> device_writes{0};
  Atomic<uint64_t> device_syncs{0};
  Atomic<uint64_t> wakeups{0};
};

class LogFlusher {
 public:
  // Borrows all three, which outlive it. Stop ends the thread.
  LogFlusher(LogState& state, LogSegmentFiles& files, std::unique_ptr<IoQueue> queue,
             uint32_t record_salt, std::chrono::milliseconds group_interval);

  void Start();
  // Flushes what was published if the log is healthy, says so in a last record, and returns when
  // the thread is done. Nobody may use the log any more.
  void Stop();

  const LogCounters& counters() const { return counters_; }

 private:
  using Clock = std::chrono::steady_clock;

  void Run();
  bool Step(uint32_t ticket);
  void Scan();
  void ScanThrough(uint64_t position);
  absl::Status SyncThrough(uint64_t position);
  absl::Status FreeSpace();
  absl::Status WriteWholeBlocks();
  absl::Status SayFarewell();
  void PublishVoucher(LogRange range, RecordType type);
  absl::Status WriteThrough(uint64_t end, bool durable);
  absl::Status Transfer(uint64_t end, bool durable);
  absl::Status RunBatch(size_t count);
  absl::Status SyncFiles();
  void Nap();
  void Sleep(uint32_t ticket);
  uint64_t WholeBlockBytes() const;

  LogState& state_;
  LogSegmentFiles& files_;
  const std::unique_ptr<IoQueue> queue_;
  const uint32_t record_salt_;
  const std::chrono::milliseconds group_interval_;
  const uint64_t write_threshold_;  // whole blocks worth a write that nobody waits for

  uint64_t flushed_;            // everything below is in files, synced or not
  uint64_t scanned_;            // everything below is published
  uint64_t vouched_;            // the stable position that the last padding carried
  uint64_t aside_in_ring_ = 0;  // bytes of padding between flushed_ and the tail
  bool pending_ = false;        // records wait for the group interval
  Clock::time_point pending_since_;
  std::vector<File*> unsynced_;  // files written to since their last sync
  std::vector<LogPiece> pieces_;
  std::vector<IoCompletion> completions_;
  LogCounters counters_;
  std::thread thread_;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_LOG_FLUSHER_H_
