// Filling the buffer of an Input, and the larger bites out of it.
#include "tools/cli/input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "fmt/format.h"

namespace moraine::cli {
namespace {
constexpr size_t kBufferBytes = size_t{256} << 10;
}  // namespace

absl::StatusOr<std::unique_ptr<Input>> Input::Open(const std::string& path) {
  const bool standard = path == "-";
  const int descriptor = standard ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    const std::string message = fmt::format("{}: {}", path, std::strerror(errno));
    return errno == ENOENT ? absl::NotFoundError(message) : absl::UnavailableError(message);
  }
  struct stat info = {};
  const bool sized = ::fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode);
  return std::unique_ptr<Input>(new Input(descriptor, standard ? "standard input" : path,
                                          sized ? static_cast<uint64_t>(info.st_size) : 0));
}

Input::~Input() {
  if (descriptor_ != STDIN_FILENO) ::close(descriptor_);
}

bool Input::Fill() {
  filled_before_ += buffer_.size();
  position_ = 0;
  buffer_.resize(kBufferBytes);
  while (true) {
    const ssize_t got = ::read(descriptor_, buffer_.data(), buffer_.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      status_ = absl::UnavailableError(fmt::format("{}: reading: {}", name_, std::strerror(errno)));
    }
    buffer_.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return got > 0;
  }
}

bool Input::NextLine(std::string* line) {
  line->clear();
  if (Peek() == kEnd) return false;
  while (Peek() != kEnd) {
    const size_t end = buffer_.find('\n', position_);
    const size_t stop = std::min(end, buffer_.size());
    line->append(buffer_, position_, stop - position_);
    position_ = stop;
    if (end != std::string::npos) {
      ++position_;
      ++line_;
      return true;
    }
  }
  return true;
}

bool Input::NextBytes(size_t count, std::string* bytes) {
  bytes->clear();
  while (bytes->size() < count && Peek() != kEnd) {
    const size_t take = std::min(count - bytes->size(), buffer_.size() - position_);
    const std::string_view piece = std::string_view(buffer_).substr(position_, take);
    line_ += static_cast<uint64_t>(std::count(piece.begin(), piece.end(), '\n'));
    bytes->append(piece);
    position_ += take;
  }
  return bytes->size() == count;
}

void Input::Rest(std::string* bytes) {
  bytes->clear();
  while (Peek() != kEnd) {
    bytes->append(buffer_, position_, std::string::npos);
    position_ = buffer_.size();
  }
}

absl::Status Input::Malformed(uint64_t line, std::string_view what) const {
  return absl::InvalidArgumentError(fmt::format("{}: line {}: {}", name_, line, what));
}

}  // namespace moraine::cli
