// Rings through liburing. A queue keeps `depth` transfer slots; a slot is free, in the ring, or
// waiting to be continued after a short transfer. Since the ring has at least as many entries as
// there are slots, and the completion ring twice as many, neither can overflow.
//
// Ring flags: a queue may be handed from thread to thread, which rules out SINGLE_ISSUER and
// DEFER_TASKRUN (completions would only be seen by the first thread) and registered ring
// descriptors (they belong to a thread). COOP_TASKRUN spares the interrupt of a running thread and
// only delays a completion until its submitter enters the kernel or is scheduled; SUBMIT_ALL keeps
// a batch whole when one entry of it is bad.
#include "storage/io/uring_io.h"

#include <errno.h>
#include <liburing.h>
#include <sched.h>
#include <string.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/check.h"
#include "storage/base/status_macros.h"
#include "storage/io/file_set.h"
#include "storage/io/io_error.h"
#include "storage/io/transfer.h"

namespace moraine {
namespace {

constexpr uint32_t kMostDepth = 4096;
constexpr uint32_t kProbeDepth = 4;
// The kernel answers EAGAIN or EBUSY to an entry call while it is short of memory.
constexpr uint32_t kMostRefusals = 10'000;

// An io_uring or a negative error number; older kernels do not know the flags.
int InitializeRing(uint32_t entries, io_uring* ring) {
  int result =
      io_uring_queue_init(entries, ring, IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL);
  if (result == -EINVAL) result = io_uring_queue_init(entries, ring, 0);
  return result;
}

class UringQueue final : public IoQueue {
 public:
  static absl::StatusOr<std::unique_ptr<IoQueue>> Create(uint32_t depth);
  ~UringQueue() override;
  UringQueue(const UringQueue&) = delete;
  UringQueue& operator=(const UringQueue&) = delete;

  void Add(const IoRequest& request) override { batch_.push_back(request); }
  absl::Status Submit() override;
  absl::Status SubmitAndWait(size_t count, std::vector<IoCompletion>* completions) override;
  size_t in_flight() const override { return slots_.size() - free_slots_.size() + ready_.size(); }
  uint64_t submissions() const override { return submissions_; }

 private:
  explicit UringQueue(uint32_t depth);

  // Prepares ring entries for transfers to be continued and for as much of the batch as there are
  // free slots.
  void FillRing();
  void PrepareEntry(uint32_t slot);
  // One call into the kernel: submits what was prepared and waits for `wait_count` completions;
  // may return early.
  absl::Status Enter(uint32_t wait_count);
  // Takes what is in the completion ring.
  void Reap();
  bool BatchIsEmpty() const { return batch_begin_ == batch_.size(); }
  uint32_t InRing() const {
    return static_cast<uint32_t>(slots_.size() - free_slots_.size() - continued_.size());
  }

  io_uring ring_{};
  std::vector<Transfer> slots_;
  std::vector<uint32_t> free_slots_;
  std::vector<uint32_t> continued_;  // slots whose transfer was short
  std::vector<IoRequest> batch_;     // added; those before batch_begin_ have a slot already
  size_t batch_begin_ = 0;
  std::vector<IoCompletion> ready_;
  uint32_t refusal_count_ = 0;
  uint64_t submissions_ = 0;
};

UringQueue::UringQueue(uint32_t depth) : slots_(depth) {
  for (uint32_t slot = depth; slot > 0; --slot) free_slots_.push_back(slot - 1);
}

absl::StatusOr<std::unique_ptr<IoQueue>> UringQueue::Create(uint32_t depth) {
  depth = std::clamp(depth, uint32_t{1}, kMostDepth);
  std::unique_ptr<UringQueue> queue(new UringQueue(depth));
  const int result = InitializeRing(depth, &queue->ring_);
  if (result != 0) {
    queue->ring_.ring_fd = -1;
    return SystemError(-result, "create", "io_uring");
  }
  return queue;
}

UringQueue::~UringQueue() {
  if (ring_.ring_fd < 0) return;
  batch_.clear();
  batch_begin_ = 0;
  // The kernel still reads and writes the memory of what is in flight.
  while (InRing() + continued_.size() > 0) {
    FillRing();
    if (!Enter(1).ok()) break;  // only when the ring's descriptor was closed by somebody else
    Reap();
  }
  io_uring_queue_exit(&ring_);
}

void UringQueue::PrepareEntry(uint32_t slot) {
  const Transfer& transfer = slots_[slot];
  const IoRequest& request = transfer.request;
  const int descriptor = static_cast<SystemFile*>(request.file)->descriptor();
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  MORAINE_CHECK(entry != nullptr);  // as many entries as slots
  switch (request.kind) {
    case IoKind::kRead:
      io_uring_prep_read(entry, descriptor, transfer.next_data(), transfer.next_size(),
                         transfer.next_offset());
      break;
    case IoKind::kWrite:
      io_uring_prep_write(entry, descriptor, transfer.next_data(), transfer.next_size(),
                          transfer.next_offset());
      if (request.durable) entry->rw_flags = RWF_DSYNC;
      break;
    case IoKind::kSync:
      io_uring_prep_fsync(entry, descriptor, IORING_FSYNC_DATASYNC);
      break;
  }
  io_uring_sqe_set_data64(entry, slot);
}

void UringQueue::FillRing() {
  for (uint32_t slot : continued_) PrepareEntry(slot);
  continued_.clear();
  while (!BatchIsEmpty() && !free_slots_.empty()) {
    const IoRequest& request = batch_[batch_begin_++];
    if (absl::Status status = CheckRequest(request); !status.ok()) {
      ready_.push_back({request.token, std::move(status)});
      continue;
    }
    const uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    slots_[slot] = Transfer{.request = request};
    PrepareEntry(slot);
  }
  if (BatchIsEmpty()) {
    batch_.clear();
    batch_begin_ = 0;
  }
}

absl::Status UringQueue::Enter(uint32_t wait_count) {
  if (wait_count == 0 && io_uring_sq_ready(&ring_) == 0) return absl::OkStatus();
  ++submissions_;
  const int result = io_uring_submit_and_wait(&ring_, wait_count);
  if (result >= 0) {
    refusal_count_ = 0;
    return absl::OkStatus();
  }
  if (result == -EINTR) return absl::OkStatus();
  if ((result == -EAGAIN || result == -EBUSY) && ++refusal_count_ < kMostRefusals) {
    sched_yield();
    return absl::OkStatus();
  }
  return absl::UnavailableError(std::string("io_uring: ") + strerrordesc_np(-result));
}

void UringQueue::Reap() {
  io_uring_cqe* entry = nullptr;
  uint32_t head = 0;
  uint32_t count = 0;
  io_uring_for_each_cqe(&ring_, head, entry) {
    ++count;
    const uint32_t slot = static_cast<uint32_t>(io_uring_cqe_get_data64(entry));
    MORAINE_CHECK(slot < slots_.size());
    Transfer& transfer = slots_[slot];
    if (!AdvanceTransfer(transfer, entry->res)) {
      continued_.push_back(slot);
      continue;
    }
    ready_.push_back({transfer.request.token, std::move(transfer.status)});
    free_slots_.push_back(slot);
  }
  io_uring_cq_advance(&ring_, count);
}

absl::Status UringQueue::Submit() {
  while (true) {
    FillRing();
    const bool full = !BatchIsEmpty();
    MORAINE_RETURN_IF_ERROR(Enter(full ? 1 : 0));
    if (!full && io_uring_sq_ready(&ring_) == 0) return absl::OkStatus();
    Reap();
  }
}

absl::Status UringQueue::SubmitAndWait(size_t count, std::vector<IoCompletion>* completions) {
  count = std::min(count, in_flight() + batch_.size() - batch_begin_);
  while (true) {
    FillRing();
    const size_t missing = count > ready_.size() ? count - ready_.size() : 0;
    uint32_t wait_count = static_cast<uint32_t>(std::min<size_t>(missing, InRing()));
    if (!BatchIsEmpty()) wait_count = std::max(wait_count, 1u);
    MORAINE_RETURN_IF_ERROR(Enter(wait_count));
    Reap();
    const bool submitted = BatchIsEmpty() && continued_.empty() && io_uring_sq_ready(&ring_) == 0;
    if (submitted && ready_.size() >= count) break;
  }
  if (ready_.empty() && InRing() > 0) {
    // Asked for whatever is there: completions may wait for a visit to the kernel to be posted.
    ++submissions_;
    io_uring_get_events(&ring_);
    Reap();
  }
  std::move(ready_.begin(), ready_.end(), std::back_inserter(*completions));
  ready_.clear();
  return absl::OkStatus();
}

class UringIo final : public Io {
 public:
  IoBackend backend() const override { return IoBackend::kUring; }
  const std::string& fallback_reason() const override { return no_reason_; }
  absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(const std::string& path,
                                                           bool create) override {
    return OpenSystemDirectory(path, create);
  }
  absl::StatusOr<std::unique_ptr<IoQueue>> NewQueue(uint32_t depth) override {
    return UringQueue::Create(depth);
  }

 private:
  // A single request needs no ring.
  absl::Status Run(const IoRequest& request) override { return RunTransfer(request); }

  const std::string no_reason_;
};

// Tries a ring and asks for the operations that are needed: creating one may be forbidden (sysctl,
// seccomp), and kernels before 5.6 lack plain read and write.
absl::Status ProbeUring() {
  io_uring ring{};
  const int result = InitializeRing(kProbeDepth, &ring);
  if (result != 0) {
    std::string reason = std::string("io_uring_setup: ") + strerrordesc_np(-result);
    if (result == -EPERM) reason += " (kernel.io_uring_disabled or a seccomp filter)";
    if (result == -ENOSYS) reason += " (not in this kernel, or a seccomp filter)";
    return absl::UnimplementedError(reason);
  }
  io_uring_probe* probe = io_uring_get_probe_ring(&ring);
  bool complete = probe != nullptr;
  for (int operation : {IORING_OP_READ, IORING_OP_WRITE, IORING_OP_FSYNC}) {
    complete = complete && io_uring_opcode_supported(probe, operation) != 0;
  }
  if (probe != nullptr) io_uring_free_probe(probe);
  io_uring_queue_exit(&ring);
  if (!complete) return absl::UnimplementedError("io_uring lacks read and write before Linux 5.6");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Io>> CreateUringIo() {
  MORAINE_RETURN_IF_ERROR(ProbeUring());
  return std::make_unique<UringIo>();
}

}  // namespace moraine
