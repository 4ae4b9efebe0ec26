// Rings of exactly as many entries as a page has fragments. Whether a variant works at all is only
// known after a read (a device without poll queues refuses then), so every reader begins with one.
#include "bench/scatter_gather/uring_reader.h"

#include <liburing.h>
#include <sys/uio.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/status_macros.h"
#include "storage/sync/mutex.h"

namespace moraine::bench {
namespace {

constexpr unsigned kPollThreadIdleMs = 20;

struct Variant {
  bool gathered = true;
  bool registered = false;
  bool submission_poll = false;
  bool completion_poll = false;
};

absl::Status Refused(int error, const std::string& action) {
  return absl::UnimplementedError(action + ": " + std::strerror(-error));
}

// Held while a ring comes or goes. The memory of one that is closed may be given to the next, which
// another thread opens; the system calls that do so are invisible to ThreadSanitizer.
Mutex& RingsMutex() {
  static Mutex mutex;
  return mutex;
}

class Ring {
 public:
  Ring() = default;
  ~Ring() {
    if (!open_) return;
    MutexLock lock(RingsMutex());
    io_uring_queue_exit(&ring_);
  }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // `attach_to`: a ring whose poll thread is shared; -1 for none.
  absl::Status Open(unsigned entries, const Variant& variant, int attach_to) {
    int result = -EINVAL;
    for (const unsigned flags : FlagsToTry(variant)) {
      io_uring_params parameters{};
      parameters.flags = flags;
      parameters.sq_thread_idle = kPollThreadIdleMs;
      if (attach_to >= 0) {
        parameters.flags |= IORING_SETUP_ATTACH_WQ;
        parameters.wq_fd = static_cast<unsigned>(attach_to);
      }
      MutexLock lock(RingsMutex());
      result = io_uring_queue_init_params(entries, &ring_, &parameters);
      if (result != -EINVAL) break;
    }
    if (result != 0) return Refused(result, "io_uring_setup");
    open_ = true;
    return absl::OkStatus();
  }

  io_uring* get() { return &ring_; }

 private:
  // The cheapest way of completing first; older kernels answer EINVAL to flags they do not know.
  static std::vector<unsigned> FlagsToTry(const Variant& variant) {
    if (variant.submission_poll) return {IORING_SETUP_SQPOLL};
    if (variant.completion_poll) return {IORING_SETUP_IOPOLL};
    return {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_COOP_TASKRUN, 0};
  }

  io_uring ring_{};
  bool open_ = false;
};

class UringReader final : public PageReader {
 public:
  UringReader(const ReadSettings& settings, const Variant& variant)
      : PageReader(settings), variant_(variant) {}

  absl::Status Open(int attach_to) {
    const auto entries = static_cast<unsigned>(settings_.fragment_count);
    MORAINE_RETURN_IF_ERROR(ring_.Open(entries, variant_, attach_to));
    if (variant_.registered) MORAINE_RETURN_IF_ERROR(Register());
    const std::vector<uint64_t> first_block(settings_.fragment_count, 0);
    const absl::Status probe = Read(first_block);
    submissions_ = 0;
    if (probe.ok()) return probe;
    return absl::UnimplementedError("a first read: " + std::string(probe.message()));
  }

  absl::Status Read(std::span<const uint64_t> offsets) override {
    for (size_t index = 0; index < offsets.size(); ++index) {
      Prepare(index, offsets[index]);
      if (!variant_.gathered) MORAINE_RETURN_IF_ERROR(Complete(1));
    }
    return variant_.gathered ? Complete(static_cast<unsigned>(offsets.size())) : absl::OkStatus();
  }

  uint64_t submissions() const override { return submissions_; }

 private:
  absl::Status Register() {
    const iovec whole = {fragment(0), settings_.fragment_count * settings_.fragment_bytes};
    int result = io_uring_register_buffers(ring_.get(), &whole, 1);
    if (result < 0) return Refused(result, "registering buffers");
    const int descriptor = settings_.file->descriptor();
    result = io_uring_register_files(ring_.get(), &descriptor, 1);
    if (result < 0) return Refused(result, "registering the file");
    // Spares a look-up per call; kernels before 5.18 do without.
    io_uring_register_ring_fd(ring_.get());
    return absl::OkStatus();
  }

  void Prepare(size_t index, uint64_t offset) {
    io_uring_sqe* entry = io_uring_get_sqe(ring_.get());  // as many entries as fragments
    const auto size = static_cast<unsigned>(settings_.fragment_bytes);
    if (variant_.registered) {
      io_uring_prep_read_fixed(entry, 0, fragment(index), size, offset, 0);
      io_uring_sqe_set_flags(entry, IOSQE_FIXED_FILE);
    } else {
      io_uring_prep_read(entry, settings_.file->descriptor(), fragment(index), size, offset);
    }
    io_uring_sqe_set_data64(entry, offset);
  }

  // Submits what was prepared and waits for `count` completions.
  absl::Status Complete(unsigned count) {
    absl::Status status;
    while (count > 0) {
      ++submissions_;
      const int result = io_uring_submit_and_wait(ring_.get(), count);
      if (result < 0 && result != -EINTR) {
        return absl::UnavailableError("io_uring_enter: " + std::string(std::strerror(-result)));
      }
      count -= Reap(&status);
    }
    return status;
  }

  // Takes what is complete; the first failure goes into `status`.
  unsigned Reap(absl::Status* status) {
    io_uring_cqe* entry = nullptr;
    unsigned head = 0;
    unsigned reaped = 0;
    io_uring_for_each_cqe(ring_.get(), head, entry) {
      ++reaped;
      if (entry->res == static_cast<int>(settings_.fragment_bytes) || !status->ok()) continue;
      *status = absl::UnavailableError(settings_.file->path() + ": read at " +
                                       std::to_string(io_uring_cqe_get_data64(entry)) + ": " +
                                       (entry->res < 0 ? std::strerror(-entry->res) : "short"));
    }
    io_uring_cq_advance(ring_.get(), reaped);
    return reaped;
  }

  const Variant variant_;
  Ring ring_;
  uint64_t submissions_ = 0;
};

class UringMethod final : public ReadMethod {
 public:
  UringMethod(const ReadSettings& settings, const Variant& variant)
      : settings_(settings), variant_(variant) {}

  // The ring whose poll thread all readers use: a thread each would starve them of processors.
  absl::Status OpenAnchor() { return anchor_.Open(1, variant_, -1); }

  absl::StatusOr<std::unique_ptr<PageReader>> NewReader() override {
    auto reader = std::make_unique<UringReader>(settings_, variant_);
    const int attach_to = variant_.submission_poll ? anchor_.get()->ring_fd : -1;
    MORAINE_RETURN_IF_ERROR(reader->Open(attach_to));
    return reader;
  }

 private:
  const ReadSettings settings_;
  const Variant variant_;
  Ring anchor_;
};

absl::StatusOr<std::unique_ptr<ReadMethod>> OpenVariant(const ReadSettings& settings,
                                                        const Variant& variant) {
  auto method = std::make_unique<UringMethod>(settings, variant);
  if (variant.submission_poll) MORAINE_RETURN_IF_ERROR(method->OpenAnchor());
  return method;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ReadMethod>> OpenUringSerial(const ReadSettings& settings) {
  return OpenVariant(settings, {.gathered = false});
}

absl::StatusOr<std::unique_ptr<ReadMethod>> OpenUringGathered(const ReadSettings& settings) {
  return OpenVariant(settings, {});
}

absl::StatusOr<std::unique_ptr<ReadMethod>> OpenUringRegistered(const ReadSettings& settings) {
  return OpenVariant(settings, {.registered = true});
}

absl::StatusOr<std::unique_ptr<ReadMethod>> OpenUringSqpoll(const ReadSettings& settings) {
  return OpenVariant(settings, {.registered = true, .submission_poll = true});
}

absl::StatusOr<std::unique_ptr<ReadMethod>> OpenUringIopoll(const ReadSettings& settings) {
  return OpenVariant(settings, {.registered = true, .completion_poll = true});
}

}  // namespace moraine::bench
