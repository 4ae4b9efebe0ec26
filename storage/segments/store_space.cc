// Opening a store, checkpoints of it, and where space comes from and goes to.
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "storage/base/check.h"
#include "storage/base/status_macros.h"
#include "storage/segments/store_implementation.h"

namespace moraine {
namespace {

// A store grows and keeps free space by a sixteenth of its size, so that neither happens often.
constexpr uint64_t kGrowthDivisor = 16;
constexpr uint64_t kMostGrowth = 16;

uint64_t Growth(uint64_t segments) {
  return std::clamp<uint64_t>(segments / kGrowthDivisor, 1, kMostGrowth);
}

}  // namespace

absl::StatusOr<std::unique_ptr<SegmentStore>> SegmentStore::Open(Io& io, Directory& directory,
                                                                 const SegmentStoreOptions& options,
                                                                 std::string_view state,
                                                                 MemoryBudget* budget) {
  SegmentState decoded;
  decoded.geometry = {options.segment_bytes, options.file_bytes};
  if (!state.empty()) {
    absl::StatusOr<SegmentState> given = DecodeSegmentState(state, options.database_id);
    if (!given.ok()) {
      return absl::Status(given.status().code(),
                          absl::StrCat(directory.path(), ": ", given.status().message()));
    }
    // A store keeps the geometry that it was made with.
    decoded = *std::move(given);
  }
  if (const char* problem = decoded.geometry.Problem()) {
    return absl::InvalidArgumentError(problem);
  }
  auto store = std::make_unique<SegmentStoreImplementation>(io, directory, options,
                                                            decoded.geometry, budget);
  MORAINE_RETURN_IF_ERROR(store->Restore(decoded));
  return store;
}

absl::Status SegmentStoreImplementation::Restore(const SegmentState& state) {
  MutexLock lock(mutex_);
  const uint64_t per_file = geometry_.segments_per_file();
  uint64_t end = 0;
  if (!state.segments.empty()) {
    const SegmentRecord& last = state.segments.back();
    end = (last.index + last.run - 1) / per_file + 1;
  }
  MORAINE_RETURN_IF_ERROR(files_.Open(end));
  for (uint64_t number = 0; number < files_.end(); ++number) {
    if (uint64_t count = files_.SegmentsIn(number); count > 0) {
      map_.AddSpace(number * per_file, count);
    }
  }
  for (const SegmentRecord& record : state.segments) {
    // A segment begun after the sync of its checkpoint may have lost its file, or the end of it.
    // Only what is adopted must be there.
    if (files_.SegmentsIn(record.index / per_file) < record.index % per_file + record.run) continue;
    map_.Restore(record);
    if (record.open) RestoreStream(record);
  }
  map_.RestoreSequence(state.next_sequence);
  return absl::OkStatus();
}

// A stream goes on where it was, unless that segment has no room, or lost its header as above.
void SegmentStoreImplementation::RestoreStream(const SegmentRecord& record) {
  if (options_.read_only || record.used_bytes == geometry_.segment_bytes ||
      !CheckHeader(record.index).ok()) {
    map_.Seal(record.index, /*bad=*/false);
    return;
  }
  StreamBuffer& buffer = streams_[static_cast<size_t>(record.stream)];
  buffer.open = true;
  buffer.segment = record.index;
  buffer.begin = buffer.fill = record.used_bytes;
}

absl::Status SegmentStoreImplementation::CheckHeader(uint64_t index) {
  const uint64_t address = index * geometry_.segment_bytes;
  const uint64_t number = address / geometry_.file_bytes;
  const uint64_t offset = address % geometry_.file_bytes;
  AlignedBuffer block(kSegmentHeaderBytes);
  MORAINE_RETURN_IF_ERROR(
      io_.ReadFully(*files_.Find(number), offset, block.data(), kSegmentHeaderBytes));
  const absl::Status status =
      DecodeSegmentHeader(block.view(), options_.database_id, index).status();
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(files_.PathOf(number), ": offset ", offset, ": ",
                                                  status.message()));
}

absl::Status SegmentStoreImplementation::Adopt(const PieceLocation& location) {
  MutexLock lock(mutex_);
  const uint64_t address = location.address.value();
  const uint64_t number = address / geometry_.file_bytes;
  const uint64_t index = IndexOf(location.address);
  const uint64_t offset = OffsetOf(location.address);
  const Segment& segment = map_.at(index);
  const bool used = segment.use == SegmentUse::kOpen || segment.use == SegmentUse::kSealed;
  if (!used || address % kPieceUnit != 0 || offset < kSegmentHeaderBytes ||
      location.stored_bytes < kPieceHeaderBytes ||
      offset + location.stored_bytes > segment.used_bytes ||
      segment.live_bytes + location.stored_bytes > segment.used_bytes) {
    return absl::DataLossError(absl::StrCat(
        files_.PathOf(number), ": offset ", address % geometry_.file_bytes,
        ": expected a piece of ", location.stored_bytes, " bytes, found ",
        used ? absl::StrCat("a segment with ", segment.used_bytes, " bytes in use, ",
                            segment.live_bytes, " of them by other pieces")
             : absl::StrCat("a file of ", files_.SegmentsIn(number) * geometry_.segment_bytes,
                            " bytes, or no such segment in the checkpoint")));
  }
  // One header of each file: enough to notice a file of another database, or at another's place;
  // what is damaged inside a file is noticed when it is read.
  if (checked_files_.size() <= number) checked_files_.resize(number + 1);
  if (!checked_files_[number]) {
    MORAINE_RETURN_IF_ERROR(CheckHeader(index));
    checked_files_[number] = true;
  }
  map_.AddLive(index, location.stored_bytes);
  return absl::OkStatus();
}

// Segments died, as far as the map knows, before its clock began: the next state does without them.
void SegmentStoreImplementation::FinishAdoption() {
  MutexLock lock(mutex_);
  map_.BeginState();
}

void SegmentStoreImplementation::BeginState() {
  MutexLock lock(mutex_);
  map_.BeginState();
}

std::string SegmentStoreImplementation::EncodeState() {
  MutexLock lock(mutex_);
  for (StreamBuffer& buffer : streams_) {
    if (!buffer.open) continue;
    if (buffer.fill > buffer.begin) buffer.Pad();
    map_.SetUsed(buffer.segment, buffer.fill);
    if (map_.at(buffer.segment).live_bytes > 0 || buffer.fill == kSegmentHeaderBytes) continue;
    // All in it is dead: it is freed rather than filled up, for it may be what keeps a file long.
    map_.Seal(buffer.segment, /*bad=*/false);
    buffer.open = false;
    buffer.unwritten.clear();
  }
  return EncodeSegmentState(map_.NameUsed(), options_.database_id);
}

absl::Status SegmentStoreImplementation::StateIsDurable() {
  MutexLock lock(mutex_);
  const std::vector<uint64_t> drained = map_.Drain();
  waiting_.insert(waiting_.end(), drained.begin(), drained.end());
  AdvanceGrace();
  return Shrink();
}

// Two steps at most: the period that was running has ended, or the one begun now has no reads.
void SegmentStoreImplementation::AdvanceGrace() {
  if (waiting_.empty() && draining_.empty() && draining_files_.empty() && !files_.has_retired()) {
    return;
  }
  leases_.AfterUnlinking();
  for (int step = 0; step < 2 && leases_.Drained(); ++step) {
    for (uint64_t index : draining_) map_.Free(index);
    draining_ = std::exchange(waiting_, {});
    draining_files_ = files_.TakeRetired();
    if (draining_.empty() && draining_files_.empty()) return;
    leases_.Flip();
  }
}

absl::StatusOr<uint64_t> SegmentStoreImplementation::FindSpace(uint32_t run, bool may_use_reserve) {
  const absl::Status filled = FillReserve(run);
  const uint64_t keep = may_use_reserve ? 0 : Reserve() / 2;
  const std::optional<uint64_t> index = map_.FindFree(run);
  if (index.has_value() && map_.free_count() >= run + keep) return *index;
  MORAINE_CHECK(!filled.ok());
  return filled;
}

// A large store has large tables to write.
uint64_t SegmentStoreImplementation::Reserve() const {
  constexpr uint64_t kPart = 64;
  return options_.reserve_segments == 0 ? 0 : options_.reserve_segments + map_.size() / kPart;
}

absl::Status SegmentStoreImplementation::FillReserve(uint32_t run) {
  AdvanceGrace();
  absl::Status grown;
  const auto has_room = [&] {
    return map_.free_count() >= run + Reserve() && (run == 0 || map_.FindFree(run).has_value());
  };
  while (grown.ok() && !has_room()) grown = Grow(std::max<uint32_t>(run, 1));
  // order: relaxed: a hint; whoever acts on it looks again under the lock
  low_space_.store(absl::IsResourceExhausted(grown) ? 1 : 0, std::memory_order_relaxed);
  return grown;
}

absl::Status SegmentStoreImplementation::CheckSpace() {
  // order: relaxed: a hint
  if (low_space_.load(std::memory_order_relaxed) == 0) return absl::OkStatus();
  MutexLock lock(mutex_);
  const absl::Status filled = FillReserve(0);
  if (!absl::IsResourceExhausted(filled)) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("no space for data: ", filled.message(),
                   "; make room on the disk, or delete keys: deleting and reading go on"));
}

absl::Status SegmentStoreImplementation::Grow(uint32_t run) {
  const uint64_t per_file = geometry_.segments_per_file();
  uint64_t number = 0;
  for (; number < files_.end(); ++number) {
    const uint64_t have = files_.SegmentsIn(number);
    if (have == per_file) continue;
    const uint64_t trailing = std::min(map_.FreeBelow(number * per_file + have), have);
    if (per_file - have + trailing >= run) break;
  }
  return GrowFile(number, run);
}

// Makes room for a run at the end of file `number`, which has it, and for more when that is easy.
absl::Status SegmentStoreImplementation::GrowFile(uint64_t number, uint32_t run) {
  const uint64_t per_file = geometry_.segments_per_file();
  const uint64_t have = files_.SegmentsIn(number);
  const uint64_t end = number * per_file + have;
  const uint64_t least = run - std::min<uint64_t>(run - 1, std::min(map_.FreeBelow(end), have));
  const uint64_t wanted = std::min(std::max(least, Growth(map_.size())), per_file - have);
  uint64_t added = wanted;
  absl::Status status = files_.Grow(number, have + added);
  if (absl::IsResourceExhausted(status) && wanted > least) {
    added = least;
    status = files_.Grow(number, have + added);
  }
  MORAINE_RETURN_IF_ERROR(status);
  map_.AddSpace(end, added);
  return absl::OkStatus();
}

absl::Status SegmentStoreImplementation::Shrink() {
  const uint64_t per_file = geometry_.segments_per_file();
  const uint64_t end_of_use = map_.end_of_use();
  const uint64_t keep = end_of_use + std::max(Growth(end_of_use), Reserve());
  for (uint64_t number = files_.end(); number-- > 0;) {
    const uint64_t first = number * per_file;
    const uint64_t have = files_.SegmentsIn(number);
    const uint64_t want = keep <= first ? 0 : std::min(have, keep - first);
    if (want == have) continue;
    const absl::Status status = files_.Shrink(number, want);
    const uint64_t left = files_.SegmentsIn(number);  // a failure may come halfway
    map_.RemoveSpace(first + left, have - left);
    MORAINE_RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

SegmentStoreStats SegmentStoreImplementation::stats() const {
  MutexLock lock(mutex_);
  SegmentStoreStats stats = counts_;
  stats.segment_bytes = geometry_.segment_bytes;
  stats.next_sequence = map_.next_sequence();
  // order: relaxed: a hint
  stats.low_space = low_space_.load(std::memory_order_relaxed) != 0;
  for (uint64_t i = 0; i < map_.size(); ++i) {
    const Segment& segment = map_.at(i);
    if (segment.use == SegmentUse::kAbsent) continue;
    stats.file_bytes += geometry_.segment_bytes;
    if (segment.use == SegmentUse::kFree) {
      ++stats.free_segments;
    } else {
      ++stats.segments;
    }
    if (map_.Dead(segment)) stats.dead_segments += segment.run;
    if (segment.use == SegmentUse::kDraining) stats.draining_segments += segment.run;
    stats.used_bytes += segment.used_bytes;
    stats.live_bytes += segment.live_bytes;
  }
  return stats;
}

std::vector<SegmentInfo> SegmentStoreImplementation::Segments() const {
  MutexLock lock(mutex_);
  std::vector<SegmentInfo> infos;
  for (uint64_t i = 0; i < map_.size(); ++i) {
    const Segment& segment = map_.at(i);
    if (segment.use <= SegmentUse::kFree || segment.use >= SegmentUse::kBad) continue;
    infos.push_back({i, segment.sequence, segment.stream, segment.run, segment.used_bytes,
                     segment.live_bytes, segment.use == SegmentUse::kOpen,
                     map_.Dead(segment) || segment.use == SegmentUse::kDraining});
  }
  return infos;
}

}  // namespace moraine
