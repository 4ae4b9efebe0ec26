// The engine's whole view of files. Data moves in batches: a queue collects reads, writes and
// syncs, hands all of them to the system in one submission, and yields completions. Three backends
// behave alike: io_uring, a pool of preadv2/pwritev2 threads, and a simulated device that can lose
// power; one conformance suite holds them together.
//
// Ownership and threads: an Io outlives its directories, files and queues. Io, Directory and File
// may be used by any thread; an IoQueue belongs to one thread at a time.
// Durability: a write is durable once a kSync of its file, issued after the write completed, has
// completed, or when the write itself carried `durable`. The same holds for a size set by Allocate
// or Truncate. A file's name is durable once its directory was synced.
// Progress: Submit blocks only when the backend's queue is full; SubmitAndWait blocks for
// completions. Nothing here is called inside an epoch guard.
#ifndef MORAINE_STORAGE_IO_IO_H_
#define MORAINE_STORAGE_IO_IO_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace moraine {

enum class IoBackend : uint8_t { kUring, kThreadPool, kSimulated };
std::string_view IoBackendName(IoBackend backend);

// Alignment of memory, offsets and lengths that direct I/O needs; also the unit of writing to the
// log.
inline constexpr size_t kIoAlignment = 4096;

class File {
 public:
  virtual ~File() = default;
  virtual const std::string& path() const = 0;  // for messages
  // Whether transfers bypass the page cache; memory, offset and length must then be multiples of
  // kIoAlignment.
  virtual bool direct() const = 0;
  virtual absl::StatusOr<uint64_t> Size() = 0;
  // Makes [0, bytes) writable without further allocation, zero-filled where new; ResourceExhausted
  // when the disk is full, and the size is then as before. Never shrinks.
  virtual absl::Status Allocate(uint64_t bytes) = 0;
  virtual absl::Status Truncate(uint64_t bytes) = 0;
};

struct OpenFileOptions {
  bool create = false;     // create when missing
  bool exclusive = false;  // with create: AlreadyExists when present
  bool write = true;
  bool direct = false;  // bypass the page cache where the file system allows it; see File::direct
};

class Directory {
 public:
  virtual ~Directory() = default;
  virtual const std::string& path() const = 0;
  // NotFound when missing. Refuses anything but a regular file with one link; never follows a
  // symbolic link.
  virtual absl::StatusOr<std::unique_ptr<File>> OpenFile(std::string_view name,
                                                         const OpenFileOptions& options) = 0;
  // A file that is open stays readable and writable through its handle.
  virtual absl::Status Remove(std::string_view name) = 0;
  // Atomically replaces `to`.
  virtual absl::Status Rename(std::string_view from, std::string_view to) = 0;
  // The names of all entries, sorted.
  virtual absl::StatusOr<std::vector<std::string>> List() = 0;
  // Makes creations, removals and renames so far durable.
  virtual absl::Status Sync() = 0;
  // Takes the lock file `name` for this process; FailedPrecondition names the holder when another
  // has it. Released when the returned object is destroyed, and by the system when the process
  // dies.
  virtual absl::StatusOr<std::unique_ptr<File>> Lock(std::string_view name) = 0;
};

enum class IoKind : uint8_t { kRead, kWrite, kSync };

struct IoRequest {
  IoKind kind = IoKind::kRead;
  bool durable = false;  // kWrite: complete only when the data is durable (RWF_DSYNC)
  File* file = nullptr;  // must stay open until completion
  uint64_t offset = 0;
  char* data = nullptr;  // kRead: filled; kWrite: read only; owned by the caller until completion
  size_t size = 0;
  uint64_t token = 0;  // handed back with the completion
};

// Transfers are whole or failed: a backend continues short ones itself. A failed read or write may
// have moved some of its bytes.
struct IoCompletion {
  uint64_t token = 0;
  // Names file, offset and cause. OutOfRange: a read that does not end within the file;
  // ResourceExhausted: full disk; Unavailable: the device failed; InvalidArgument: unaligned on a
  // direct file; FailedPrecondition: a write to a file opened for reading.
  absl::Status status;
};

class IoQueue {
 public:
  // Waits for everything in flight; what was added and never submitted is forgotten.
  virtual ~IoQueue() = default;
  // Adds to the batch. Requests of one batch are concurrent: no order among them.
  virtual void Add(const IoRequest& request) = 0;
  // Hands the batch over without waiting. An error, here or below, means that the queue itself is
  // broken (errors of requests come with their completions): it can only be destroyed.
  virtual absl::Status Submit() = 0;
  // Submits, then waits until at least `count` completions (of any batch) are there, and appends
  // all that are. A count above what is in flight waits for everything.
  virtual absl::Status SubmitAndWait(size_t count, std::vector<IoCompletion>* completions) = 0;
  // Requests submitted whose completion was not handed back yet.
  virtual size_t in_flight() const = 0;
  // Calls into the kernel so far that handed requests over or waited for them; 0 where the backend
  // does not count. A batch that was gathered as it should be takes one.
  virtual uint64_t submissions() const { return 0; }
};

struct IoOptions {
  IoBackend preferred = IoBackend::kUring;
  uint32_t pool_threads = 4;  // of the thread pool backend
  bool refuse_uring = false;  // act as where the system forbids io_uring: for tests of the fallback
};

class Io {
 public:
  // The preferred backend, or the thread pool when io_uring is refused (then fallback_reason says
  // why).
  static absl::StatusOr<std::unique_ptr<Io>> Create(const IoOptions& options);

  virtual ~Io() = default;
  virtual IoBackend backend() const = 0;
  // Why the preferred backend is not in use; empty when it is.
  virtual const std::string& fallback_reason() const = 0;
  // Opens a directory, or creates it (0700) when `create`; missing parents are an error.
  virtual absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(const std::string& path,
                                                                   bool create) = 0;
  // `depth`: how many requests may be in flight before Submit blocks.
  virtual absl::StatusOr<std::unique_ptr<IoQueue>> NewQueue(uint32_t depth) = 0;

  // One request, waited for: for cold paths such as opening.
  absl::Status ReadFully(File& file, uint64_t offset, char* data, size_t size);
  absl::Status WriteFully(File& file, uint64_t offset, const char* data, size_t size);
  absl::Status SyncFile(File& file);

 private:
  // Carries out one request and waits for it; by default through a queue made for it.
  virtual absl::Status Run(const IoRequest& request);
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_IO_IO_H_
