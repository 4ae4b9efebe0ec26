// A checkpoint file: the leaves of all trees as a reader at one position sees them, whole pages, in
// tree and key order. Reopening loads it and replays the log from there.
//   header (64 bytes)  magic "moraineC", u32 format version, u32 zero, u64 id high, u64 id low,
//                      u64 position, u64 replay from, 12 zero bytes, u32 checksum of what is before
//   frame              u32 block bytes, u32 tree, u32 checksum, u32 zero, then the block (block.h),
//                      a multiple of 8
//   end frame          u32 zero, u32 0xffffffff, u32 checksum, u32 zero, u64 number of frames
// Checksums are CRC32C salted with the database, the position and the offset of what they cover
// (frames: over size, tree and block). Little endian. A file without its end frame never got its
// name.
#ifndef MORAINE_STORAGE_CHECKPOINT_H_
#define MORAINE_STORAGE_CHECKPOINT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/base/checksum.h"
#include "storage/base/ids.h"
#include "storage/io/io.h"

namespace moraine {

struct CheckpointHeader {
  Lsn position;  // holds exactly the versions with a smaller timestamp
  Lsn replay_from;  // where the log must be read from: chunks of later commits may begin before the position
};

// Writes one file. Not thread-safe.
class CheckpointWriter {
 public:
  static absl::StatusOr<std::unique_ptr<CheckpointWriter>> Create(Io& io, Directory& directory,
                                                                  const DatabaseId& id,
                                                                  const CheckpointHeader& header);
  absl::Status Add(TreeId tree, std::string_view block);
  // Ends the file and makes its content durable, still under a temporary name.
  absl::Status Finish();
  // Gives it its name, durably. From now on recovery begins here.
  absl::Status Publish();
  uint64_t bytes() const { return written_bytes_ + buffer_.size(); }

 private:
  CheckpointWriter(Io& io, Directory& directory, const DatabaseId& id,
                   const CheckpointHeader& header)
      : io_(io), directory_(directory), id_(id), header_(header) {}
  absl::Status AddFrame(TreeId tree, std::string_view block, uint64_t size);
  absl::Status WriteBuffer();

  Io& io_;
  Directory& directory_;
  const DatabaseId id_;
  const CheckpointHeader header_;
  std::unique_ptr<File> file_;
  std::string buffer_;
  uint64_t written_bytes_ = 0;
  uint64_t frame_count_ = 0;
};

// Reads one file back, trusting nothing: DataLoss names file, offset, expected and found.
class CheckpointReader {
 public:
  static absl::StatusOr<std::unique_ptr<CheckpointReader>> Open(Io& io, Directory& directory,
                                                                const DatabaseId& id, Lsn position);
  const CheckpointHeader& header() const { return header_; }
  // True and the next frame, whose block is valid until the next call; false after the end frame.
  absl::StatusOr<bool> Next(TreeId* tree, std::string_view* block);
  uint64_t frame_count() const { return frame_count_; }
  uint64_t bytes() const { return size_bytes_; }

 private:
  CheckpointReader(Io& io, const DatabaseId& id) : io_(io), id_(id) {}
  absl::Status ReadHeader(Lsn position);
  absl::StatusOr<std::string_view> Read(uint64_t count);
  absl::Status Damaged(uint64_t offset, std::string what) const;

  Io& io_;
  const DatabaseId id_;
  CheckpointHeader header_;
  std::unique_ptr<File> file_;
  uint64_t size_bytes_ = 0;
  std::string window_;  // file bytes from window_begin_ on
  uint64_t window_begin_ = 0;
  uint64_t offset_ = 0;  // of the next byte to be read
  uint64_t frame_count_ = 0;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_CHECKPOINT_H_
