// Segment files: opening after recovery, growing, recycling. See segment_format.h for the header.
#include "storage/log/segment_files.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "absl/strings/str_cat.h"

#include "storage/base/check.h"
#include "storage/base/status_macros.h"
#include "storage/io/aligned_buffer.h"

namespace moraine {
namespace {

constexpr std::string_view kPreparedName = "log.prepared";
constexpr std::string_view kSparePrefix = "log.spare-";
constexpr size_t kMostSpares = 2;

constexpr uint64_t AlignUp(uint64_t position) {
  return (position + kIoAlignment - 1) & ~uint64_t{kIoAlignment - 1};
}

// Adds to a full disk's error what it means for the log.
absl::Status Explain(const absl::Status& status, uint64_t first, uint64_t bytes,
                     const std::string& directory) {
  if (!absl::IsResourceExhausted(status)) return status;
  return absl::ResourceExhaustedError(absl::StrCat(
      directory, ": no space for ", LogSegmentName(first), " (", bytes,
      " bytes): ", status.message(),
      "; everything that was reported durable is safe: free space, then reopen the database"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<LogSegmentFiles>> LogSegmentFiles::Open(Io& io, Directory& directory,
                                                                       const LogOptions& options,
                                                                       uint64_t resumes_after) {
  std::unique_ptr<LogSegmentFiles> files(new LogSegmentFiles(io, directory, options));
  MutexLock lock(files->mutex_);
  MORAINE_RETURN_IF_ERROR(files->Begin(resumes_after));
  return files;
}

absl::Status LogSegmentFiles::Begin(uint64_t resumes_after) {
  begin_ = AlignUp(resumes_after);
  uint64_t vouched = resumes_after;
  MORAINE_RETURN_IF_ERROR(AdoptOld(resumes_after, &vouched));
  // What recovery read may have been in a cache only; from now on it is built upon.
  MORAINE_RETURN_IF_ERROR(SyncOld());
  MORAINE_RETURN_IF_ERROR(Append(begin_, vouched, vouched));
  return ShrinkLastOld();
}

// Lists what is there; removes leftovers and segments beyond the log's end. `vouched` becomes the
// position that the segment at begin_ resumes after: an earlier run may have begun there as well.
absl::Status LogSegmentFiles::AdoptOld(uint64_t resumes_after, uint64_t* vouched) {
  MORAINE_ASSIGN_OR_RETURN(std::vector<std::string> names, directory_.List());
  bool removed = false;
  for (const std::string& name : names) {
    std::optional<uint64_t> first = ParseLogSegmentName(name);
    bool leftover = name == kPreparedName || name.starts_with(kSparePrefix);
    if (leftover || (first.has_value() && *first > begin_)) {
      MORAINE_RETURN_IF_ERROR(directory_.Remove(name));
      removed = true;
    } else if (first.has_value()) {
      segments_.push_back({*first, 0, nullptr});
    }
  }
  // Before the new segment exists: else a reader might go on from it into an abandoned one.
  if (removed) MORAINE_RETURN_IF_ERROR(directory_.Sync());
  std::sort(segments_.begin(), segments_.end(),
            [](const Segment& a, const Segment& b) { return a.first < b.first; });
  for (size_t i = 0; i + 1 < segments_.size(); ++i) segments_[i].end = segments_[i + 1].first;
  if (segments_.empty()) return absl::OkStatus();
  segments_.back().end = begin_;
  if (segments_.back().first < begin_) return absl::OkStatus();

  // Replaced by the rename in Append, but its vouching for the past stays true.
  OpenFileOptions read_only{.write = false};
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                           directory_.OpenFile(LogSegmentName(begin_), read_only));
  AlignedBuffer block(kLogSegmentHeaderBytes);
  MORAINE_RETURN_IF_ERROR(io_.ReadFully(*file, 0, block.data(), kLogSegmentHeaderBytes));
  MORAINE_ASSIGN_OR_RETURN(
      LogSegmentHeader header,
      DecodeLogSegmentHeader(block.view(), options_.database_id, begin_, file->path()));
  *vouched = std::min(resumes_after, header.resumes_after);
  segments_.pop_back();
  return absl::OkStatus();
}

absl::Status LogSegmentFiles::SyncOld() {
  for (const Segment& segment : segments_) {
    MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                             directory_.OpenFile(LogSegmentName(segment.first), {}));
    MORAINE_RETURN_IF_ERROR(io_.SyncFile(*file));
  }
  return absl::OkStatus();
}

// The old last segment ends early now; its unused rest goes back to the file system.
absl::Status LogSegmentFiles::ShrinkLastOld() {
  if (segments_.size() < 2) return absl::OkStatus();
  const Segment& last = segments_[segments_.size() - 2];
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                           directory_.OpenFile(LogSegmentName(last.first), {}));
  uint64_t used = kLogSegmentHeaderBytes + (last.end - last.first);
  MORAINE_ASSIGN_OR_RETURN(uint64_t size, file->Size());
  return size > used ? file->Truncate(used) : absl::OkStatus();
}

// A file of the right size under the name kPreparedName, recycled or new.
absl::StatusOr<std::unique_ptr<File>> LogSegmentFiles::MakeFile() {
  OpenFileOptions options{.create = true, .direct = true};
  if (!spares_.empty()) {
    MORAINE_RETURN_IF_ERROR(directory_.Rename(spares_.back(), kPreparedName));
    spares_.pop_back();
    options.create = false;
  }
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<File> file, directory_.OpenFile(kPreparedName, options));
  absl::Status allocated = file->Allocate(kLogSegmentHeaderBytes + options_.segment_bytes);
  if (!allocated.ok()) {
    // Half a file would only make a full disk fuller.
    directory_.Remove(kPreparedName).IgnoreError();
    return allocated;
  }
  return file;
}

absl::Status LogSegmentFiles::Append(uint64_t first, uint64_t resumes_after,
                                     uint64_t durable_before) {
  absl::StatusOr<std::unique_ptr<File>> file = MakeFile();
  if (!file.ok()) {
    return Explain(file.status(), first, options_.segment_bytes, directory_.path());
  }
  LogSegmentHeader header{options_.database_id, first, options_.segment_bytes, resumes_after,
                          durable_before};
  AlignedBuffer block(kLogSegmentHeaderBytes);
  EncodeLogSegmentHeader(header, block.data());
  MORAINE_RETURN_IF_ERROR(io_.WriteFully(**file, 0, block.data(), kLogSegmentHeaderBytes));
  MORAINE_RETURN_IF_ERROR(io_.SyncFile(**file));
  MORAINE_RETURN_IF_ERROR(directory_.Rename(kPreparedName, LogSegmentName(first)));
  MORAINE_RETURN_IF_ERROR(directory_.Sync());
  segments_.push_back({first, header.end(), *std::move(file)});
  return absl::OkStatus();
}

absl::Status LogSegmentFiles::Locate(uint64_t position, uint64_t bytes, uint64_t durable_before,
                                     std::vector<LogPiece>* pieces) {
  MutexLock lock(mutex_);
  uint64_t end = position + bytes;
  while (segments_.back().end < end) {
    uint64_t next = segments_.back().end;
    MORAINE_RETURN_IF_ERROR(Append(next, next, durable_before));
  }
  for (const Segment& segment : segments_) {
    if (segment.end <= position || segment.first >= end) continue;
    MORAINE_CHECK(segment.file != nullptr);
    uint64_t stop = std::min(end, segment.end);
    pieces->push_back({segment.file.get(), kLogSegmentHeaderBytes + (position - segment.first),
                       position, stop - position});
    position = stop;
  }
  MORAINE_CHECK(position == end);
  return absl::OkStatus();
}

absl::Status LogSegmentFiles::PrepareNext(uint64_t position, uint64_t durable_before) {
  MutexLock lock(mutex_);
  const Segment& last = segments_.back();
  if (position < last.first + (last.end - last.first) / 2) return absl::OkStatus();
  uint64_t next = last.end;
  absl::Status status = Append(next, next, durable_before);
  return absl::IsResourceExhausted(status) ? absl::OkStatus() : status;
}

absl::Status LogSegmentFiles::Retire(const Segment& segment) {
  std::string name = LogSegmentName(segment.first);
  bool reusable = segment.file != nullptr && segment.end - segment.first == options_.segment_bytes;
  if (!reusable || spares_.size() >= kMostSpares) return directory_.Remove(name);
  std::string spare = std::string(kSparePrefix) + std::to_string(spare_count_++);
  MORAINE_RETURN_IF_ERROR(directory_.Rename(name, spare));
  spares_.push_back(std::move(spare));
  return absl::OkStatus();
}

absl::Status LogSegmentFiles::Truncate(uint64_t position) {
  MutexLock lock(mutex_);
  bool retired = false;
  // The last one stays: the log goes on there.
  while (segments_.size() > 1 && segments_.front().end <= position) {
    MORAINE_RETURN_IF_ERROR(Retire(segments_.front()));
    segments_.erase(segments_.begin());
    retired = true;
  }
  return retired ? directory_.Sync() : absl::OkStatus();
}

uint64_t LogSegmentFiles::count() const {
  MutexLock lock(mutex_);
  return segments_.size();
}

}  // namespace moraine
