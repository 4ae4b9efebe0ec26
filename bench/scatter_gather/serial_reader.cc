// Reads the fragments of a page by one pread each, in the order in which they are asked for.
#include "bench/scatter_gather/serial_reader.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "storage/base/status_macros.h"

namespace moraine::bench {
namespace {

class SerialReader final : public PageReader {
 public:
  explicit SerialReader(const ReadSettings& settings) : PageReader(settings) {}

  absl::Status Read(std::span<const uint64_t> offsets) override {
    for (size_t index = 0; index < offsets.size(); ++index) {
      MORAINE_RETURN_IF_ERROR(ReadOne(offsets[index], fragment(index)));
    }
    return absl::OkStatus();
  }

  uint64_t submissions() const override { return submissions_; }

 private:
  absl::Status ReadOne(uint64_t offset, char* to) {
    while (true) {
      ++submissions_;
      const ssize_t got = pread(settings_.file->descriptor(), to, settings_.fragment_bytes,
                                static_cast<off_t>(offset));
      if (got == static_cast<ssize_t>(settings_.fragment_bytes)) return absl::OkStatus();
      if (got < 0 && errno == EINTR) continue;
      return absl::UnavailableError(settings_.file->path() + ": pread at " +
                                    std::to_string(offset) + ": " +
                                    (got < 0 ? std::strerror(errno) : "short"));
    }
  }

  uint64_t submissions_ = 0;
};

class SerialMethod final : public ReadMethod {
 public:
  explicit SerialMethod(const ReadSettings& settings) : settings_(settings) {}
  absl::StatusOr<std::unique_ptr<PageReader>> NewReader() override {
    return std::make_unique<SerialReader>(settings_);
  }

 private:
  const ReadSettings settings_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ReadMethod>> OpenSerialPread(const ReadSettings& settings) {
  return std::make_unique<SerialMethod>(settings);
}

}  // namespace moraine::bench
