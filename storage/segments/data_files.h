// The files of the store: found without a lock, made, grown and shrunk under the store's.
// Invariants
//   F1 a file is in the table only while it can be read, and complete before it gets there.
//   F2 a file that is removed leaves the table first; its handle is handed out by TakeRetired, to be
//      closed when every read begun before has ended (read_leases.h).
// Publication: PublishFile releases a file, Find acquires it [F1].
#ifndef MORAINE_STORAGE_SEGMENTS_DATA_FILES_H_
#define MORAINE_STORAGE_SEGMENTS_DATA_FILES_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"

#include "storage/io/io.h"
#include "storage/segments/segment_format.h"
#include "storage/sync/atomic.h"

namespace moraine {

// Find: any thread, wait-free. Everything else: one thread at a time.
class DataFiles {
 public:
  DataFiles(Directory& directory, const SegmentGeometry& geometry, bool read_only)
      : directory_(directory), geometry_(geometry), read_only_(read_only) {}

  // Opens the files with numbers below `end` that are there, and removes all others.
  absl::Status Open(uint64_t end);

  // The end of the numbers in use; a number below it may be without a file.
  uint64_t end() const { return files_.size(); }
  uint64_t SegmentsIn(uint64_t number) const {
    return number < files_.size() ? files_[number].segments : 0;
  }
  // Null when there is no such file.
  File* Find(uint64_t number) const {
    if (number >= kMostDataFiles) return nullptr;
    // order: acquire <- DataFiles::Table [F1]
    const Chunk* chunk = chunks_[number / kChunkFiles].load(std::memory_order_acquire);
    if (chunk == nullptr) return nullptr;
    // order: acquire <- DataFiles::Table [F1]
    return (*chunk)[number % kChunkFiles].load(std::memory_order_acquire);
  }

  // Makes room for `segments` segments in file `number`, which is made when it is missing.
  // ResourceExhausted when the disk is full; nothing has changed then.
  absl::Status Grow(uint64_t number, uint64_t segments);
  // Cuts the file down, or removes it when no segment is left.
  absl::Status Shrink(uint64_t number, uint64_t segments);
  bool has_retired() const { return !retired_.empty(); }
  std::vector<std::unique_ptr<File>> TakeRetired();

  void MarkWritten(uint64_t number) { files_[number].unsynced = true; }
  // The files written or grown since the last call; *names: whether the directory changed as well.
  std::vector<File*> TakeUnsynced(bool* names);

  std::string PathOf(uint64_t number) const;

 private:
  static constexpr size_t kChunkFiles = 256;
  using Chunk = std::array<Atomic<File*>, kChunkFiles>;
  struct DataFile {
    std::unique_ptr<File> file;
    uint64_t segments = 0;
    bool unsynced = false;
  };

  absl::Status OpenOne(uint64_t number, bool create);
  void PublishFile(uint64_t number, File* file);

  Directory& directory_;
  const SegmentGeometry geometry_;
  const bool read_only_;
  std::vector<DataFile> files_;
  std::vector<std::unique_ptr<File>> retired_;
  bool names_changed_ = false;
  std::array<Atomic<Chunk*>, kMostDataFiles / kChunkFiles> chunks_;
  std::vector<std::unique_ptr<Chunk>> owned_chunks_;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_SEGMENTS_DATA_FILES_H_
