// The flusher's loop: decide, write, sync, give ring space back. See flusher.h for the rules.
#include "storage/log/flusher.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "storage/base/check.h"
#include "storage/base/checksum.h"
#include "storage/base/coding.h"
#include "storage/base/status_macros.h"
#include "storage/sync/backoff.h"

namespace moraine {
namespace {

constexpr uint64_t kMostWriteThreshold = uint64_t{256} << 10;
// How long a writer may take between Reserve and Publish before the flusher stops spinning for it,
// and how often it then looks.
constexpr uint32_t kTurnsBeforeNap = 64;
constexpr std::chrono::microseconds kNap{50};

constexpr uint64_t AlignDown(uint64_t position) { return position & ~uint64_t{kIoAlignment - 1}; }

void Count(Atomic<uint64_t>& counter, uint64_t more) {
  // order: relaxed: a statistic with one writer
  counter.store(counter.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
}

}  // namespace

LogFlusher::LogFlusher(LogState& state, LogSegmentFiles& files, std::unique_ptr<IoQueue> queue,
                       uint32_t record_salt, std::chrono::milliseconds group_interval)
    : state_(state),
      files_(files),
      queue_(std::move(queue)),
      record_salt_(record_salt),
      group_interval_(group_interval),
      write_threshold_(std::min(kMostWriteThreshold, state.ring().bytes() / 4)),
      flushed_(state.Stable()),
      scanned_(flushed_),
      vouched_(flushed_) {}

void LogFlusher::Start() {
  thread_ = std::thread([this] { Run(); });
}

void LogFlusher::Stop() {
  state_.RequestStop();
  if (thread_.joinable()) thread_.join();
}

void LogFlusher::Run() {
  bool going = true;
  while (going) {
    uint32_t ticket = state_.work().Ticket();
    going = Step(ticket);
    Count(counters_.wakeups, 1);
  }
}

// One decision and its deed; false when the thread shall end.
bool LogFlusher::Step(uint32_t ticket) {
  if (state_.poisoned()) {
    if (state_.stopping()) return false;
    state_.work().Wait(ticket);
    return true;
  }
  Scan();
  uint64_t tail = state_.ring().Tail();
  uint64_t wanted = std::min(state_.requested(), tail);
  bool interval_over = pending_ && Clock::now() - pending_since_ >= group_interval_;
  absl::Status status;
  if (wanted > state_.Stable()) {
    status = SyncThrough(wanted);
  } else if (state_.TakeSpaceRequest() && tail > flushed_) {
    status = FreeSpace();
  } else if (WholeBlockBytes() >= write_threshold_) {
    status = WriteWholeBlocks();
  } else if (tail > state_.Stable() && (interval_over || state_.stopping())) {
    status = SyncThrough(tail);
  } else if (state_.stopping()) {
    status = SayFarewell();
    if (status.ok()) return false;
  } else {
    Sleep(ticket);
  }
  if (!status.ok()) state_.Poison(std::move(status));
  return true;
}

uint64_t LogFlusher::WholeBlockBytes() const { return AlignDown(scanned_) - flushed_; }

// Moves scanned_ over what has been published.
void LogFlusher::Scan() {
  LogState::Ring& ring = state_.ring();
  uint64_t records = 0;
  uint64_t voids = 0;
  // Beyond this lies the lap before, still unreleased [R4].
  uint64_t limit = flushed_ + ring.bytes();
  while (scanned_ < limit) {
    SlotWord word = ring.Read(scanned_);
    if (!word.published()) break;
    bool own = word.type() == RecordType::kPadding || word.type() == RecordType::kMarker;
    if (!own) ++records;
    if (word.type() == RecordType::kVoid) ++voids;
    scanned_ += word.record_bytes();
  }
  if (records > 0) Count(counters_.records, records);
  if (voids > 0) Count(counters_.void_records, voids);
}

// Returns when everything below `position`, which is reserved, is published. Its owners are in the
// few instructions between Reserve and Publish, unless they lost their processor there.
void LogFlusher::ScanThrough(uint64_t position) {
  Backoff<DefaultPolicy> backoff;
  Scan();
  for (uint32_t turn = 0; scanned_ < position; ++turn) {
    if (turn < kTurnsBeforeNap) {
      backoff.Wait();
    } else {
      Nap();
    }
    Scan();
  }
}

// Makes everything below `position` durable, and whatever else is published by then.
absl::Status LogFlusher::SyncThrough(uint64_t position) {
  ScanThrough(position);
  bool all = scanned_ == state_.ring().Tail();
  if (AlignDown(scanned_) < position || all) {
    MORAINE_DCHECK(aside_in_ring_ == 0);  // F4
    LogRange padding = state_.ring().ReservePadding(kIoAlignment, kLeastPaddingBytes);
    PublishVoucher(padding, RecordType::kPadding);
    ScanThrough(padding.end());
  }
  MORAINE_RETURN_IF_ERROR(WriteThrough(AlignDown(scanned_), /*durable=*/true));
  pending_ = false;
  return files_.PrepareNext(flushed_, state_.Stable());
}

absl::Status LogFlusher::FreeSpace() {
  if (WholeBlockBytes() > 0) return WriteWholeBlocks();
  return SyncThrough(state_.ring().Tail());
}

absl::Status LogFlusher::WriteWholeBlocks() {
  MORAINE_RETURN_IF_ERROR(WriteThrough(AlignDown(scanned_), /*durable=*/false));
  return files_.PrepareNext(flushed_, state_.Stable());
}

// The last record of a healthy log vouches for all others: without it nobody could tell damage of
// the last write from a write that a crash tore.
absl::Status LogFlusher::SayFarewell() {
  if (vouched_ >= state_.Stable()) return absl::OkStatus();
  LogRange marker = state_.ring().ReservePadding(kIoAlignment, kLeastPaddingBytes);
  PublishVoucher(marker, RecordType::kMarker);
  ScanThrough(marker.end());
  uint64_t stable = state_.Stable();
  MORAINE_RETURN_IF_ERROR(WriteThrough(marker.end(), /*durable=*/true));
  vouched_ = std::max(vouched_, stable);
  return absl::OkStatus();
}

// Fills a range of the flusher's own with a record that names the stable position.
void LogFlusher::PublishVoucher(LogRange range, RecordType type) {
  aside_in_ring_ += range.bytes;
  uint32_t payload_bytes = static_cast<uint32_t>(range.bytes - kRecordHeaderBytes);
  char* at = state_.ring().memory().Bytes(range.begin);
  uint64_t stable = state_.Stable();
  char* payload = PutFixed(at + kRecordHeaderBytes, stable) - sizeof(stable);
  uint32_t payload_checksum = Crc32c(std::string_view(payload, sizeof(stable)));
  PutFixed(at + kRecordLsnOffset, range.begin);
  PutFixed(at + kRecordPayloadChecksumOffset, payload_checksum);
  uint32_t checksum =
      RecordChecksum(record_salt_, range.begin, payload_bytes, type, payload_checksum);
  state_.ring().Publish(range.begin, SlotWord(checksum, payload_bytes, type));
  vouched_ = stable;
}

// Writes [flushed_, end), frees its ring space and, when `durable`, advances the stable position.
absl::Status LogFlusher::WriteThrough(uint64_t end, bool durable) {
  MORAINE_CHECK(end % kIoAlignment == 0 && end >= flushed_ && end <= scanned_);  // F1
  // A write can carry its own sync only if nothing before it still needs one.
  bool single = durable && unsynced_.empty();
  if (end > flushed_) MORAINE_RETURN_IF_ERROR(Transfer(end, single));
  if (durable && !single) MORAINE_RETURN_IF_ERROR(SyncFiles());
  LogRange written{flushed_, end - flushed_};
  flushed_ = end;
  if (written.bytes > 0) {
    // Paddings end where a sync ends, so either all of them were written or none.
    uint64_t aside = durable ? std::exchange(aside_in_ring_, 0) : 0;
    state_.ring().Release(written, aside);
    state_.space_freed().NotifyAll();
  }
  if (durable) state_.AdvanceStable(end);
  return absl::OkStatus();
}

absl::Status LogFlusher::Transfer(uint64_t end, bool durable) {
  pieces_.clear();
  MORAINE_RETURN_IF_ERROR(files_.Locate(flushed_, end - flushed_, state_.Stable(), &pieces_));
  for (const LogPiece& piece : pieces_) {
    IoRequest request;
    request.kind = IoKind::kWrite;
    request.durable = durable;
    request.file = piece.file;
    request.offset = piece.offset;
    request.data = state_.ring().memory().Bytes(piece.position);
    request.size = piece.bytes;
    queue_->Add(request);
    bool known = std::find(unsynced_.begin(), unsynced_.end(), piece.file) != unsynced_.end();
    if (!durable && !known) unsynced_.push_back(piece.file);
  }
  Count(counters_.device_bytes, end - flushed_);
  Count(counters_.device_writes, pieces_.size());
  if (durable) Count(counters_.device_syncs, 1);
  return RunBatch(pieces_.size());
}

absl::Status LogFlusher::SyncFiles() {
  for (File* file : unsynced_) {
    IoRequest request;
    request.kind = IoKind::kSync;
    request.file = file;
    queue_->Add(request);
  }
  Count(counters_.device_syncs, unsynced_.size());
  size_t count = unsynced_.size();
  unsynced_.clear();
  return RunBatch(count);
}

// Waits for the `count` requests that were added; the first failure among them.
absl::Status LogFlusher::RunBatch(size_t count) {
  completions_.clear();
  while (completions_.size() < count) {
    size_t missing = count - completions_.size();
    MORAINE_RETURN_IF_ERROR(queue_->SubmitAndWait(missing, &completions_));
  }
  for (const IoCompletion& completion : completions_) {
    MORAINE_RETURN_IF_ERROR(completion.status);
  }
  return absl::OkStatus();
}

// A short time, whoever calls.
void LogFlusher::Nap() { state_.work().WaitFor(state_.work().Ticket(), kNap); }

// Sleeps until there may be something to do.
void LogFlusher::Sleep(uint32_t ticket) {
  uint64_t stable = state_.Stable();
  // Idle: the first record wakes. Otherwise only enough of them do.
  uint64_t wake = pending_ ? flushed_ + write_threshold_ : stable;
  uint64_t tail = state_.AnnounceWake(wake);
  if (!pending_) {
    if (tail == stable) {
      state_.work().Wait(ticket);
    } else {
      pending_ = true;
      pending_since_ = Clock::now();
    }
  } else if (tail > wake) {
    // Enough is reserved, but some writer has not published yet.
    Nap();
  } else {
    auto left = group_interval_ - (Clock::now() - pending_since_);
    if (left.count() > 0) state_.work().WaitFor(ticket, left);
  }
  state_.WithdrawWake();
}

}  // namespace moraine
