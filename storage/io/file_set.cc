// System calls behind File and Directory: *at() calls on a held descriptor, checks by fstat on what
// was opened (never on a name, which could change in between).
#include "storage/io/file_set.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "storage/base/check.h"
#include "storage/base/status_macros.h"
#include "storage/io/io_error.h"

namespace moraine {
namespace {

constexpr mode_t kDirectoryMode = 0700;
constexpr mode_t kFileMode = 0600;
constexpr size_t kZeroBytes = size_t{1} << 20;

// Repeats a system call that a signal interrupted.
template <class Call>
auto Uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

constexpr uint64_t RoundDown(uint64_t value) { return value & ~uint64_t{kIoAlignment - 1}; }
constexpr uint64_t RoundUp(uint64_t value) { return RoundDown(value + kIoAlignment - 1); }

// Memory that direct transfers accept.
class AlignedBuffer {
 public:
  explicit AlignedBuffer(size_t size) : memory_(size + kIoAlignment, '\0') {}
  char* data() {
    const size_t past = reinterpret_cast<uintptr_t>(memory_.data()) % kIoAlignment;
    return memory_.data() + (past == 0 ? 0 : kIoAlignment - past);
  }

 private:
  std::vector<char> memory_;
};

// Only plain names: a separator would leave the directory.
absl::Status CheckName(std::string_view name, const std::string& directory) {
  if (name.empty() || name == "." || name == ".." ||
      name.find_first_of(std::string_view("/\0", 2)) != std::string_view::npos) {
    return absl::InvalidArgumentError("not a plain file name in " + directory + ": '" +
                                      std::string(name) + "'");
  }
  return absl::OkStatus();
}

absl::Status CheckOpened(int descriptor, const std::string& path) {
  struct stat status {};
  if (fstat(descriptor, &status) != 0) return SystemError(errno, "stat", path);
  if (!S_ISREG(status.st_mode)) {
    return absl::FailedPreconditionError("open " + path + ": not a regular file");
  }
  // Removed since it was opened: as if it had been before.
  if (status.st_nlink == 0) return SystemError(ENOENT, "open", path);
  if (status.st_nlink != 1) {
    return absl::FailedPreconditionError("open " + path + ": it has " +
                                         std::to_string(status.st_nlink) + " links instead of 1");
  }
  return absl::OkStatus();
}

// Whether direct transfers in units of kIoAlignment work. Some file systems accept O_DIRECT at open
// and refuse the transfer.
bool DirectTransfersWork(int descriptor) {
  AlignedBuffer memory(kIoAlignment);
  return Uninterrupted([&] { return pread(descriptor, memory.data(), kIoAlignment, 0); }) >= 0;
}

// The lock file: tells refused processes who holds it for as long as it is held.
class LockFile final : public SystemFile {
 public:
  using SystemFile::SystemFile;
  ~LockFile() override {
    // A lock file that names nobody is the cleanest sign of an orderly end; failing costs nothing.
    if (ftruncate(descriptor(), 0) != 0) return;
  }
};

// An open file description lock: unlike the older kind it also excludes a second open in the same
// process and is not lost when an unrelated descriptor of the file is closed.
int TakeLock(int descriptor) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  int result = Uninterrupted([&] { return fcntl(descriptor, F_OFD_SETLK, &lock); });
  if (result != 0 && errno == EINVAL) result = flock(descriptor, LOCK_EX | LOCK_NB);
  return result == 0 ? 0 : errno;
}

std::string HolderOf(int descriptor) {
  char text[16] = {};
  ssize_t size = Uninterrupted([&] { return pread(descriptor, text, sizeof(text), 0); });
  int holder = 0;
  if (size > 0 && std::from_chars(text, text + size, holder).ec == std::errc() && holder > 0) {
    return "process " + std::to_string(holder);
  }
  return "another process";
}

class SystemDirectory final : public Directory {
 public:
  SystemDirectory(int descriptor, std::string path)
      : descriptor_(descriptor), path_(std::move(path)) {}
  ~SystemDirectory() override { close(descriptor_); }
  SystemDirectory(const SystemDirectory&) = delete;
  SystemDirectory& operator=(const SystemDirectory&) = delete;

  const std::string& path() const override { return path_; }
  absl::StatusOr<std::unique_ptr<File>> OpenFile(std::string_view name,
                                                 const OpenFileOptions& options) override;
  absl::Status Remove(std::string_view name) override;
  absl::Status Rename(std::string_view from, std::string_view to) override;
  absl::StatusOr<std::vector<std::string>> List() override;
  absl::Status Sync() override;
  absl::StatusOr<std::unique_ptr<File>> Lock(std::string_view name) override;

 private:
  std::string PathOf(std::string_view name) const { return path_ + "/" + std::string(name); }
  // An open descriptor of a checked regular file.
  absl::StatusOr<int> OpenDescriptor(std::string_view name, int flags);

  const int descriptor_;
  const std::string path_;
};

absl::StatusOr<int> SystemDirectory::OpenDescriptor(std::string_view name, int flags) {
  const std::string path = PathOf(name);
  // O_NONBLOCK: opening a FIFO that somebody put there must not hang.
  const int all_flags = flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
  int descriptor = Uninterrupted(
      [&] { return openat(descriptor_, std::string(name).c_str(), all_flags, kFileMode); });
  if (descriptor < 0) return SystemError(errno, "open", path);
  absl::Status status = CheckOpened(descriptor, path);
  // Cleared again: io_uring would hand EAGAIN to the caller instead of waiting.
  if (status.ok() && fcntl(descriptor, F_SETFL, 0) != 0) {
    status = SystemError(errno, "set flags of", path);
  }
  if (!status.ok()) {
    close(descriptor);
    return status;
  }
  return descriptor;
}

absl::StatusOr<std::unique_ptr<File>> SystemDirectory::OpenFile(std::string_view name,
                                                                const OpenFileOptions& options) {
  MORAINE_RETURN_IF_ERROR(CheckName(name, path_));
  int flags = options.write ? O_RDWR : O_RDONLY;
  if (options.create) flags |= O_CREAT;
  if (options.create && options.exclusive) flags |= O_EXCL;
  MORAINE_ASSIGN_OR_RETURN(int descriptor, OpenDescriptor(name, flags));
  // Turned on after opening: a refusal then leaves a buffered file instead of a failed creation.
  bool direct = options.direct && fcntl(descriptor, F_SETFL, O_DIRECT) == 0;
  if (direct && !DirectTransfersWork(descriptor)) {
    direct = false;
    if (fcntl(descriptor, F_SETFL, 0) != 0) {
      absl::Status status = SystemError(errno, "set flags of", PathOf(name));
      close(descriptor);
      return status;
    }
  }
  return std::make_unique<SystemFile>(descriptor, PathOf(name), direct);
}

absl::Status SystemDirectory::Remove(std::string_view name) {
  MORAINE_RETURN_IF_ERROR(CheckName(name, path_));
  if (unlinkat(descriptor_, std::string(name).c_str(), 0) != 0) {
    return SystemError(errno, "remove", PathOf(name));
  }
  return absl::OkStatus();
}

absl::Status SystemDirectory::Rename(std::string_view from, std::string_view to) {
  MORAINE_RETURN_IF_ERROR(CheckName(from, path_));
  MORAINE_RETURN_IF_ERROR(CheckName(to, path_));
  if (renameat(descriptor_, std::string(from).c_str(), descriptor_, std::string(to).c_str()) != 0) {
    return SystemError(errno, "rename", PathOf(from) + " to " + std::string(to));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> SystemDirectory::List() {
  // A descriptor of its own: reading moves the offset that duplicates share.
  int descriptor = openat(descriptor_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return SystemError(errno, "open", path_);
  DIR* stream = fdopendir(descriptor);
  if (stream == nullptr) {
    absl::Status status = SystemError(errno, "list", path_);
    close(descriptor);
    return status;
  }
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(stream)) {
    std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  const int error_number = errno;
  closedir(stream);
  if (error_number != 0) return SystemError(error_number, "list", path_);
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status SystemDirectory::Sync() {
  if (Uninterrupted([&] { return fsync(descriptor_); }) != 0) {
    return SystemError(errno, "sync directory", path_);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<File>> SystemDirectory::Lock(std::string_view name) {
  MORAINE_RETURN_IF_ERROR(CheckName(name, path_));
  const std::string path = PathOf(name);
  MORAINE_ASSIGN_OR_RETURN(int descriptor, OpenDescriptor(name, O_RDWR | O_CREAT));
  const int error_number = TakeLock(descriptor);
  if (error_number == EAGAIN || error_number == EACCES || error_number == EWOULDBLOCK) {
    absl::Status refused =
        absl::FailedPreconditionError("lock " + path + ": held by " + HolderOf(descriptor));
    close(descriptor);
    return refused;
  }
  if (error_number != 0) {
    close(descriptor);
    return SystemError(error_number, "lock", path);
  }
  auto lock = std::make_unique<LockFile>(descriptor, path, /*direct=*/false);
  const std::string holder = std::to_string(getpid()) + "\n";
  // The name of the holder is a courtesy: on a full disk the lock is good without it.
  if (ftruncate(descriptor, 0) == 0 && pwrite(descriptor, holder.data(), holder.size(), 0) < 0 &&
      errno == EIO) {
    return SystemError(EIO, "write", path);
  }
  return lock;
}

// The name of a directory just made, made durable in its parent.
absl::Status SyncParent(const std::string& path) {
  std::string parent = path;
  while (parent.size() > 1 && parent.back() == '/') parent.pop_back();
  const size_t separator = parent.rfind('/');
  parent = separator == std::string::npos ? "." : parent.substr(0, separator + 1);
  int descriptor = open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return SystemError(errno, "open", parent);
  int result = Uninterrupted([&] { return fsync(descriptor); });
  absl::Status status =
      result == 0 ? absl::OkStatus() : SystemError(errno, "sync directory", parent);
  close(descriptor);
  return status;
}

}  // namespace

SystemFile::~SystemFile() { close(descriptor_); }

absl::StatusOr<uint64_t> SystemFile::Size() {
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) return SystemError(errno, "stat", path_);
  return static_cast<uint64_t>(status.st_size);
}

absl::Status SystemFile::Allocate(uint64_t bytes) {
  MORAINE_ASSIGN_OR_RETURN(const uint64_t old_size, Size());
  if (bytes > uint64_t{INT64_MAX}) return SystemError(EFBIG, "allocate", path_);
  const off_t wanted = static_cast<off_t>(bytes);
  int result = bytes == 0 ? 0 : Uninterrupted([&] { return fallocate(descriptor_, 0, 0, wanted); });
  if (result != 0 && (errno == EOPNOTSUPP || errno == ENOSYS)) {
    // Not every file system reserves; the zeroes below then do, from the old end on.
    result = old_size >= bytes ? 0 : ftruncate(descriptor_, wanted);
  }
  absl::Status status = result == 0 ? absl::OkStatus() : SystemError(errno, "allocate", path_);
  if (status.ok() && old_size < bytes) {
    // A direct file takes whole blocks only; the ragged ends read as zero anyway.
    const uint64_t begin = direct_ ? RoundUp(old_size) : old_size;
    status = WriteZeroes(begin, direct_ ? RoundDown(bytes) : bytes);
  }
  if (!status.ok()) {
    // Gives back what was taken: a full disk must not get fuller by trying.
    Truncate(old_size).IgnoreError();
  }
  return status;
}

absl::Status SystemFile::WriteZeroes(uint64_t begin, uint64_t end) {
  if (begin >= end) return absl::OkStatus();
  const size_t chunk_bytes = std::min<uint64_t>(kZeroBytes, RoundUp(end - begin));
  AlignedBuffer zeroes(chunk_bytes);
  while (begin < end) {
    const size_t size = std::min<uint64_t>(chunk_bytes, end - begin);
    ssize_t written = Uninterrupted(
        [&] { return pwrite(descriptor_, zeroes.data(), size, static_cast<off_t>(begin)); });
    if (written < 0) return SystemError(errno, "allocate", path_);
    // Nothing written and no error would repeat for ever.
    if (written == 0) return SystemError(ENOSPC, "allocate", path_);
    begin += static_cast<uint64_t>(written);
  }
  return absl::OkStatus();
}

absl::Status SystemFile::Truncate(uint64_t bytes) {
  if (bytes > uint64_t{INT64_MAX}) return SystemError(EFBIG, "truncate", path_);
  if (Uninterrupted([&] { return ftruncate(descriptor_, static_cast<off_t>(bytes)); }) != 0) {
    // The system says EINVAL for a descriptor that cannot be written.
    const int access = fcntl(descriptor_, F_GETFL) & O_ACCMODE;
    return SystemError(access == O_RDONLY ? EBADF : errno, "truncate", path_);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Directory>> OpenSystemDirectory(const std::string& path,
                                                               bool create) {
  if (create) {
    if (mkdir(path.c_str(), kDirectoryMode) == 0) {
      MORAINE_RETURN_IF_ERROR(SyncParent(path));
    } else if (errno != EEXIST) {
      return SystemError(errno, "create directory", path);
    }
  }
  int descriptor =
      Uninterrupted([&] { return open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (descriptor < 0) return SystemError(errno, "open directory", path);
  return std::make_unique<SystemDirectory>(descriptor, path);
}

}  // namespace moraine
