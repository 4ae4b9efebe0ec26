// stat, posix_fadvise, syncfs and /proc/diskstats.
#include "bench/cold/data_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include "storage/base/status_macros.h"

namespace moraine::bench {
namespace {

constexpr uint64_t kSectorBytes = 512;  // of /proc/diskstats and st_blocks, whatever the device has

// Path and stat of every regular file below `directory`.
std::vector<std::pair<std::string, struct stat>> FilesBelow(const std::string& directory) {
  std::vector<std::pair<std::string, struct stat>> files;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator at(directory, error), end; !error && at != end;
       at.increment(error)) {
    struct stat found {};
    const std::string path = at->path().string();
    if (lstat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode)) files.emplace_back(path, found);
  }
  return files;
}

absl::Status FileError(const std::string& action, const std::string& path) {
  return absl::UnavailableError(action + " " + path + ": " + std::strerror(errno));
}

// Opens `path` for reading, does `work` with the descriptor; `work` returns 0 or -1 with errno.
template <class Work>
absl::Status WithDescriptor(const std::string& action, const std::string& path, Work work) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return FileError("open", path);
  const absl::Status status = work(descriptor) == 0 ? absl::OkStatus() : FileError(action, path);
  close(descriptor);
  return status;
}

}  // namespace

uint64_t OccupiedBytes(const std::string& directory) {
  uint64_t bytes = 0;
  for (const auto& [path, found] : FilesBelow(directory)) {
    bytes += static_cast<uint64_t>(found.st_blocks) * kSectorBytes;
  }
  return bytes;
}

std::vector<std::string> FilesOfAtLeast(const std::string& directory, uint64_t least_bytes) {
  std::vector<std::pair<uint64_t, std::string>> found_files;
  for (const auto& [path, found] : FilesBelow(directory)) {
    // By space, not length: a hole is not read from the device.
    const uint64_t bytes = static_cast<uint64_t>(found.st_blocks) * kSectorBytes;
    if (bytes >= least_bytes) found_files.emplace_back(bytes, path);
  }
  std::sort(found_files.rbegin(), found_files.rend());
  std::vector<std::string> paths;
  for (auto& [bytes, path] : found_files) paths.push_back(std::move(path));
  return paths;
}

absl::Status DropPageCache(const std::string& directory) {
  for (const auto& [path, found] : FilesBelow(directory)) {
    MORAINE_RETURN_IF_ERROR(WithDescriptor("drop", path, [](int descriptor) {
      if (fdatasync(descriptor) != 0) return -1;  // what is not written cannot be dropped
      errno = posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
      return errno == 0 ? 0 : -1;
    }));
  }
  return absl::OkStatus();
}

absl::Status SyncFileSystem(const std::string& directory) {
  return WithDescriptor("sync", directory, [](int descriptor) { return syncfs(descriptor); });
}

DeviceCounters ParseDiskStats(const std::string& text, unsigned major, unsigned minor) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    // major minor name reads merged sectors ms writes merged sectors ...
    std::istringstream fields(line);
    unsigned major_number = 0;
    unsigned minor_number = 0;
    std::string name;
    uint64_t values[7] = {};
    fields >> major_number >> minor_number >> name;
    for (uint64_t& value : values) fields >> value;
    if (!fields || major_number != major || minor_number != minor) continue;
    return {.reads = values[0],
            .read_bytes = values[2] * kSectorBytes,
            .writes = values[4],
            .written_bytes = values[6] * kSectorBytes};
  }
  return {};
}

DeviceCounters ReadDeviceCounters(const std::string& directory) {
  struct stat found {};
  if (stat(directory.c_str(), &found) != 0) return {};
  std::stringstream text;
  text << std::ifstream("/proc/diskstats").rdbuf();
  return ParseDiskStats(text.str(), major(found.st_dev), minor(found.st_dev));
}

}  // namespace moraine::bench
