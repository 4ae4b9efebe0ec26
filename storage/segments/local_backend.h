// Segments as files of one directory, each named like its segment; the head is a file of its own,
// replaced by renaming. Files are read and written through the page cache: what lies here are values
// of any length at any offset, and whoever reads a value that was just written should not wait for a
// device.
#ifndef MORAINE_STORAGE_SEGMENTS_LOCAL_BACKEND_H_
#define MORAINE_STORAGE_SEGMENTS_LOCAL_BACKEND_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/io/io.h"
#include "storage/segments/segment_backend.h"
#include "storage/sync/mutex.h"

namespace moraine {

// `io` and `directory` are borrowed and outlive everything made here. One LocalBackend at a time may
// replace a directory's head: the owner holds the directory's lock.
class LocalBackend final : public SegmentBackend {
 public:
  LocalBackend(Io& io, Directory& directory) : io_(io), directory_(directory) {}

  absl::StatusOr<std::unique_ptr<SegmentWriter>> Create(std::string_view name) override;
  absl::StatusOr<std::shared_ptr<const SegmentReader>> Open(std::string_view name) override;
  absl::StatusOr<std::vector<std::string>> List(std::string_view prefix) override;
  absl::Status Delete(std::string_view name) override;
  void Read(std::span<SegmentRead> reads) override;
  absl::StatusOr<SegmentHead> ReadHead() override;
  absl::StatusOr<uint64_t> ReplaceHead(uint64_t expected_version, std::string_view bytes) override;

 private:
  absl::StatusOr<std::unique_ptr<IoQueue>> BorrowQueue();
  void GiveBack(std::unique_ptr<IoQueue> queue);
  absl::StatusOr<SegmentHead> ReadHeadLocked();

  Io& io_;
  Directory& directory_;
  Mutex queue_mutex_;
  std::vector<std::unique_ptr<IoQueue>> idle_queues_;
  Mutex head_mutex_;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_SEGMENTS_LOCAL_BACKEND_H_
