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
  uint64_t checkpoint_pages = 0;
  std::vector<VerifyFinding> findings;  // empty: nothing is wrong

  bool clean() const { return findings.empty(); }
};

}  // namespace moraine::MORAINE_V1

#endif  // MORAINE_API_STATS_H_
