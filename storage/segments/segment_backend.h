// Where segments live: named objects of bytes that are appended to, sealed, and never changed again,
// and one small head record that says what is in force and is replaced by compare-and-swap. A
// directory of files is one such place (local_backend.h); a store of objects behind a network is
// another, and the interface asks for nothing that such a store cannot do: no rewriting, no renaming,
// no order of listings, no reading of what is not durable but through the writer that wrote it.
// One conformance suite, tests/segments/segment_backend_test.cc, holds all of them to this header.
//
// Life of a segment: Create, Append ..., Sync (any number of times), Seal, Delete.
//   After Append returned the bytes can be read through the writer's own reader.
//   After Sync they survive a crash and anybody can read them through Open. A place that cannot add
//   to what is durable seals the segment in Sync: sealed() then says so, and its user begins another.
// Errors: AlreadyExists, NotFound, InvalidArgument (a name), OutOfRange (a read past the end),
// ResourceExhausted (no space: nothing is lost, less may fit), FailedPrecondition (append to a sealed
// segment), Aborted (the head was another), Unavailable (the device, or the network: for reads, Open,
// List, Delete and ReplaceHead trying again may help; a failed Sync is final for its segment).
// Threads: everything may be called by any thread, at once. Progress: all of it may wait for the
// device or the network; nothing is called inside an epoch guard.
#ifndef MORAINE_STORAGE_SEGMENTS_SEGMENT_BACKEND_H_
#define MORAINE_STORAGE_SEGMENTS_SEGMENT_BACKEND_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace moraine {

class File;

// A segment for reading. Stays readable after Delete, as long as it is held.
class SegmentReader {
 public:
  virtual ~SegmentReader() = default;
  virtual const std::string& path() const = 0;  // for messages
  // Nullptr, or the file to plan reads of one's own with: those go straight to the ring of whoever
  // gathers. Valid as long as the reader is.
  virtual File* local_file() const = 0;
  // Bytes that can be read.
  virtual absl::StatusOr<uint64_t> Size() const = 0;
};

// One range of a gathered read.
struct SegmentRead {
  const SegmentReader* segment = nullptr;
  uint64_t offset = 0;
  char* data = nullptr;  // `size` bytes, owned by the caller
  size_t size = 0;
  absl::Status status;  // of this range, set by Read
};

class SegmentWriter {
 public:
  // What was never synced may be lost; a segment that was neither synced nor sealed may be gone.
  virtual ~SegmentWriter() = default;
  // Adds `bytes` and says where they begin. Concurrent appends get ranges of their own, in any order.
  // After an error nobody may use the range that was meant: it holds anything; other appends may
  // succeed.
  virtual absl::StatusOr<uint64_t> Append(std::string_view bytes) = 0;
  virtual absl::Status Sync() = 0;
  // Sync, and no more appends. Sealing twice is fine.
  virtual absl::Status Seal() = 0;
  virtual bool sealed() const = 0;
  // Sees every append that has returned. The same object at every call.
  virtual std::shared_ptr<const SegmentReader> reader() const = 0;
};

struct SegmentHead {
  uint64_t version = 0;  // 0: there is none yet
  std::string bytes;
};

inline constexpr size_t kMostSegmentNameBytes = 64;
// Whether `name` may name a segment: 1 to 64 characters of a-z, 0-9 and '-', the first a letter.
bool ValidSegmentName(std::string_view name);
absl::Status CheckSegmentName(std::string_view name);  // OK, or InvalidArgument

class SegmentBackend {
 public:
  virtual ~SegmentBackend() = default;

  virtual absl::StatusOr<std::unique_ptr<SegmentWriter>> Create(std::string_view name) = 0;
  virtual absl::StatusOr<std::shared_ptr<const SegmentReader>> Open(std::string_view name) = 0;
  // The names of all durable segments that begin with `prefix`, sorted; of others perhaps.
  virtual absl::StatusOr<std::vector<std::string>> List(std::string_view prefix) = 0;
  // OK also when there is none, so that it can be repeated.
  virtual absl::Status Delete(std::string_view name) = 0;

  // All ranges at once, as far as the place can: one submission of local files. Waits for all.
  virtual void Read(std::span<SegmentRead> reads) = 0;

  virtual absl::StatusOr<SegmentHead> ReadHead() = 0;
  // Makes `bytes` the head if its version is `expected_version`, and says the new version. All or
  // nothing, also in a crash; durable when it returns. After Unavailable it may have happened: read
  // it again.
  virtual absl::StatusOr<uint64_t> ReplaceHead(uint64_t expected_version,
                                               std::string_view bytes) = 0;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_SEGMENTS_SEGMENT_BACKEND_H_
