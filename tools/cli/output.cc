// The system calls behind Output and OutputFile.
#include "tools/cli/output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "fmt/format.h"

namespace moraine::cli {
namespace {

absl::Status FileError(std::string_view path, std::string_view action, int error) {
  const std::string message = fmt::format("{}: {}: {}", path, action, std::strerror(error));
  if (error == ENOSPC || error == EDQUOT) {
    return absl::ResourceExhaustedError(message + "; free some space and try again");
  }
  return absl::UnavailableError(message);
}

}  // namespace

void Output::FlushBuffer() {
  std::string_view rest = buffer_;
  while (!rest.empty() && !closed()) {
    const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EPIPE) {
      closed_ = true;
    } else if (errno != EINTR) {
      status_ = FileError(name_, "writing", errno);
    }
  }
  buffer_.clear();
}

absl::StatusOr<OutputFile> OutputFile::Create(const std::string& path) {
  struct stat info = {};
  const bool in_place = ::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode);
  const std::string partial = in_place ? "" : fmt::format("{}.partial.{}", path, ::getpid());
  const int flags = in_place ? O_WRONLY | O_CLOEXEC : O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
  const std::string& target = in_place ? path : partial;
  const int descriptor = ::open(target.c_str(), flags, 0666);
  if (descriptor < 0) return FileError(target, "opening for writing", errno);
  return OutputFile(descriptor, path, partial);
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::move(other.path_)),
      partial_(std::exchange(other.partial_, {})) {}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!partial_.empty()) ::unlink(partial_.c_str());
}

absl::Status OutputFile::Commit() {
  if (!partial_.empty() && ::fsync(descriptor_) != 0) return FileError(path_, "syncing", errno);
  if (::close(std::exchange(descriptor_, -1)) != 0) return FileError(path_, "closing", errno);
  if (!partial_.empty()) {
    if (std::rename(partial_.c_str(), path_.c_str()) != 0) {
      return FileError(path_, "renaming the finished file", errno);
    }
    partial_.clear();
  }
  return absl::OkStatus();
}

}  // namespace moraine::cli
