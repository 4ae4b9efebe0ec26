// The files of a closed store, seen from outside: their size, their place in the page cache, the
// device below them.
#ifndef MORAINE_BENCH_COLD_DATA_FILES_H_
#define MORAINE_BENCH_COLD_DATA_FILES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace moraine::bench {

// Space that the files below `directory` occupy (holes do not count).
uint64_t OccupiedBytes(const std::string& directory);

// The files of at least `least_bytes`, largest first.
std::vector<std::string> FilesOfAtLeast(const std::string& directory, uint64_t least_bytes);

// Writes out and forgets what the page cache holds of all files below `directory`.
absl::Status DropPageCache(const std::string& directory);

// Writes out the whole file system, which is what unsynced writes still owe.
absl::Status SyncFileSystem(const std::string& directory);

// What the device below `directory` did so far, for anybody; all 0 where the system does not tell.
struct DeviceCounters {
  uint64_t reads = 0;
  uint64_t read_bytes = 0;
  uint64_t writes = 0;
  uint64_t written_bytes = 0;
};
DeviceCounters ReadDeviceCounters(const std::string& directory);

// The counters of device `major`:`minor` in a text like that of /proc/diskstats.
DeviceCounters ParseDiskStats(const std::string& text, unsigned major, unsigned minor);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_COLD_DATA_FILES_H_
