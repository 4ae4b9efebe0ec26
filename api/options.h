// Everything that can be chosen about a database, with defaults that are safe: ten options of the
// database, two of a tree, and how durable a write is.
#ifndef MORAINE_API_OPTIONS_H_
#define MORAINE_API_OPTIONS_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <moraine/merge_operator.h>
#include <moraine/namespace.h>

namespace moraine::MORAINE_V1 {

// When a write's success is reported. Whatever is chosen, a write is all or nothing after a crash,
// and what survives is always a prefix of the commit order: a later write never survives an earlier
// one that was lost.
enum class Durability : uint8_t {
  kSync,   // on the device when the call returns
  kGroup,  // on the device within Options::group_interval
  kNone,  // on the device with the next sync, flush or checkpoint, or when the log's memory is full
};

struct Options {
  // Create the database when the directory is missing or empty. Parent directories must exist.
  bool create_if_missing = false;

  // Fail with AlreadyExists when there is a database.
  bool error_if_exists = false;

  // Open what is there, change no file and refuse writes with FailedPrecondition.
  bool read_only = false;

  // The one memory budget, in bytes: pages, page table, log memory and buffers are charged to it.
  uint64_t memory_bytes = uint64_t{1} << 30;

  // How long a kGroup write may wait for others to share its sync.
  std::chrono::milliseconds group_interval{10};

  // Target size of a leaf page, 4096 to 32768 bytes. Smaller suits point reads, larger scans.
  uint32_t leaf_bytes = 8192;

  // Use io_uring where the system allows it; otherwise, and with false, a pool of threads does the
  // same work. Stats::io_backend tells which one is in use.
  bool use_io_uring = true;

  // Write a checkpoint when closing, so that the next open has nothing to replay.
  bool checkpoint_on_close = true;

  // How much of the space in use on disk shall be alive, 0.3 to 0.95. More takes less space and more
  // copying: at 0.8 about two bytes are copied for each byte that uniform writes flush, at 0.9 five.
  double space_fill = 0.8;

  // Operators beyond the built-in ones. A tree that names a missing operator can be read only where
  // it has no operands left to fold.
  std::vector<std::shared_ptr<const MergeOperator>> merge_operators;
};

struct TreeOptions {
  // OpenTree only: create the tree when there is none of that name.
  bool create_if_missing = false;

  // The operator of Merge: "" (none), a built-in one, or one given in Options::merge_operators. It
  // is fixed when the tree is created and ignored when it exists.
  std::string merge_operator;
};

}  // namespace moraine::MORAINE_V1

#endif  // MORAINE_API_OPTIONS_H_
