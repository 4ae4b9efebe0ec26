// One Io per slice, one queue per reader.
#include "bench/scatter_gather/queue_reader.h"

#include <utility>
#include <vector>

#include "storage/base/status_macros.h"
#include "storage/io/io.h"

namespace moraine::bench {
namespace {

class QueueReader final : public PageReader {
 public:
  QueueReader(const ReadSettings& settings, File* file, std::unique_ptr<IoQueue> queue)
      : PageReader(settings), file_(file), queue_(std::move(queue)) {}

  absl::Status Read(std::span<const uint64_t> offsets) override {
    for (size_t index = 0; index < offsets.size(); ++index) {
      queue_->Add({.kind = IoKind::kRead,
                   .file = file_,
                   .offset = offsets[index],
                   .data = fragment(index),
                   .size = settings_.fragment_bytes,
                   .token = index});
    }
    completions_.clear();
    MORAINE_RETURN_IF_ERROR(queue_->SubmitAndWait(offsets.size(), &completions_));
    for (const IoCompletion& completion : completions_) {
      MORAINE_RETURN_IF_ERROR(completion.status);
    }
    if (completions_.size() == offsets.size()) return absl::OkStatus();
    return absl::InternalError("the queue completed " + std::to_string(completions_.size()) +
                               " of " + std::to_string(offsets.size()) + " reads");
  }

  uint64_t submissions() const override { return queue_->submissions(); }

 private:
  File* const file_;
  const std::unique_ptr<IoQueue> queue_;
  std::vector<IoCompletion> completions_;
};

class QueueMethod final : public ReadMethod {
 public:
  explicit QueueMethod(const ReadSettings& settings) : settings_(settings) {}

  absl::Status Open(IoBackend backend) {
    MORAINE_ASSIGN_OR_RETURN(
        io_, Io::Create({.preferred = backend, .pool_threads = settings_.pool_threads}));
    if (io_->backend() != backend) return absl::UnimplementedError(io_->fallback_reason());
    MORAINE_ASSIGN_OR_RETURN(directory_, io_->OpenDirectory(settings_.file->directory(), false));
    MORAINE_ASSIGN_OR_RETURN(
        file_, directory_->OpenFile(ExtentFile::kName, {.write = false, .direct = true}));
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<PageReader>> NewReader() override {
    MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<IoQueue> queue,
                             io_->NewQueue(static_cast<uint32_t>(settings_.fragment_count)));
    return std::make_unique<QueueReader>(settings_, file_.get(), std::move(queue));
  }

 private:
  const ReadSettings settings_;
  std::unique_ptr<Io> io_;
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<File> file_;
};

absl::StatusOr<std::unique_ptr<ReadMethod>> OpenQueue(const ReadSettings& settings,
                                                      IoBackend backend) {
  auto method = std::make_unique<QueueMethod>(settings);
  MORAINE_RETURN_IF_ERROR(method->Open(backend));
  return method;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ReadMethod>> OpenMoraineQueue(const ReadSettings& settings) {
  return OpenQueue(settings, IoBackend::kUring);
}

absl::StatusOr<std::unique_ptr<ReadMethod>> OpenThreadPool(const ReadSettings& settings) {
  return OpenQueue(settings, IoBackend::kThreadPool);
}

}  // namespace moraine::bench
