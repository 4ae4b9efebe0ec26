// The seam between the tool and what it measures: a method makes readers, and a reader fetches the
// fragments of one page, in whatever way the method is about. A new way to read is a new pair of
// these and a row in methods.cc.
#ifndef MORAINE_BENCH_SCATTER_GATHER_PAGE_READER_H_
#define MORAINE_BENCH_SCATTER_GATHER_PAGE_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "bench/scatter_gather/extent_file.h"
#include "storage/io/aligned_buffer.h"

namespace moraine::bench {

// What all readers of a slice have in common. The file outlives them.
struct ReadSettings {
  const ExtentFile* file = nullptr;
  size_t fragment_count = 1;  // of every page
  size_t fragment_bytes = kBlockBytes;
  uint32_t pool_threads = 32;  // of methods that have a pool
};

// Belongs to one thread, which also made it (rings may be tied to their maker).
class PageReader {
 public:
  explicit PageReader(const ReadSettings& settings)
      : settings_(settings), memory_(settings.fragment_count * settings.fragment_bytes) {}
  virtual ~PageReader() = default;
  PageReader(const PageReader&) = delete;
  PageReader& operator=(const PageReader&) = delete;

  // Returns when every fragment lies in its place: the one at offsets[i] at fragment(i). There are
  // as many offsets as the settings say.
  virtual absl::Status Read(std::span<const uint64_t> offsets) = 0;
  // Calls into the kernel so far that this reader made to have something read.
  virtual uint64_t submissions() const = 0;

  char* fragment(size_t index) { return memory_.data() + index * settings_.fragment_bytes; }

 protected:
  const ReadSettings settings_;

 private:
  AlignedBuffer memory_;
};

// Lives for one slice, longer than its readers; NewReader is called by any thread.
class ReadMethod {
 public:
  virtual ~ReadMethod() = default;
  // Unimplemented, with the reason, when kernel, device or limits refuse this way of reading: the
  // tool says so and goes on. Other errors end the run.
  virtual absl::StatusOr<std::unique_ptr<PageReader>> NewReader() = 0;
};

// A row of the table of methods.
struct ReadMethodRow {
  const char* name;
  const char* description;
  absl::StatusOr<std::unique_ptr<ReadMethod>> (*open)(const ReadSettings& settings);
};

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_SCATTER_GATHER_PAGE_READER_H_
