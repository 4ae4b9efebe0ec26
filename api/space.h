// Where the space of a database goes, and how far a compaction is.
#ifndef MORAINE_API_SPACE_H_
#define MORAINE_API_SPACE_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <moraine/namespace.h>

namespace moraine::MORAINE_V1 {

// Pages are written in pieces to segments of equal size; pieces that die together share a stream.
struct StreamSpace {
  std::string name;  // fragments, hot, warm, cold, table, large
  uint64_t segments = 0;
  uint64_t used_bytes = 0;  // written, headers and gaps included
  uint64_t live_bytes = 0;  // what pages name
  // How many segments are alive by up to a tenth, by up to two tenths, and so on.
  std::array<uint64_t, 10> by_live{};
};

struct Space {
  uint64_t segment_bytes = 0;  // of each
  uint64_t file_bytes = 0;     // of the data files
  uint64_t log_bytes = 0;      // of the log's files
  uint64_t live_bytes = 0;     // compressed, as stored
  uint64_t segments = 0;       // in use
  uint64_t free_segments = 0;  // within the files
  uint64_t dead_segments = 0;  // of those in use: with nothing alive, free before long
  std::vector<StreamSpace> streams;
  // Snapshots keep old versions of records: those since the position of the oldest one.
  uint64_t snapshots = 0;
  uint64_t oldest_snapshot = 0;  // commit position; log_tail when there is none
  uint64_t log_tail = 0;
  // Since the database was opened.
  uint64_t appended_bytes = 0;  // pieces, moved ones included
  uint64_t device_bytes = 0;    // the same as the device saw it
  uint64_t moved_bytes = 0;     // copied to empty segments
  uint64_t segments_cleaned = 0;
  uint64_t releases = 0;   // checkpoints written only to free segments
  double fill_wanted = 0;  // Options::space_fill

  // One JSON object with "schema":1 and a member per field of the same name.
  std::string ToJson() const;
};

// Counts pages to be written and segments to be emptied; `all` is an estimate.
struct CompactionProgress {
  uint64_t done = 0;
  uint64_t all = 0;
};

}  // namespace moraine::MORAINE_V1

#endif  // MORAINE_API_SPACE_H_
