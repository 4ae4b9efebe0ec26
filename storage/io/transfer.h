// One request on its way through a real backend: what is left of it and what a system call's result
// means for it. io_uring and the thread pool share this, so that short transfers, interruptions
// and error numbers cannot be understood in two ways.
#ifndef MORAINE_STORAGE_IO_TRANSFER_H_
#define MORAINE_STORAGE_IO_TRANSFER_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"

#include "storage/io/io.h"

namespace moraine {

struct Transfer {
  IoRequest request;
  size_t done_bytes = 0;
  uint32_t stall_count = 0;  // results in a row that moved nothing
  absl::Status status;       // valid once AdvanceTransfer returned true

  // What the next system call is to move.
  char* next_data() const { return request.data + done_bytes; }
  uint64_t next_offset() const { return request.offset + done_bytes; }
  uint32_t next_size() const;
};

// Whether `request` may be handed to the system at all: aligned as its file needs it.
absl::Status CheckRequest(const IoRequest& request);

// Takes the result of a system call (a byte count or a negative error number). True when the
// transfer is finished, well or not; false when another call has to carry on.
bool AdvanceTransfer(Transfer& transfer, int64_t result);

// Carries out a request of a SystemFile on the calling thread.
absl::Status RunTransfer(const IoRequest& request);

}  // namespace moraine

#endif  // MORAINE_STORAGE_IO_TRANSFER_H_
