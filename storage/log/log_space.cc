// Opening, joining and reading segment files; see log_space.h.
#include "storage/log/log_space.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "storage/base/status_macros.h"
#include "storage/log/record_format.h"

namespace moraine {
namespace {

constexpr uint64_t kWindowBytes = uint64_t{1} << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<LogSpace>> LogSpace::Open(Io& io, Directory& directory,
                                                         const LogOptions& options,
                                                         uint64_t begin) {
  std::unique_ptr<LogSpace> space(new LogSpace(io, directory.path()));
  MORAINE_RETURN_IF_ERROR(space->OpenSegments(directory, options, begin));
  MORAINE_RETURN_IF_ERROR(space->CheckBegin(begin));
  return space;
}

absl::Status LogSpace::OpenSegments(Directory& directory, const LogOptions& options,
                                    uint64_t begin) {
  MORAINE_ASSIGN_OR_RETURN(std::vector<std::string> names, directory.List());
  std::vector<uint64_t> firsts;
  for (const std::string& name : names) {
    std::optional<uint64_t> first = ParseLogSegmentName(name);
    if (first.has_value()) firsts.push_back(*first);
  }
  std::sort(firsts.begin(), firsts.end());
  for (size_t i = 0; i < firsts.size(); ++i) {
    // Not needed, so what it holds does not matter: the next one begins at or before `begin`.
    if (i + 1 < firsts.size() && firsts[i + 1] <= begin) continue;
    MORAINE_RETURN_IF_ERROR(OpenSegment(directory, options, firsts[i]));
  }
  // A later segment says where the log left the one before it.
  for (size_t i = 0; i + 1 < extents_.size(); ++i) {
    extents_[i].end = std::min(extents_[i].end, extents_[i + 1].header.resumes_after);
  }
  return absl::OkStatus();
}

absl::Status LogSpace::OpenSegment(Directory& directory, const LogOptions& options,
                                   uint64_t first) {
  Extent extent;
  // Through the page cache: recovery reads forward, and file sizes need no alignment.
  OpenFileOptions read_only{.write = false};
  MORAINE_ASSIGN_OR_RETURN(extent.file, directory.OpenFile(LogSegmentName(first), read_only));
  MORAINE_ASSIGN_OR_RETURN(uint64_t size, extent.file->Size());
  std::vector<char> block(std::min<uint64_t>(size, kLogSegmentHeaderBytes));
  if (!block.empty()) {
    MORAINE_RETURN_IF_ERROR(io_.ReadFully(*extent.file, 0, block.data(), block.size()));
  }
  std::string_view view(block.data(), block.size());
  MORAINE_ASSIGN_OR_RETURN(
      extent.header, DecodeLogSegmentHeader(view, options.database_id, first, extent.file->path()));
  extent.first = first;
  extent.end = extent.header.end();
  extent.file_bytes = size - kLogSegmentHeaderBytes;
  extents_.push_back(std::move(extent));
  return absl::OkStatus();
}

// A log that lost the segment it should begin in must not pass for an empty one.
absl::Status LogSpace::CheckBegin(uint64_t begin) const {
  bool fresh = extents_.empty() && begin == kFirstLsn.value();
  if (fresh) return absl::OkStatus();
  bool found = false;
  for (const Extent& extent : extents_) {
    found = found || (extent.header.resumes_after <= begin && begin <= extent.header.end());
  }
  if (found) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(directory_, ": the log segment that holds position ",
                                          begin, " is missing (", extents_.size(),
                                          " later segments are there): restore it or a backup"));
}

const LogSpace::Extent* LogSpace::Find(uint64_t position) const {
  for (const Extent& extent : extents_) {
    if (extent.first <= position && position < extent.end) return &extent;
  }
  return nullptr;
}

uint64_t LogSpace::Resume(uint64_t position) const {
  for (const Extent& extent : extents_) {
    if (extent.header.resumes_after <= position && position < extent.first) return extent.first;
  }
  return position;
}

uint64_t LogSpace::Contiguous(uint64_t position) const {
  uint64_t end = position;
  for (const Extent* at = Find(end); at != nullptr; at = Find(end)) {
    end = at->end;
    // Where the log resumed anew no record crosses.
    const Extent* next = Find(end);
    if (next != nullptr && at->header.end() != next->first) break;
  }
  return end - position;
}

absl::StatusOr<std::string_view> LogSpace::Read(uint64_t position, uint64_t bytes) {
  bool inside = position >= window_begin_ && position + bytes <= window_begin_ + window_bytes_;
  if (!inside) {
    uint64_t size = std::max(bytes, std::min(kWindowBytes, Contiguous(position)));
    window_.resize(size);
    window_bytes_ = 0;
    MORAINE_RETURN_IF_ERROR(Fill(position, size, window_.data()));
    window_begin_ = position;
    window_bytes_ = size;
  }
  return std::string_view(window_.data() + (position - window_begin_), bytes);
}

absl::Status LogSpace::Fill(uint64_t position, uint64_t bytes, char* to) {
  std::memset(to, 0, bytes);
  uint64_t end = position + bytes;
  while (position < end) {
    const Extent* extent = Find(position);
    if (extent == nullptr) return absl::OkStatus();
    uint64_t offset = position - extent->first;
    uint64_t stop = std::min(end, extent->end);
    uint64_t there = extent->file_bytes > offset ? extent->file_bytes - offset : 0;
    uint64_t size = std::min(stop - position, there);
    if (size > 0) {
      MORAINE_RETURN_IF_ERROR(
          io_.ReadFully(*extent->file, kLogSegmentHeaderBytes + offset, to, size));
    }
    to += stop - position;
    position = stop;
  }
  return absl::OkStatus();
}

uint64_t LogSpace::NextReadable(uint64_t position) const {
  for (const Extent& extent : extents_) {
    if (position < extent.end) return std::max(position, extent.first);
  }
  return kNowhere;
}

uint64_t LogSpace::VouchedAfter(uint64_t position) const {
  uint64_t vouched = 0;
  for (const Extent& extent : extents_) {
    if (extent.first > position) vouched = std::max(vouched, extent.header.durable_before);
  }
  return vouched;
}

std::string LogSpace::Place(uint64_t position) const {
  const Extent* extent = Find(position);
  if (extent == nullptr) {
    return absl::StrCat(directory_, ": log position ", position, " (no segment holds it)");
  }
  return absl::StrCat(extent->file->path(), ": offset ",
                      kLogSegmentHeaderBytes + (position - extent->first), " (log position ",
                      position, ")");
}

}  // namespace moraine
