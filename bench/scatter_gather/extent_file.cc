// Writing the file once, block by block, and recognising its blocks afterwards.
#include "bench/scatter_gather/extent_file.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"

#include "bench/record_set.h"
#include "storage/base/status_macros.h"

namespace moraine::bench {
namespace {

constexpr size_t kWordsPerBlock = kBlockBytes / sizeof(uint64_t);
constexpr uint64_t kWriteBytes = uint64_t{1} << 20;

absl::Status FileError(const std::string& action, const std::string& path) {
  return absl::UnavailableError(action + " " + path + ": " + std::strerror(errno));
}

uint64_t CheckWord(uint64_t seed, uint64_t offset) { return Mix(seed ^ Mix(offset + 1)); }

void FillBlock(uint64_t seed, uint64_t offset, uint64_t* words) {
  RandomStream random(CheckWord(seed, offset));
  for (size_t index = 1; index + 1 < kWordsPerBlock; ++index) words[index] = random.Next();
  words[0] = offset;
  words[kWordsPerBlock - 1] = CheckWord(seed, offset);
}

uint64_t WordAt(const char* data) {
  uint64_t word = 0;
  std::memcpy(&word, data, sizeof(word));
  return word;
}

absl::Status WriteAll(int descriptor, const std::string& path, const char* data, size_t size,
                      uint64_t offset) {
  size_t done = 0;
  while (done < size) {
    const ssize_t wrote =
        pwrite(descriptor, data + done, size - done, static_cast<off_t>(offset + done));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return FileError("write", path);
    done += static_cast<size_t>(wrote);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<uint64_t> AffordableBytes(const std::string& directory, uint64_t wanted_bytes) {
  struct statvfs system {};
  if (statvfs(directory.c_str(), &system) != 0) return FileError("look at", directory);
  constexpr uint64_t kMebibyte = uint64_t{1} << 20;
  const uint64_t quarter = system.f_bavail * system.f_frsize / 4;
  const uint64_t bytes = std::min(wanted_bytes, quarter) / kMebibyte * kMebibyte;
  if (bytes == 0) {
    return absl::ResourceExhaustedError(directory +
                                        ": a quarter of what is free there is below 1 MiB; choose "
                                        "another with --directory");
  }
  return bytes;
}

absl::StatusOr<std::unique_ptr<ExtentFile>> ExtentFile::Create(const std::string& directory,
                                                               uint64_t bytes, uint64_t seed) {
  if (bytes == 0 || bytes % kBlockBytes != 0) {
    return absl::InvalidArgumentError("the file has to be some whole blocks of 4096 bytes");
  }
  std::unique_ptr<ExtentFile> file(new ExtentFile(directory, bytes, seed));
  MORAINE_RETURN_IF_ERROR(file->Fill());
  MORAINE_RETURN_IF_ERROR(file->OpenForReading());
  MORAINE_RETURN_IF_ERROR(file->DropFromCache());
  return file;
}

ExtentFile::~ExtentFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::Status ExtentFile::Fill() const {
  const int descriptor = open(path().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor < 0) return FileError("create", path());
  absl::Status status;
  std::vector<uint64_t> piece(kWriteBytes / sizeof(uint64_t));
  for (uint64_t begin = 0; begin < bytes_ && status.ok(); begin += kWriteBytes) {
    const uint64_t size = std::min(kWriteBytes, bytes_ - begin);
    for (uint64_t at = 0; at < size; at += kBlockBytes) {
      FillBlock(seed_, begin + at, &piece[at / sizeof(uint64_t)]);
    }
    status = WriteAll(descriptor, path(), reinterpret_cast<const char*>(piece.data()), size, begin);
  }
  if (status.ok() && fsync(descriptor) != 0) status = FileError("sync", path());
  close(descriptor);
  return status;
}

absl::Status ExtentFile::OpenForReading() {
  descriptor_ = open(path().c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC);
  direct_ = descriptor_ >= 0;
  if (!direct_ && errno == EINVAL) descriptor_ = open(path().c_str(), O_RDONLY | O_CLOEXEC);
  return descriptor_ >= 0 ? absl::OkStatus() : FileError("open", path());
}

absl::Status ExtentFile::DropFromCache() const {
  errno = posix_fadvise(descriptor_, 0, 0, POSIX_FADV_DONTNEED);
  return errno == 0 ? absl::OkStatus() : FileError("drop from the page cache", path());
}

absl::Status ExtentFile::Check(uint64_t offset, const char* data, size_t size) const {
  for (size_t at = 0; at < size; at += kBlockBytes) {
    const uint64_t first = WordAt(data + at);
    const uint64_t last = WordAt(data + at + kBlockBytes - sizeof(uint64_t));
    if (first == offset + at && last == CheckWord(seed_, offset + at)) continue;
    return absl::DataLossError(absl::StrFormat(
        "%s: wrong bytes at offset %u: begins with %016x instead of %016x, ends with %016x instead "
        "of %016x",
        path(), offset + at, first, offset + at, last, CheckWord(seed_, offset + at)));
  }
  return absl::OkStatus();
}

}  // namespace moraine::bench
