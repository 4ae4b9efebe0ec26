// Standard output and files, written in large pieces. When the reader of a pipe goes away (as
// `head` does), writing becomes silent and closed() true, so that a command can stop early and in
// order; any other failure is an error.
#ifndef MORAINE_TOOLS_CLI_OUTPUT_H_
#define MORAINE_TOOLS_CLI_OUTPUT_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace moraine::cli {

class Output {
 public:
  // Writes to an open file descriptor, which stays the caller's; `name` is for messages.
  Output(int descriptor, std::string name) : descriptor_(descriptor), name_(std::move(name)) {}

  void Write(std::string_view bytes) {
    buffer_.append(bytes);
    if (buffer_.size() >= kBufferBytes) FlushBuffer();
  }
  void WriteLine(std::string_view line) {
    Write(line);
    Write("\n");
  }
  // Hands over what is buffered; the first error since the beginning, if any.
  absl::Status Flush() {
    FlushBuffer();
    return status_;
  }
  // Nobody reads any more, or writing failed: there is no use in going on.
  bool closed() const { return closed_ || !status_.ok(); }

 private:
  static constexpr size_t kBufferBytes = size_t{64} << 10;

  void FlushBuffer();

  int descriptor_;
  std::string name_;
  std::string buffer_;
  bool closed_ = false;
  absl::Status status_;
};

// A file that appears whole or not at all: written beside its place, synced, then renamed. What is
// not a regular file (a pipe, a terminal) is written directly.
class OutputFile {
 public:
  static absl::StatusOr<OutputFile> Create(const std::string& path);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();  // removes what was not committed

  int descriptor() const { return descriptor_; }
  absl::Status Commit();

 private:
  OutputFile(int descriptor, std::string path, std::string partial)
      : descriptor_(descriptor), path_(std::move(path)), partial_(std::move(partial)) {}

  int descriptor_;
  std::string path_;
  std::string partial_;  // empty: written in place
};

}  // namespace moraine::cli

#endif  // MORAINE_TOOLS_CLI_OUTPUT_H_
