// Opening, growing and shrinking data files.
#include "storage/segments/data_files.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "storage/base/check.h"
#include "storage/base/status_macros.h"

namespace moraine {

absl::Status DataFiles::Open(uint64_t end) {
  MORAINE_ASSIGN_OR_RETURN(const std::vector<std::string> names, directory_.List());
  // A process that died may have left names that are not durable.
  names_changed_ = !read_only_;
  for (const std::string& name : names) {
    const std::optional<uint64_t> number = ParseDataFileName(name);
    if (!number.has_value()) continue;
    if (*number < end) {
      MORAINE_RETURN_IF_ERROR(OpenOne(*number, /*create=*/false));
    } else if (!read_only_) {
      // Of a run after the checkpoint in use, or about to be removed when a run ended.
      MORAINE_RETURN_IF_ERROR(directory_.Remove(name));
    }
  }
  return absl::OkStatus();
}

absl::Status DataFiles::OpenOne(uint64_t number, bool create) {
  MORAINE_ASSIGN_OR_RETURN(
      std::unique_ptr<File> file,
      directory_.OpenFile(DataFileName(number),
                          {.create = create, .write = !read_only_, .direct = true}));
  MORAINE_ASSIGN_OR_RETURN(const uint64_t bytes, file->Size());
  if (files_.size() <= number) files_.resize(number + 1);
  DataFile& entry = files_[number];
  entry.segments = std::min(bytes / geometry_.segment_bytes, geometry_.segments_per_file());
  PublishFile(number, file.get());
  entry.file = std::move(file);
  return absl::OkStatus();
}

void DataFiles::PublishFile(uint64_t number, File* file) {
  // order: relaxed: only this side writes it
  Chunk* chunk = chunks_[number / kChunkFiles].load(std::memory_order_relaxed);
  if (chunk == nullptr) {
    chunk = owned_chunks_.emplace_back(std::make_unique<Chunk>()).get();
    // order: release -> DataFiles::Table [F1]
    chunks_[number / kChunkFiles].store(chunk, std::memory_order_release);
  }
  // order: release -> DataFiles::Table [F1]
  (*chunk)[number % kChunkFiles].store(file, std::memory_order_release);
}

absl::Status DataFiles::Grow(uint64_t number, uint64_t segments) {
  MORAINE_CHECK(!read_only_ && segments <= geometry_.segments_per_file());
  if (number >= kMostDataFiles) {
    return absl::ResourceExhaustedError(
        absl::StrCat(directory_.path(), ": all ", kMostDataFiles, " data files are in use"));
  }
  if (number >= files_.size() || files_[number].file == nullptr) {
    names_changed_ = true;
    MORAINE_RETURN_IF_ERROR(OpenOne(number, /*create=*/true));
  }
  DataFile& entry = files_[number];
  MORAINE_RETURN_IF_ERROR(entry.file->Allocate(segments * geometry_.segment_bytes));
  entry.segments = segments;
  entry.unsynced = true;
  return absl::OkStatus();
}

absl::Status DataFiles::Shrink(uint64_t number, uint64_t segments) {
  DataFile& entry = files_[number];
  if (entry.file == nullptr) return absl::OkStatus();
  MORAINE_RETURN_IF_ERROR(entry.file->Truncate(segments * geometry_.segment_bytes));
  entry.segments = segments;
  entry.unsynced = true;
  if (segments > 0) return absl::OkStatus();
  MORAINE_RETURN_IF_ERROR(directory_.Remove(DataFileName(number)));
  names_changed_ = true;
  PublishFile(number, nullptr);
  retired_.push_back(std::move(entry.file));
  entry = DataFile();
  while (!files_.empty() && files_.back().file == nullptr) files_.pop_back();
  return absl::OkStatus();
}

std::vector<std::unique_ptr<File>> DataFiles::TakeRetired() { return std::exchange(retired_, {}); }

std::vector<File*> DataFiles::TakeUnsynced(bool* names) {
  *names = std::exchange(names_changed_, false);
  std::vector<File*> unsynced;
  for (DataFile& entry : files_) {
    if (std::exchange(entry.unsynced, false)) unsynced.push_back(entry.file.get());
  }
  return unsynced;
}

std::string DataFiles::PathOf(uint64_t number) const {
  return absl::StrCat(directory_.path(), "/", DataFileName(number));
}

}  // namespace moraine
