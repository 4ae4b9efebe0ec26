// The file that every method reads: incompressible blocks, each of which says where it lies, so
// that a read of the wrong place, a short one or one that never happened is noticed for the price
// of looking at two words.
//   block  4096 bytes   [0..8) its offset in the file   [8..4088) random   [4088..4096) check word
#ifndef MORAINE_BENCH_SCATTER_GATHER_EXTENT_FILE_H_
#define MORAINE_BENCH_SCATTER_GATHER_EXTENT_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace moraine::bench {

// Unit of the file's contents, and of the alignment that direct reads need.
inline constexpr uint64_t kBlockBytes = 4096;

// How large a file in `directory` may be: `wanted_bytes`, but at most a quarter of what is free
// there, in whole MiB. The caller says so when it is less.
absl::StatusOr<uint64_t> AffordableBytes(const std::string& directory, uint64_t wanted_bytes);

// Immutable after Create; any thread.
class ExtentFile {
 public:
  // Writes the file into `directory` (which must be its own: the name is fixed), makes it durable
  // and drops it from the page cache. `bytes`: a multiple of kBlockBytes.
  static absl::StatusOr<std::unique_ptr<ExtentFile>> Create(const std::string& directory,
                                                            uint64_t bytes, uint64_t seed);
  ~ExtentFile();
  ExtentFile(const ExtentFile&) = delete;
  ExtentFile& operator=(const ExtentFile&) = delete;

  const std::string& directory() const { return directory_; }
  static constexpr const char* kName = "extents";
  std::string path() const { return directory_ + "/" + kName; }
  uint64_t bytes() const { return bytes_; }
  int descriptor() const { return descriptor_; }  // for reading
  // Whether reads bypass the page cache; false where the file system knows no such reads.
  bool direct() const { return direct_; }

  // DataLoss unless `data` is what was written to [offset, offset + size).
  absl::Status Check(uint64_t offset, const char* data, size_t size) const;
  // Forgets what the page cache holds of the file; direct reads do not look there anyway.
  absl::Status DropFromCache() const;

 private:
  ExtentFile(std::string directory, uint64_t bytes, uint64_t seed)
      : directory_(std::move(directory)), bytes_(bytes), seed_(seed) {}
  absl::Status Fill() const;
  absl::Status OpenForReading();

  const std::string directory_;
  const uint64_t bytes_;
  const uint64_t seed_;
  int descriptor_ = -1;
  bool direct_ = false;
};

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_SCATTER_GATHER_EXTENT_FILE_H_
