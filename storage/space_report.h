// What a database says about the space it takes, and how far a compaction is.
#ifndef MORAINE_STORAGE_SPACE_REPORT_H_
#define MORAINE_STORAGE_SPACE_REPORT_H_

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace moraine {

inline constexpr size_t kSpaceTenths = 10;

// The segments of one stream that hold something alive.
struct SpaceOfStream {
  std::string_view name;
  uint64_t segments = 0;
  uint64_t used_bytes = 0;  // written, headers and gaps included
  uint64_t live_bytes = 0;
  // By how much of the segment is alive: up to a tenth, up to two tenths, and so on.
  std::array<uint64_t, kSpaceTenths> by_live{};
};

struct SpaceReport {
  uint64_t segment_bytes = 0;  // of each
  uint64_t file_bytes = 0;     // of the data files
  uint64_t segments = 0;       // in use
  uint64_t free_segments = 0;
  // Of those in use: with nothing alive, waiting for a checkpoint, or for reads under way to end.
  uint64_t dead_segments = 0;
  uint64_t live_bytes = 0;
  uint64_t log_bytes = 0;  // of the log's files
  std::vector<SpaceOfStream> streams;
  // What keeps old versions in pages: snapshots, the oldest of which reads as of a position.
  uint64_t snapshots = 0;
  uint64_t oldest_snapshot = 0;
  uint64_t log_tail = 0;
  // Since opening.
  uint64_t appended_bytes = 0;  // pieces, moved ones included
  uint64_t device_bytes = 0;
  uint64_t moved_bytes = 0;
  uint64_t segments_cleaned = 0;
  uint64_t releases = 0;  // checkpoints written to free segments
  double fill_wanted = 0;
};

// Counts pages to be written whole and segments to be cleaned; `all` is an estimate.
struct CompactProgress {
  uint64_t done = 0;
  uint64_t all = 0;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_SPACE_REPORT_H_
