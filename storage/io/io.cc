// Choosing a backend, and the requests of cold paths.
#include "storage/io/io.h"

#include <utility>

#include "storage/base/check.h"
#include "storage/base/status_macros.h"
#include "storage/io/pool_io.h"
#include "storage/io/uring_io.h"

namespace moraine {

std::string_view IoBackendName(IoBackend backend) {
  switch (backend) {
    case IoBackend::kUring:
      return "io_uring";
    case IoBackend::kThreadPool:
      return "thread pool";
    case IoBackend::kSimulated:
      return "simulated";
  }
  return "unknown";
}

absl::StatusOr<std::unique_ptr<Io>> Io::Create(const IoOptions& options) {
  switch (options.preferred) {
    case IoBackend::kThreadPool:
      return CreatePoolIo(options.pool_threads, "");
    case IoBackend::kSimulated:
      return absl::InvalidArgumentError("the simulated device is made by the tests that use it");
    case IoBackend::kUring:
      break;
  }
  if (options.refuse_uring) {
    return CreatePoolIo(options.pool_threads, "io_uring refused by IoOptions::refuse_uring");
  }
  absl::StatusOr<std::unique_ptr<Io>> uring = CreateUringIo();
  if (uring.ok()) return uring;
  return CreatePoolIo(options.pool_threads, std::string(uring.status().message()));
}

absl::Status Io::ReadFully(File& file, uint64_t offset, char* data, size_t size) {
  return Run({.kind = IoKind::kRead, .file = &file, .offset = offset, .data = data, .size = size});
}

absl::Status Io::WriteFully(File& file, uint64_t offset, const char* data, size_t size) {
  // A write only reads the memory; requests have one pointer for both directions.
  return Run({.kind = IoKind::kWrite,
              .file = &file,
              .offset = offset,
              .data = const_cast<char*>(data),
              .size = size});
}

absl::Status Io::SyncFile(File& file) { return Run({.kind = IoKind::kSync, .file = &file}); }

absl::Status Io::Run(const IoRequest& request) {
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<IoQueue> queue, NewQueue(1));
  queue->Add(request);
  std::vector<IoCompletion> completions;
  MORAINE_RETURN_IF_ERROR(queue->SubmitAndWait(1, &completions));
  MORAINE_CHECK(completions.size() == 1);
  return std::move(completions.front().status);
}

}  // namespace moraine
