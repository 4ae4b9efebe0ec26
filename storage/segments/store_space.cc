// Opening a store, checkpoints of it, and where space comes from and goes to.
#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "storage/base/check.h"
#include "storage/base/status_macros.h"
#include "storage/segments/store_implementation.h"

namespace moraine {
namespace {

constexpr uint32_t kCheckDepth = 64;
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
  map_.RestoreSequence(state.next_sequence);
  for (const SegmentRecord& record : state.segments) {
    const uint64_t number = record.index / per_file;
    const uint64_t needed = record.index % per_file + record.run;
    if (files_.SegmentsIn(number) < needed) {
      return absl::DataLossError(absl::StrCat(
          files_.PathOf(number), ": expected ", needed * geometry_.segment_bytes,
          " bytes at least, found ", files_.SegmentsIn(number) * geometry_.segment_bytes));
    }
    map_.Restore(record);
    StreamBuffer& buffer = streams_[static_cast<size_t>(record.stream)];
    if (!record.open) continue;
    if (options_.read_only || record.used_bytes == record.run * geometry_.segment_bytes) {
      map_.Seal(record.index, /*bad=*/false);
      continue;
    }
    buffer.open = true;
    buffer.segment = record.index;
    buffer.begin = buffer.fill = record.used_bytes;
  }
  map_.RestoreSequence(state.next_sequence);
  return CheckHeaders(state);
}

// One header of each file: enough to notice a file of another database, or at another's place; what
// is damaged inside a file is noticed when it is read.
absl::Status SegmentStoreImplementation::CheckHeaders(const SegmentState& state) {
  std::vector<uint64_t> indices;
  for (const SegmentRecord& record : state.segments) {
    const uint64_t per_file = geometry_.segments_per_file();
    if (indices.empty() || indices.back() / per_file != record.index / per_file) {
      indices.push_back(record.index);
    }
  }
  if (indices.empty()) return absl::OkStatus();
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<IoQueue> queue, io_.NewQueue(kCheckDepth));
  AlignedBuffer blocks(kCheckDepth * kSegmentHeaderBytes);
  for (size_t begin = 0; begin < indices.size(); begin += kCheckDepth) {
    const size_t count = std::min<size_t>(kCheckDepth, indices.size() - begin);
    for (size_t i = 0; i < count; ++i) {
      const PieceExtent extent =
          Locate({Address(indices[begin + i] * geometry_.segment_bytes), kSegmentHeaderBytes});
      queue->Add({.kind = IoKind::kRead,
                  .file = extent.file,
                  .offset = extent.offset,
                  .data = blocks.data() + i * kSegmentHeaderBytes,
                  .size = kSegmentHeaderBytes,
                  .token = i});
    }
    std::vector<IoCompletion> completions;
    MORAINE_RETURN_IF_ERROR(queue->SubmitAndWait(count, &completions));
    for (const IoCompletion& completion : completions) {
      MORAINE_RETURN_IF_ERROR(completion.status);
      const uint64_t index = indices[begin + completion.token];
      absl::Status status =
          DecodeSegmentHeader(
              blocks.view().substr(completion.token * kSegmentHeaderBytes, kSegmentHeaderBytes),
              options_.database_id, index)
              .status();
      if (status.ok()) continue;
      const uint64_t address = index * geometry_.segment_bytes;
      return absl::Status(status.code(),
                          absl::StrCat(files_.PathOf(address / geometry_.file_bytes), ": offset ",
                                       address % geometry_.file_bytes, ": ", status.message()));
    }
  }
  return absl::OkStatus();
}

absl::Status SegmentStoreImplementation::Adopt(const PieceLocation& location) {
  MutexLock lock(mutex_);
  const uint64_t address = location.address.value();
  const uint64_t index = IndexOf(location.address);
  const uint64_t offset = OffsetOf(location.address);
  const Segment& segment = map_.at(index);
  const bool used = segment.use == SegmentUse::kOpen || segment.use == SegmentUse::kSealed;
  if (!used || address % kPieceUnit != 0 || offset < kSegmentHeaderBytes ||
      location.stored_bytes < kPieceHeaderBytes ||
      offset + location.stored_bytes > segment.used_bytes ||
      segment.live_bytes + location.stored_bytes > segment.used_bytes) {
    return absl::DataLossError(absl::StrCat(
        files_.PathOf(address / geometry_.file_bytes), ": offset ", address % geometry_.file_bytes,
        ": expected a piece of ", location.stored_bytes, " bytes, found ",
        used ? absl::StrCat("a segment with ", segment.used_bytes, " bytes in use, ",
                            segment.live_bytes, " of them by other pieces")
             : std::string("a segment that the checkpoint does not name")));
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
  for (int step = 0; step < 2 && leases_.Drained(); ++step) {
    for (uint64_t index : draining_) map_.Free(index);
    draining_ = std::exchange(waiting_, {});
    draining_files_ = files_.TakeRetired();
    if (draining_.empty() && draining_files_.empty()) return;
    leases_.Flip();
  }
}

absl::StatusOr<uint64_t> SegmentStoreImplementation::FindSpace(uint32_t run) {
  AdvanceGrace();
  std::optional<uint64_t> index = map_.FindFree(run);
  if (!index.has_value()) {
    const uint64_t per_file = geometry_.segments_per_file();
    uint64_t number = 0;
    for (; number < files_.end(); ++number) {
      const uint64_t have = files_.SegmentsIn(number);
      const uint64_t trailing = std::min(map_.FreeBelow(number * per_file + have), have);
      if (per_file - have + trailing >= run) break;
    }
    MORAINE_RETURN_IF_ERROR(GrowFile(number, run));
    index = map_.FindFree(run);
  }
  MORAINE_CHECK(index.has_value());
  return *index;
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
  const uint64_t keep = end_of_use + Growth(end_of_use);
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
  for (uint64_t i = 0; i < map_.size(); ++i) {
    const Segment& segment = map_.at(i);
    if (segment.use == SegmentUse::kAbsent) continue;
    stats.file_bytes += geometry_.segment_bytes;
    if (segment.use == SegmentUse::kFree) {
      ++stats.free_segments;
    } else {
      ++stats.segments;
    }
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
    infos.push_back({i, segment.stream, segment.used_bytes, segment.live_bytes,
                     segment.use == SegmentUse::kOpen});
  }
  return infos;
}

}  // namespace moraine
