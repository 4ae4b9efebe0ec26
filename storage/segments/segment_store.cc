// Appending, writing and reading pieces; store_space.cc has where they find room.
#include "storage/segments/segment_store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "storage/base/check.h"
#include "storage/base/status_macros.h"
#include "storage/segments/store_implementation.h"

namespace moraine {
namespace {

constexpr uint32_t kQueueDepth = 32;

}  // namespace

SegmentStoreImplementation::SegmentStoreImplementation(Io& io, Directory& directory,
                                                       const SegmentStoreOptions& options,
                                                       const SegmentGeometry& geometry,
                                                       MemoryBudget* budget)
    : io_(io),
      directory_(directory),
      options_(options),
      geometry_(geometry),
      buffer_bytes_(std::clamp<uint64_t>(RoundUpTo(options.buffer_bytes, kIoAlignment),
                                         2 * kSegmentHeaderBytes, geometry.segment_bytes)),
      budget_(budget),
      files_(directory, geometry, options.read_only),
      map_(geometry) {}

SegmentStoreImplementation::~SegmentStoreImplementation() {
  for (StreamBuffer& buffer : streams_) DropMemory(buffer);
  for (StreamBuffer& buffer : failed_) DropMemory(buffer);
}

absl::StatusOr<PieceLocation> SegmentStoreImplementation::Append(Stream stream,
                                                                 const PieceHeader& header,
                                                                 std::string_view payload) {
  if (options_.read_only) return absl::FailedPreconditionError("the store is open for reading");
  FramedPiece piece;
  std::string scratch;
  piece.header = header;
  piece.header.raw_bytes = static_cast<uint32_t>(payload.size());
  if (payload.size() <= kMostPieceBytes) {
    piece.payload = CompressPayload(payload, options_.compression_level, &scratch);
    piece.stored_bytes = StoredBytes(header.kind, piece.payload.bytes.size());
    piece.may_use_reserve = stream == Stream::kTable;
  }
  if (payload.size() > kMostPieceBytes ||
      kSegmentHeaderBytes + uint64_t{piece.stored_bytes} > geometry_.file_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a piece of ", payload.size(), " bytes does not fit the store"));
  }
  return AppendFramed(stream, piece);
}

absl::StatusOr<PieceLocation> SegmentStoreImplementation::AppendStored(Stream stream,
                                                                       const StoredPiece& piece) {
  if (options_.read_only) return absl::FailedPreconditionError("the store is open for reading");
  return AppendFramed(stream, {piece.header, piece.payload, piece.location.stored_bytes,
                               /*may_use_reserve=*/true});
}

absl::StatusOr<PieceLocation> SegmentStoreImplementation::AppendFramed(Stream stream,
                                                                       const FramedPiece& piece) {
  const bool large = stream == Stream::kLarge ||
                     kSegmentHeaderBytes + uint64_t{piece.stored_bytes} > geometry_.segment_bytes;
  MutexLock lock(mutex_);
  MORAINE_ASSIGN_OR_RETURN(const PieceLocation location,
                           large ? AppendLarge(piece) : AppendToStream(stream, piece));
  ++counts_.appended_pieces;
  counts_.appended_bytes += location.stored_bytes;
  counts_.raw_bytes += piece.header.raw_bytes;
  return location;
}

absl::StatusOr<PieceLocation> SegmentStoreImplementation::AppendToStream(Stream stream,
                                                                         const FramedPiece& piece) {
  StreamBuffer& buffer = streams_[static_cast<size_t>(stream)];
  const bool whole_sectors = piece.header.kind == PieceKind::kBase;
  uint64_t place = PlacePiece(buffer.fill, piece.stored_bytes, whole_sectors);
  if (!buffer.open || place + piece.stored_bytes > geometry_.segment_bytes) {
    MORAINE_RETURN_IF_ERROR(NextSegment(stream, buffer, piece.may_use_reserve));
    place = PlacePiece(buffer.fill, piece.stored_bytes, whole_sectors);
  } else {
    MORAINE_RETURN_IF_ERROR(EnsureMemory(buffer));
  }
  return PutPiece(buffer, piece, place);
}

absl::StatusOr<PieceLocation> SegmentStoreImplementation::AppendLarge(const FramedPiece& piece) {
  const uint64_t bytes = kSegmentHeaderBytes + uint64_t{piece.stored_bytes};
  const uint32_t run =
      static_cast<uint32_t>(RoundUpTo(bytes, geometry_.segment_bytes) / geometry_.segment_bytes);
  StreamBuffer& buffer = streams_[static_cast<size_t>(Stream::kLarge)];
  MORAINE_ASSIGN_OR_RETURN(const uint64_t index, FindSpace(run, piece.may_use_reserve));
  MORAINE_RETURN_IF_ERROR(EnsureMemory(buffer));
  BeginSegment(buffer, index, Stream::kLarge, run);
  absl::StatusOr<PieceLocation> location = PutPiece(buffer, piece, buffer.fill);
  if (location.ok()) {
    buffer.Pad();
    if (absl::Status status = WriteOut(buffer); !status.ok()) {
      // Nobody was told of the piece yet.
      map_.RemoveLive(index, location->stored_bytes);
      failed_.back().unwritten.clear();
      return status;
    }
    map_.Seal(index, /*bad=*/false);
    buffer.open = false;
  }
  DropMemory(buffer);
  return location;
}

absl::StatusOr<PieceLocation> SegmentStoreImplementation::PutPiece(StreamBuffer& buffer,
                                                                   const FramedPiece& piece,
                                                                   uint64_t place) {
  const uint64_t index = buffer.segment;
  const Address address(index * geometry_.segment_bytes + place);
  char header[kPieceHeaderBytes];
  EncodePieceHeader(options_.database_id, address, piece.header, piece.payload, header);
  const uint64_t end = place + piece.stored_bytes;
  MORAINE_RETURN_IF_ERROR(PutZeroes(buffer, place - buffer.fill));
  MORAINE_RETURN_IF_ERROR(PutBytes(buffer, std::string_view(header, sizeof(header))));
  MORAINE_RETURN_IF_ERROR(PutBytes(buffer, piece.payload.bytes));
  MORAINE_RETURN_IF_ERROR(PutZeroes(buffer, RoundUpTo(end, kPieceUnit) - buffer.fill));
  buffer.unwritten.push_back(address);
  map_.AddLive(index, piece.stored_bytes);
  map_.SetUsed(index, buffer.fill);
  return PieceLocation{address, piece.stored_bytes};
}

absl::Status SegmentStoreImplementation::PutBytes(StreamBuffer& buffer, std::string_view bytes) {
  while (!bytes.empty()) {
    if (buffer.room() == 0) MORAINE_RETURN_IF_ERROR(WriteOut(buffer));
    const std::string_view part = bytes.substr(0, buffer.room());
    buffer.Put(part);
    bytes.remove_prefix(part.size());
  }
  return absl::OkStatus();
}

absl::Status SegmentStoreImplementation::PutZeroes(StreamBuffer& buffer, uint64_t count) {
  while (count > 0) {
    if (buffer.room() == 0) MORAINE_RETURN_IF_ERROR(WriteOut(buffer));
    const uint64_t part = std::min(count, buffer.room());
    buffer.PutZeroes(part);
    count -= part;
  }
  return absl::OkStatus();
}

absl::Status SegmentStoreImplementation::NextSegment(Stream stream, StreamBuffer& buffer,
                                                     bool may_use_reserve) {
  // Space first: on a full disk the open segment stays as it is, for smaller pieces.
  MORAINE_ASSIGN_OR_RETURN(const uint64_t index, FindSpace(1, may_use_reserve));
  if (buffer.open) EndSegment(buffer);
  MORAINE_RETURN_IF_ERROR(EnsureMemory(buffer));
  BeginSegment(buffer, index, stream, 1);
  return absl::OkStatus();
}

void SegmentStoreImplementation::EndSegment(StreamBuffer& buffer) {
  if (buffer.fill > buffer.begin) {
    buffer.Pad();
    // A failure here is not the caller's: Write tells those whom it concerns.
    WriteOut(buffer).IgnoreError();
  }
  if (buffer.open) map_.Seal(buffer.segment, /*bad=*/false);
  buffer.open = false;
}

void SegmentStoreImplementation::SealFrom(uint64_t index) {
  MutexLock lock(mutex_);
  for (StreamBuffer& buffer : streams_) {
    if (buffer.open && buffer.segment >= index) EndSegment(buffer);
  }
}

void SegmentStoreImplementation::BeginSegment(StreamBuffer& buffer, uint64_t index, Stream stream,
                                              uint32_t run) {
  SegmentHeader header;
  header.database_id = options_.database_id;
  header.index = index;
  header.sequence = map_.Begin(index, stream, run);
  header.stream = stream;
  header.run = run;
  header.geometry = geometry_;
  buffer.open = true;
  buffer.segment = index;
  buffer.begin = 0;
  buffer.fill = kSegmentHeaderBytes;
  buffer.unwritten.clear();
  EncodeSegmentHeader(header, buffer.memory->data());
}

absl::Status SegmentStoreImplementation::EnsureMemory(StreamBuffer& buffer) {
  if (buffer.memory != nullptr) return absl::OkStatus();
  // From the reserve if need be: what is written here can leave memory.
  if (budget_ != nullptr && !budget_->Charge(buffer_bytes_, ChargeKind::kReserve)) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "the memory budget has no room for a buffer of ", buffer_bytes_, " bytes to write pages"));
  }
  buffer.memory = std::make_unique<AlignedBuffer>(buffer_bytes_);
  return absl::OkStatus();
}

void SegmentStoreImplementation::DropMemory(StreamBuffer& buffer) {
  if (buffer.memory == nullptr) return;
  buffer.memory.reset();
  if (budget_ != nullptr) budget_->Release(buffer_bytes_);
}

absl::Status SegmentStoreImplementation::WriteOut(StreamBuffer& buffer) {
  WriteJob job = JobOf(buffer);
  RunWrites(std::span(&job, 1));
  if (!job.status.ok()) {
    GiveUp(buffer);
    return job.status;
  }
  buffer.Written();
  return absl::OkStatus();
}

SegmentStoreImplementation::WriteJob SegmentStoreImplementation::JobOf(StreamBuffer& buffer) {
  const uint64_t number = buffer.segment / geometry_.segments_per_file();
  const uint64_t first = buffer.segment % geometry_.segments_per_file() * geometry_.segment_bytes;
  files_.MarkWritten(number);
  return {&buffer, files_.Find(number), first + buffer.begin, absl::OkStatus()};
}

void SegmentStoreImplementation::RunWrites(std::span<WriteJob> jobs) {
  if (jobs.empty()) return;
  std::vector<IoCompletion> completions;
  absl::Status broken;
  if (queue_ == nullptr) {
    absl::StatusOr<std::unique_ptr<IoQueue>> queue = io_.NewQueue(kQueueDepth);
    broken = queue.status();
    if (queue.ok()) queue_ = *std::move(queue);
  }
  if (broken.ok()) {
    for (size_t i = 0; i < jobs.size(); ++i) {
      const StreamBuffer& buffer = *jobs[i].buffer;
      jobs[i].status = absl::UnavailableError("the queue of writes broke");
      queue_->Add({.kind = IoKind::kWrite,
                   .file = jobs[i].file,
                   .offset = jobs[i].offset,
                   .data = buffer.memory->data(),
                   .size = buffer.fill - buffer.begin,
                   .token = i});
      ++counts_.writes;
    }
    broken = queue_->SubmitAndWait(jobs.size(), &completions);
    if (!broken.ok()) queue_.reset();  // waits for what it has under way
  }
  for (const IoCompletion& completion : completions) {
    WriteJob& job = jobs[completion.token];
    job.status = completion.status;
    if (job.status.ok()) counts_.written_bytes += job.buffer->fill - job.buffer->begin;
  }
  if (broken.ok()) return;
  for (WriteJob& job : jobs) {
    if (!job.status.ok()) job.status = broken;
  }
}

void SegmentStoreImplementation::GiveUp(StreamBuffer& buffer) {
  map_.Seal(buffer.segment, /*bad=*/true);
  buffer.open = false;
  failed_.push_back(std::move(buffer));
  buffer = StreamBuffer();
}

absl::Status SegmentStoreImplementation::Write() {
  MutexLock lock(mutex_);
  std::erase_if(failed_, [&](StreamBuffer& buffer) {
    if (!buffer.unwritten.empty()) return false;
    DropMemory(buffer);
    return true;
  });
  std::vector<WriteJob> jobs;
  for (StreamBuffer& buffer : failed_) jobs.push_back(JobOf(buffer));
  const size_t failed_count = jobs.size();
  for (StreamBuffer& buffer : streams_) {
    if (!buffer.open || buffer.fill == buffer.begin) continue;
    buffer.Pad();
    jobs.push_back(JobOf(buffer));
  }
  RunWrites(jobs);
  absl::Status result;
  for (size_t i = 0; i < failed_count; ++i) {
    // Written at last: dropped by the next Write.
    if (jobs[i].status.ok()) jobs[i].buffer->unwritten.clear();
    result.Update(jobs[i].status);
  }
  for (size_t i = failed_count; i < jobs.size(); ++i) {
    if (jobs[i].status.ok()) {
      jobs[i].buffer->Written();
    } else {
      GiveUp(*jobs[i].buffer);
    }
    result.Update(jobs[i].status);
  }
  return result;
}

absl::Status SegmentStoreImplementation::Sync() {
  MutexLock one_at_a_time(sync_mutex_);
  MORAINE_RETURN_IF_ERROR(sync_error_);
  // Keeps a file that is removed meanwhile from being closed.
  ReadLease lease(*this);
  bool names = false;
  std::vector<File*> files;
  {
    MutexLock lock(mutex_);
    files = files_.TakeUnsynced(&names);
    ++counts_.syncs;
  }
  for (File* file : files) sync_error_.Update(io_.SyncFile(*file));
  if (names) sync_error_.Update(directory_.Sync());
  return sync_error_;
}

PieceExtent SegmentStoreImplementation::Locate(const PieceLocation& location) const {
  PieceExtent extent;
  extent.file = files_.Find(location.address.value() / geometry_.file_bytes);
  const uint64_t offset = location.address.value() % geometry_.file_bytes;
  extent.skip = offset % kIoAlignment;
  extent.offset = offset - extent.skip;
  extent.size = RoundUpTo(extent.skip + location.stored_bytes, kIoAlignment);
  return extent;
}

absl::Status SegmentStoreImplementation::Decode(const PieceLocation& location,
                                                std::string_view stored, PieceHeader* header,
                                                std::string* raw) const {
  const absl::Status status = DecodePiece(options_.database_id, location, stored, header, raw);
  if (status.ok()) return status;
  const uint64_t address = location.address.value();
  return absl::Status(status.code(), absl::StrCat(files_.PathOf(address / geometry_.file_bytes),
                                                  ": offset ", address % geometry_.file_bytes,
                                                  ": damaged piece: ", status.message()));
}

void SegmentStoreImplementation::Release(const PieceLocation& location) {
  MutexLock lock(mutex_);
  const uint64_t index = IndexOf(location.address);
  map_.RemoveLive(index, location.stored_bytes);
  for (StreamBuffer& buffer : streams_) {
    if (buffer.open && buffer.segment == index) std::erase(buffer.unwritten, location.address);
  }
  for (StreamBuffer& buffer : failed_) {
    if (buffer.segment == index) std::erase(buffer.unwritten, location.address);
  }
}

}  // namespace moraine
