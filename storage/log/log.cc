// Opening and closing a log, and its two waits: for ring space and for durability.
#include "storage/log/log.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

#include "storage/base/status_macros.h"
#include "storage/log/flusher.h"
#include "storage/log/segment_files.h"

namespace moraine {
namespace {

constexpr uint64_t kLeastRingBytes = uint64_t{64} << 10;
constexpr uint64_t kMostGrainBytes = uint64_t{64} << 10;
constexpr uint64_t kGrainsPerRing = 256;
constexpr uint64_t kQueueDepth = 64;
constexpr std::chrono::milliseconds kMostGroupInterval = std::chrono::hours(24);
// An operation that must reserve again after a failed attempt admits this many records at once.
constexpr uint64_t kRecordsPerAdmit = 4;

absl::Status Validate(const LogOptions& options, Lsn begin) {
  if (!std::has_single_bit(options.ring_bytes) || options.ring_bytes < kLeastRingBytes) {
    return absl::InvalidArgumentError(absl::StrCat("log ring of ", options.ring_bytes,
                                                   " bytes: a power of two of at least ",
                                                   kLeastRingBytes, " is needed"));
  }
  if (options.segment_bytes < kIoAlignment || options.segment_bytes % kIoAlignment != 0) {
    return absl::InvalidArgumentError(absl::StrCat("log segments of ", options.segment_bytes,
                                                   " bytes: a multiple of ", kIoAlignment,
                                                   " is needed"));
  }
  if (begin < kFirstLsn) {
    return absl::InvalidArgumentError(
        absl::StrCat("log position ", begin.value(), ": the first is ", kFirstLsn.value()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Log>> Log::Open(Io& io, Directory& directory,
                                               const LogOptions& options, Lsn begin,
                                               MemoryBudget* budget) {
  MORAINE_RETURN_IF_ERROR(Validate(options, begin));
  if (!budget->Charge(options.ring_bytes, ChargeKind::kOrdinary)) {
    return absl::ResourceExhaustedError(absl::StrCat("log ring of ", options.ring_bytes,
                                                     " bytes: the memory budget of ",
                                                     budget->limit_bytes(), " bytes is used up"));
  }
  absl::Cleanup release = [&] { budget->Release(options.ring_bytes); };
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<RingMemory> memory, RingMemory::Map(options.ring_bytes));
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<IoQueue> queue, io.NewQueue(kQueueDepth));
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<LogSegmentFiles> files,
                           LogSegmentFiles::Open(io, directory, options, begin.value()));
  std::unique_ptr<Log> log(new Log(options, std::move(memory), std::move(files), budget));
  std::move(release).Cancel();
  log->flusher_ = std::make_unique<LogFlusher>(
      log->state_, *log->files_, std::move(queue), log->record_salt_,
      std::clamp(options.group_interval, std::chrono::milliseconds(0), kMostGroupInterval));
  log->flusher_->Start();
  return log;
}

Log::Log(const LogOptions& options, std::unique_ptr<RingMemory> memory,
         std::unique_ptr<LogSegmentFiles> files, MemoryBudget* budget)
    : memory_(std::move(memory)),
      record_salt_(RecordSalt(options.database_id)),
      scarce_bytes_((options.ring_bytes - kFlusherAsideBytes) / 2),
      most_admitted_bytes_(scarce_bytes_ - CreditFor(0, kRecordsPerAdmit)),
      max_payload_bytes_(std::min(kMostPayloadBytes, most_admitted_bytes_ / kRecordsPerAdmit)),
      grain_bytes_(std::min(kMostGrainBytes, options.ring_bytes / kGrainsPerRing)),
      budget_(budget),
      files_(std::move(files)),
      state_(*memory_, files_->begin(), kFlusherAsideBytes) {}

Log::~Log() {
  flusher_->Stop();
  flusher_.reset();
  budget_->Release(memory_->bytes());
}

void Log::ReturnCredit(LogCredit& credit) {
  if (credit.bytes == 0) return;
  state_.ring().Give(std::exchange(credit.bytes, 0));
  state_.space_freed().NotifyAll();
}

absl::Status Log::AdmitSlowly(LogCredit& credit, uint64_t payload_bytes, uint32_t records) {
  if (state_.poisoned()) return state_.health();
  bool too_large = payload_bytes > most_admitted_bytes_ ||
                   payload_bytes > records * max_payload_bytes_ ||
                   CreditFor(payload_bytes, records) > scarce_bytes_;
  if (too_large) {
    return absl::InvalidArgumentError(absl::StrCat(
        records, " log records of together ", payload_bytes, " bytes: at most ", max_payload_bytes_,
        " bytes per record and ", most_admitted_bytes_, " at once"));
  }
  uint64_t needed = CreditFor(payload_bytes, records);
  if (needed <= credit.bytes) return absl::OkStatus();
  uint64_t missing = needed - credit.bytes;
  LogState::Ring& ring = state_.ring();
  // order: relaxed: overtaking a waiter for once is harmless
  if (space_waiters_.load(std::memory_order_relaxed) == 0) {
    // More than is needed, so that most calls take nothing; not when that would starve others.
    uint64_t grain = std::max(missing, grain_bytes_);
    bool plenty = ring.available() >= scarce_bytes_ + grain;
    uint64_t bytes = plenty ? grain : missing;
    if (ring.Take(bytes)) {
      credit.bytes += bytes;
      return absl::OkStatus();
    }
  }
  // Whoever waits holds nothing, or those who wait could hold what each of them waits for.
  ReturnCredit(credit);
  MORAINE_RETURN_IF_ERROR(WaitForSpace(needed));
  credit.bytes = needed;
  return absl::OkStatus();
}

// Takes `bytes` of space, in turn: small requests do not overtake a large one for ever.
absl::Status Log::WaitForSpace(uint64_t bytes) {
  // order: relaxed: a hint for those who come later
  space_waiters_.fetch_add(1, std::memory_order_relaxed);
  // order: relaxed: the same
  absl::Cleanup leave = [&] { space_waiters_.fetch_sub(1, std::memory_order_relaxed); };
  MutexLock lock(admit_mutex_);
  for (;;) {
    uint32_t ticket = state_.space_freed().Ticket();
    if (state_.poisoned()) return state_.health();
    if (state_.ring().Take(bytes)) return absl::OkStatus();
    state_.RequestSpace();
    state_.space_freed().Wait(ticket);
  }
}

absl::Status Log::WaitStable(Lsn position) {
  if (Stable() >= position) return absl::OkStatus();
  MORAINE_DCHECK(position <= Tail());
  state_.RequestSync(position.value());
  for (;;) {
    uint32_t ticket = state_.stable_changed().Ticket();
    if (Stable() >= position) return absl::OkStatus();
    if (state_.poisoned()) return state_.health();
    state_.stable_changed().Wait(ticket);
  }
}

absl::Status Log::Truncate(Lsn position) {
  return files_->Truncate(std::min(position, Stable()).value());
}

LogStats Log::stats() const {
  const LogCounters& counters = flusher_->counters();
  auto read = [](const Atomic<uint64_t>& counter) {
    // order: relaxed: a statistic
    return counter.load(std::memory_order_relaxed);
  };
  LogStats stats;
  stats.records = read(counters.records);
  stats.void_records = read(counters.void_records);
  stats.device_bytes = read(counters.device_bytes);
  stats.device_writes = read(counters.device_writes);
  stats.device_syncs = read(counters.device_syncs);
  stats.flusher_wakeups = read(counters.wakeups);
  stats.segments = files_->count();
  return stats;
}

}  // namespace moraine
