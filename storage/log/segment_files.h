// The files under the log: which file holds which position, making the next one before it is
// needed, and recycling those that a checkpoint has made needless.
//
// A new file is filled under another name and renamed once its header is durable, so a segment
// either exists whole or not at all. Recycling is two renames with a new header in between; what an
// old file still holds can never pass for new records, since a record names its own position and a
// file offset stands for another position under every name the file ever had.
// Opening after recovery always begins a new file. Whatever an interrupted run wrote behind the end
// that recovery found lies beyond the new file's resumes_after, where no reader looks again.
#ifndef MORAINE_STORAGE_LOG_SEGMENT_FILES_H_
#define MORAINE_STORAGE_LOG_SEGMENT_FILES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/io/io.h"
#include "storage/log/log_options.h"
#include "storage/log/segment_format.h"
#include "storage/sync/mutex.h"

namespace moraine {

// Part of a write: `bytes` from `position` on belong at `offset` of `file`.
struct LogPiece {
  File* file = nullptr;
  uint64_t offset = 0;
  uint64_t position = 0;
  uint64_t bytes = 0;
};

// Any thread; a lock is held while files are made, renamed or removed.
class LogSegmentFiles {
 public:
  // Takes over what recovery left: makes the older segments durable, removes files that an
  // interrupted run prepared beyond `resumes_after`, and begins a segment at the next multiple of
  // kIoAlignment (see begin()). Segments from there on are new.
  static absl::StatusOr<std::unique_ptr<LogSegmentFiles>> Open(Io& io, Directory& directory,
                                                               const LogOptions& options,
                                                               uint64_t resumes_after);

  uint64_t begin() const { return begin_; }

  // The pieces of [position, position + bytes), making new segments where there are none yet;
  // `durable_before` is what such a segment may vouch for. Files stay open until Truncate passes
  // them. ResourceExhausted when the disk is full.
  absl::Status Locate(uint64_t position, uint64_t bytes, uint64_t durable_before,
                      std::vector<LogPiece>* pieces);

  // Makes the segment after the one that holds `position` when more than half of that is used. A
  // full disk is no error yet: Locate tries again when the segment is really needed.
  absl::Status PrepareNext(uint64_t position, uint64_t durable_before);

  // Recycles or removes segments that end at or below `position`, all of which is durable.
  absl::Status Truncate(uint64_t position);

  uint64_t count() const;

 private:
  struct Segment {
    uint64_t first = 0;
    uint64_t end = 0;
    std::unique_ptr<File> file;  // null: of an earlier run, never written again
  };

  LogSegmentFiles(Io& io, Directory& directory, const LogOptions& options)
      : io_(io), directory_(directory), options_(options) {}

  absl::Status AdoptOld(uint64_t resumes_after, uint64_t* vouched);
  absl::Status SyncOld();
  absl::Status ShrinkLastOld();
  absl::Status Begin(uint64_t resumes_after);
  absl::Status Append(uint64_t first, uint64_t resumes_after, uint64_t durable_before);
  absl::StatusOr<std::unique_ptr<File>> MakeFile();
  absl::Status Retire(const Segment& segment);

  Io& io_;
  Directory& directory_;
  const LogOptions options_;
  uint64_t begin_ = 0;

  mutable Mutex mutex_;  // guards what follows
  std::vector<Segment> segments_;
  std::vector<std::string> spares_;  // recyclable files of segment_bytes
  uint64_t spare_count_ = 0;         // names given out so far
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_LOG_SEGMENT_FILES_H_
