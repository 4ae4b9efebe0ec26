// Real directories and files. Everything is reached through a held directory descriptor, so that a
// path renamed or replaced under a running database changes nothing, and every file is checked when
// opened: regular, one link, never through a symbolic link. What a hostile user can put into the
// directory is refused rather than followed.
//
// Progress: all of these are system calls and may block on the device. Any thread may call them.
#ifndef MORAINE_STORAGE_IO_FILE_SET_H_
#define MORAINE_STORAGE_IO_FILE_SET_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/io/io.h"

namespace moraine {

// A file descriptor with its path. Both real backends take their files as this type.
class SystemFile : public File {
 public:
  // Takes over `descriptor`.
  SystemFile(int descriptor, std::string path, bool direct)
      : descriptor_(descriptor), direct_(direct), path_(std::move(path)) {}
  ~SystemFile() override;
  SystemFile(const SystemFile&) = delete;
  SystemFile& operator=(const SystemFile&) = delete;

  const std::string& path() const override { return path_; }
  bool direct() const override { return direct_; }
  absl::StatusOr<uint64_t> Size() override;
  absl::Status Allocate(uint64_t bytes) override;
  absl::Status Truncate(uint64_t bytes) override;

  int descriptor() const { return descriptor_; }

 private:
  // Writes zeroes over [begin, end), so that the file system has written extents there and later
  // syncs need no journal write to convert them.
  absl::Status WriteZeroes(uint64_t begin, uint64_t end);

  const int descriptor_;
  const bool direct_;
  const std::string path_;
};

// The directory at `path`, made with mode 0700 when `create` and missing; its own name is then made
// durable in its parent. A symbolic link to a directory is followed here and only here: where the
// database lives is its administrator's choice.
absl::StatusOr<std::unique_ptr<Directory>> OpenSystemDirectory(const std::string& path,
                                                               bool create);

}  // namespace moraine

#endif  // MORAINE_STORAGE_IO_FILE_SET_H_
