// The io_uring backend: one ring per queue, a whole batch per system call, and submission and
// waiting in the same call.
#ifndef MORAINE_STORAGE_IO_URING_IO_H_
#define MORAINE_STORAGE_IO_URING_IO_H_

#include <memory>

#include "absl/status/statusor.h"

#include "storage/io/io.h"

namespace moraine {

// An error when the system has no io_uring, forbids it, or lacks an operation that is needed; its
// message is fit for Io::fallback_reason.
absl::StatusOr<std::unique_ptr<Io>> CreateUringIo();

}  // namespace moraine

#endif  // MORAINE_STORAGE_IO_URING_IO_H_
