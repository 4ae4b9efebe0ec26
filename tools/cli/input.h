// A file or standard input read in large pieces, byte by byte for the parsers above it.
#ifndef MORAINE_TOOLS_CLI_INPUT_H_
#define MORAINE_TOOLS_CLI_INPUT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace moraine::cli {

class Input {
 public:
  static constexpr int kEnd = -1;

  // "-" is standard input.
  static absl::StatusOr<std::unique_ptr<Input>> Open(const std::string& path);
  ~Input();
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  // The next byte as 0..255, or kEnd at the end and after an error (see status()).
  int Next() {
    if (position_ == buffer_.size() && !Fill()) return kEnd;
    const char c = buffer_[position_++];
    if (c == '\n') ++line_;
    return static_cast<unsigned char>(c);
  }
  int Peek() {
    if (position_ == buffer_.size() && !Fill()) return kEnd;
    return static_cast<unsigned char>(buffer_[position_]);
  }
  // The bytes up to a newline, which is consumed but not returned; false at the end.
  bool NextLine(std::string* line);
  // Exactly `count` bytes; false when fewer are left.
  bool NextBytes(size_t count, std::string* bytes);
  // Everything that is left.
  void Rest(std::string* bytes);

  const absl::Status& status() const { return status_; }
  uint64_t line() const { return line_; }  // of the next byte, from 1
  uint64_t offset() const { return filled_before_ + position_; }
  uint64_t size() const { return size_; }  // 0: not known, as for a pipe
  const std::string& name() const { return name_; }
  // InvalidArgument "NAME: line N: WHAT".
  absl::Status Malformed(uint64_t line, std::string_view what) const;

 private:
  Input(int descriptor, std::string name, uint64_t size)
      : descriptor_(descriptor), name_(std::move(name)), size_(size) {}

  bool Fill();

  int descriptor_;
  std::string name_;
  uint64_t size_;
  std::string buffer_;
  size_t position_ = 0;
  uint64_t filled_before_ = 0;  // bytes of earlier fillings of the buffer
  uint64_t line_ = 1;
  absl::Status status_;
};

}  // namespace moraine::cli

#endif  // MORAINE_TOOLS_CLI_INPUT_H_
