// What a log is told when it is opened for appending or for reading.
#ifndef MORAINE_STORAGE_LOG_LOG_OPTIONS_H_
#define MORAINE_STORAGE_LOG_LOG_OPTIONS_H_

#include <chrono>
#include <cstdint>

#include "storage/base/checksum.h"

namespace moraine {

struct LogOptions {
  DatabaseId database_id;
  uint64_t ring_bytes = uint64_t{32} << 20;  // a power of two, at least 64 KiB
  // Log space in one new file; a multiple of kIoAlignment. Existing files keep theirs.
  uint64_t segment_bytes = uint64_t{64} << 20;
  // Unsynced records become durable within about this time.
  std::chrono::milliseconds group_interval{10};
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_LOG_LOG_OPTIONS_H_
