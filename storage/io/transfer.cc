// Continuing, ending and failing transfers; the synchronous form by preadv2 and pwritev2.
#include "storage/io/transfer.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "storage/base/status_macros.h"
#include "storage/io/file_set.h"
#include "storage/io/io_error.h"

namespace moraine {
namespace {

// The kernel moves at most just under 2 GiB per call; less keeps one call from taking seconds.
constexpr size_t kMostBytesPerCall = size_t{1} << 30;
// A kernel that keeps answering "again" or moving nothing is broken; give up rather than spin.
constexpr uint32_t kMostStalls = 1000;

std::string Where(const Transfer& transfer) {
  return transfer.request.file->path() + " at offset " + std::to_string(transfer.next_offset());
}

std::string_view ActionOf(const IoRequest& request) {
  switch (request.kind) {
    case IoKind::kRead:
      return "read";
    case IoKind::kWrite:
      return "write";
    case IoKind::kSync:
      return "sync";
  }
  return "transfer";
}

bool Finish(Transfer& transfer, absl::Status status) {
  transfer.status = std::move(status);
  return true;
}

bool Stall(Transfer& transfer, int error_number) {
  if (++transfer.stall_count < kMostStalls) return false;
  return Finish(transfer, SystemError(error_number, ActionOf(transfer.request), Where(transfer)));
}

}  // namespace

uint32_t Transfer::next_size() const {
  return static_cast<uint32_t>(std::min(request.size - done_bytes, kMostBytesPerCall));
}

absl::Status CheckRequest(const IoRequest& request) {
  if (request.kind == IoKind::kSync || !request.file->direct()) return absl::OkStatus();
  const uint64_t address = reinterpret_cast<uintptr_t>(request.data);
  if (((address | request.offset | request.size) & (kIoAlignment - 1)) == 0) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(std::string(ActionOf(request)) + " " + request.file->path() +
                                    " at offset " + std::to_string(request.offset) +
                                    ": memory, offset and size of direct transfers must be "
                                    "multiples of " +
                                    std::to_string(kIoAlignment));
}

bool AdvanceTransfer(Transfer& transfer, int64_t result) {
  const IoRequest& request = transfer.request;
  // ECANCELED: io_uring drops queued work of a thread that ends; the queue may have moved on.
  if (result == -EINTR || result == -EAGAIN || result == -ECANCELED) {
    return Stall(transfer, static_cast<int>(-result));
  }
  if (result < 0) {
    return Finish(transfer,
                  SystemError(static_cast<int>(-result), ActionOf(request), Where(transfer)));
  }
  if (request.kind == IoKind::kSync) return Finish(transfer, absl::OkStatus());
  size_t moved_bytes = static_cast<size_t>(result);
  if (transfer.done_bytes + moved_bytes == request.size) {
    transfer.done_bytes = request.size;
    return Finish(transfer, absl::OkStatus());
  }
  // A direct transfer can only be continued at a block boundary.
  const bool ragged = request.file->direct() && moved_bytes % kIoAlignment != 0;
  if (request.kind == IoKind::kRead && (moved_bytes == 0 || ragged)) {
    transfer.done_bytes += moved_bytes;
    return Finish(transfer, absl::OutOfRangeError(
                                "read " + request.file->path() + ": the file ends at offset " +
                                std::to_string(transfer.next_offset()) + ", wanted up to " +
                                std::to_string(request.offset + request.size)));
  }
  if (ragged) moved_bytes -= moved_bytes % kIoAlignment;
  if (moved_bytes == 0) return Stall(transfer, EIO);
  transfer.done_bytes += moved_bytes;
  transfer.stall_count = 0;
  return false;
}

absl::Status RunTransfer(const IoRequest& request) {
  MORAINE_RETURN_IF_ERROR(CheckRequest(request));
  const int descriptor = static_cast<SystemFile*>(request.file)->descriptor();
  Transfer transfer{.request = request};
  int64_t result = 0;
  do {
    iovec part{.iov_base = transfer.next_data(), .iov_len = transfer.next_size()};
    const off_t offset = static_cast<off_t>(transfer.next_offset());
    switch (request.kind) {
      case IoKind::kRead:
        result = preadv2(descriptor, &part, 1, offset, 0);
        break;
      case IoKind::kWrite:
        result = pwritev2(descriptor, &part, 1, offset, request.durable ? RWF_DSYNC : 0);
        break;
      case IoKind::kSync:
        result = fdatasync(descriptor);
        break;
    }
    if (result < 0) result = -errno;
  } while (!AdvanceTransfer(transfer, result));
  return transfer.status;
}

}  // namespace moraine
