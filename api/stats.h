// What a database says about itself: sizes and counters, and the findings of a verification.
#ifndef MORAINE_API_STATS_H_
#define MORAINE_API_STATS_H_

#include <cstdint>
#include <string>
#include <vector>

#include <moraine/namespace.h>

namespace moraine::MORAINE_V1 {

struct Stats {
  uint64_t records = 0;  // keys present, in all trees
  uint64_t trees = 0;
  uint64_t pages = 0;
  uint64_t inner_pages = 0;    // of pages: those that only route
  uint64_t bytes_user = 0;     // of all keys and values
  uint64_t bytes_live = 0;     // of pages in memory
  uint64_t bytes_on_disk = 0;  // of all files
  uint64_t log_segments = 0;   // files of the log
  uint64_t memory_bytes = 0;   // charged to the budget
  uint64_t memory_limit_bytes = 0;
  uint64_t log_tail = 0;          // commit position: where the next write goes
  uint64_t log_stable = 0;        // all before is durable
  uint64_t log_device_bytes = 0;  // written since open
  uint64_t log_device_writes = 0;
  uint64_t log_device_syncs = 0;
  uint64_t data_segments = 0;        // of the segment store, in use
  uint64_t data_file_bytes = 0;      // of its files
  uint64_t data_live_bytes = 0;      // of pieces that pages name
  uint64_t data_appended_bytes = 0;  // pieces written since open
  uint64_t data_device_bytes = 0;    // the same as the device saw it
  uint64_t pages_loaded = 0;         // from disk, since open
  uint64_t pieces_loaded = 0;        // their bases and fragments
  uint64_t load_submissions = 0;     // system calls that asked for them
  uint64_t load_bytes = 0;
  uint64_t pages_flushed = 0;  // written, since open
  uint64_t fragments_flushed = 0;
  uint64_t bases_flushed = 0;
  uint64_t pages_evicted = 0;
  uint64_t pages_on_disk = 0;      // that were ever written
  uint64_t pieces_on_disk = 0;     // what gathering all of them would read
  uint64_t segments_cleaned = 0;   // since open
  uint64_t bytes_moved = 0;        // copied by cleaning; part of data_appended_bytes
  uint64_t pages_rewritten = 0;    // written whole by cleaning
  uint64_t snapshots = 0;          // alive
  uint64_t recovered_records = 0;  // replayed from the log at open
  double recovery_seconds = 0;
  uint64_t checkpoint_position = 0;
  uint32_t format_version = 0;
  std::string io_backend;
  std::string io_fallback_reason;  // empty when the preferred backend is in use

  // One JSON object with "schema":1 and a member per field of the same name.
  std::string ToJson() const;
};

struct VerifyFinding {
  std::string where;  // tree, page, key, or file and offset
  std::string what;
};

// The counts are of what was checked, the catalog of trees included.
struct VerifyReport {
  uint64_t pages = 0;
  uint64_t records = 0;  // in the bases of pages; newer versions are checked but not counted
  uint64_t log_records = 0;
  uint64_t disk_pages = 0;              // whose pieces were all read and checked
  std::vector<VerifyFinding> findings;  // empty: nothing is wrong

  bool clean() const { return findings.empty(); }
};

}  // namespace moraine::MORAINE_V1

#endif  // MORAINE_API_STATS_H_
