// The log's positions as one readable space: segment files in order, each standing for the range
// from its first position to where the log left it. Joins what crosses from one file into the next
// and knows where the log resumed in a new file after a recovery.
#ifndef MORAINE_STORAGE_LOG_LOG_SPACE_H_
#define MORAINE_STORAGE_LOG_LOG_SPACE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/io/io.h"
#include "storage/log/log_options.h"
#include "storage/log/segment_format.h"

namespace moraine {

// One thread.
class LogSpace {
 public:
  // Opens the segments that can hold positions from `begin` on. DataLoss when files are there but
  // none of them holds or follows `begin`, or when a header is damaged.
  static absl::StatusOr<std::unique_ptr<LogSpace>> Open(Io& io, Directory& directory,
                                                        const LogOptions& options, uint64_t begin);

  // Where the log goes on after `position`: there, or in a segment that resumes after it.
  uint64_t Resume(uint64_t position) const;

  // How many bytes can be read from `position` on without a gap, across files.
  uint64_t Contiguous(uint64_t position) const;

  // The bytes [position, position + bytes), which Contiguous allows; valid until the next call.
  // Zeros where a file is shorter than its segment.
  absl::StatusOr<std::string_view> Read(uint64_t position, uint64_t bytes);

  // The first readable position at or after `position`; kNowhere when there is none.
  static constexpr uint64_t kNowhere = ~uint64_t{0};
  uint64_t NextReadable(uint64_t position) const;

  // The largest position that a segment beginning after `position` vouches for; 0 when there is
  // none.
  uint64_t VouchedAfter(uint64_t position) const;

  // "path: offset N" of a position, for messages.
  std::string Place(uint64_t position) const;

 private:
  struct Extent {
    uint64_t first = 0;
    uint64_t end = 0;         // where the log left the file
    uint64_t file_bytes = 0;  // log space that the file really has
    LogSegmentHeader header;
    std::unique_ptr<File> file;
  };

  LogSpace(Io& io, std::string directory) : io_(io), directory_(std::move(directory)) {}

  absl::Status OpenSegments(Directory& directory, const LogOptions& options, uint64_t begin);
  absl::Status OpenSegment(Directory& directory, const LogOptions& options, uint64_t first);
  absl::Status CheckBegin(uint64_t begin) const;
  const Extent* Find(uint64_t position) const;
  absl::Status Fill(uint64_t position, uint64_t bytes, char* to);

  Io& io_;
  const std::string directory_;
  std::vector<Extent> extents_;  // by position
  std::vector<char> window_;
  uint64_t window_begin_ = 0;
  uint64_t window_bytes_ = 0;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_LOG_LOG_SPACE_H_
