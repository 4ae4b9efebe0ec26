// Handles of the simulated device.
#include "tests/support/simulated_handles.h"

#include <unistd.h>

#include <algorithm>

#include "storage/base/check.h"
#include "storage/base/status_macros.h"

namespace moraine {
namespace {

absl::Status CheckName(std::string_view name, const std::string& directory) {
  if (name.empty() || name == "." || name == ".." ||
      name.find_first_of(std::string_view("/\0", 2)) != std::string_view::npos) {
    return absl::InvalidArgumentError("not a plain file name in " + directory + ": '" +
                                      std::string(name) + "'");
  }
  return absl::OkStatus();
}

absl::Status Missing(std::string_view action, const std::string& path) {
  return absl::NotFoundError(std::string(action) + " " + path + ": no such file");
}

// Frees the lock with the handle, unless the process ended before.
class SimulatedLock final : public SimulatedFile {
 public:
  SimulatedLock(SimulatedIo& io, SimulatedDisk::FileId file, std::string path,
                std::function<void()> release)
      : SimulatedFile(io, file, std::move(path), /*direct=*/false, /*writable=*/true),
        release_(std::move(release)) {}
  ~SimulatedLock() override { release_(); }

 private:
  const std::function<void()> release_;
};

}  // namespace

SimulatedFile::SimulatedFile(SimulatedIo& io, SimulatedDisk::FileId file, std::string path,
                             bool direct, bool writable)
    : io_(io),
      file_(file),
      generation_(io.generation_),
      path_(std::move(path)),
      direct_(direct),
      writable_(writable) {
  ++io_.open_counts_[file_];
}

SimulatedFile::~SimulatedFile() {
  MutexLock lock(io_.mutex_);
  if (generation_ != io_.generation_) return;
  auto open = io_.open_counts_.find(file_);
  MORAINE_CHECK(open != io_.open_counts_.end());
  if (--open->second == 0) io_.open_counts_.erase(open);
}

absl::StatusOr<uint64_t> SimulatedFile::Size() {
  MutexLock lock(io_.mutex_);
  MORAINE_RETURN_IF_ERROR(io_.Begin(SimulatedOperation::kSize, generation_, path_));
  return io_.disk_.Size(file_);
}

absl::Status SimulatedFile::Allocate(uint64_t bytes) {
  return Resize(SimulatedOperation::kAllocate, bytes, /*may_shrink=*/false);
}

absl::Status SimulatedFile::Truncate(uint64_t bytes) {
  return Resize(SimulatedOperation::kTruncate, bytes, /*may_shrink=*/true);
}

absl::Status SimulatedFile::Resize(SimulatedOperation operation, uint64_t bytes, bool may_shrink) {
  MutexLock lock(io_.mutex_);
  MORAINE_RETURN_IF_ERROR(io_.Begin(operation, generation_, path_));
  if (!writable_) return absl::FailedPreconditionError("resize " + path_ + ": read only");
  if (!may_shrink && bytes <= io_.disk_.Size(file_)) return absl::OkStatus();
  if (!io_.HasSpace(file_, bytes)) {
    return absl::ResourceExhaustedError("resize " + path_ + ": no space left on device");
  }
  io_.disk_.Resize(file_, bytes);
  return io_.PassBoundary(operation);
}

absl::StatusOr<SimulatedDisk::FileId> SimulatedDirectory::FindOrCreate(
    std::string_view name, const OpenFileOptions& options) {
  std::optional<SimulatedDisk::FileId> file = io_.disk_.Find(path_, name);
  const SimulatedOperation operation =
      file.has_value() ? SimulatedOperation::kOpen : SimulatedOperation::kCreate;
  if (!file.has_value() && !options.create) {
    MORAINE_RETURN_IF_ERROR(io_.Begin(SimulatedOperation::kOpen, generation_, PathOf(name)));
    return Missing("open", PathOf(name));
  }
  MORAINE_RETURN_IF_ERROR(io_.Begin(operation, generation_, PathOf(name)));
  if (file.has_value() && options.create && options.exclusive) {
    return absl::AlreadyExistsError("open " + PathOf(name) + ": it exists");
  }
  if (file.has_value()) return *file;
  const SimulatedDisk::FileId created = io_.disk_.Create(path_, name);
  MORAINE_RETURN_IF_ERROR(io_.PassBoundary(operation));
  return created;
}

absl::StatusOr<std::unique_ptr<File>> SimulatedDirectory::OpenFile(std::string_view name,
                                                                   const OpenFileOptions& options) {
  MORAINE_RETURN_IF_ERROR(CheckName(name, path_));
  MutexLock lock(io_.mutex_);
  MORAINE_ASSIGN_OR_RETURN(SimulatedDisk::FileId file, FindOrCreate(name, options));
  return std::make_unique<SimulatedFile>(io_, file, PathOf(name),
                                         options.direct && io_.options_.direct, options.write);
}

absl::Status SimulatedDirectory::Remove(std::string_view name) {
  MORAINE_RETURN_IF_ERROR(CheckName(name, path_));
  MutexLock lock(io_.mutex_);
  MORAINE_RETURN_IF_ERROR(io_.Begin(SimulatedOperation::kRemove, generation_, PathOf(name)));
  if (!io_.disk_.Find(path_, name).has_value()) return Missing("remove", PathOf(name));
  io_.disk_.Remove(path_, name);
  return io_.PassBoundary(SimulatedOperation::kRemove);
}

absl::Status SimulatedDirectory::Rename(std::string_view from, std::string_view to) {
  MORAINE_RETURN_IF_ERROR(CheckName(from, path_));
  MORAINE_RETURN_IF_ERROR(CheckName(to, path_));
  MutexLock lock(io_.mutex_);
  MORAINE_RETURN_IF_ERROR(io_.Begin(SimulatedOperation::kRename, generation_, PathOf(from)));
  if (!io_.disk_.Find(path_, from).has_value()) return Missing("rename", PathOf(from));
  io_.disk_.Rename(path_, from, to);
  return io_.PassBoundary(SimulatedOperation::kRename);
}

absl::StatusOr<std::vector<std::string>> SimulatedDirectory::List() {
  MutexLock lock(io_.mutex_);
  MORAINE_RETURN_IF_ERROR(io_.Begin(SimulatedOperation::kList, generation_, path_));
  return io_.disk_.List(path_);
}

absl::Status SimulatedDirectory::Sync() {
  MutexLock lock(io_.mutex_);
  MORAINE_RETURN_IF_ERROR(io_.Begin(SimulatedOperation::kSyncDirectory, generation_, path_));
  MORAINE_RETURN_IF_ERROR(io_.PassBoundary(SimulatedOperation::kSyncDirectory));
  io_.disk_.SyncDirectory(path_);
  std::set<SimulatedDisk::FileId> open;
  for (const auto& [file, count] : io_.open_counts_) open.insert(file);
  io_.disk_.DropUnreachable(open);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<File>> SimulatedDirectory::Lock(std::string_view name) {
  MORAINE_RETURN_IF_ERROR(CheckName(name, path_));
  MutexLock lock(io_.mutex_);
  MORAINE_RETURN_IF_ERROR(io_.Begin(SimulatedOperation::kLock, generation_, PathOf(name)));
  MORAINE_ASSIGN_OR_RETURN(SimulatedDisk::FileId file, FindOrCreate(name, {.create = true}));
  std::pair<std::string, std::string> key(path_, name);
  if (!io_.locks_.insert(key).second) {
    return absl::FailedPreconditionError("lock " + PathOf(name) + ": held by process " +
                                         std::to_string(getpid()));
  }
  SimulatedIo* io = &io_;
  auto release = [io, key, generation = generation_] {
    MutexLock release_lock(io->mutex_);
    if (generation == io->generation_) io->locks_.erase(key);
  };
  return std::make_unique<SimulatedLock>(io_, file, PathOf(name), release);
}

SimulatedQueue::~SimulatedQueue() {
  MutexLock lock(io_.mutex_);
  while (!started_.empty()) PerformOne();
}

void SimulatedQueue::Start() {
  for (const IoRequest& request : batch_) {
    started_.push_back(request);
    // A queue that is full makes room before it takes more.
    while (started_.size() > depth_) PerformOne();
  }
  batch_.clear();
  size_t left = 0;
  if (io_.options_.delay_completions) left = io_.random_.Below(started_.size() + 1);
  while (started_.size() > left) PerformOne();
}

void SimulatedQueue::PerformOne() {
  size_t index = 0;
  if (io_.options_.shuffle_batches) index = io_.random_.Below(started_.size());
  const IoRequest request = started_[index];
  started_.erase(started_.begin() + static_cast<ptrdiff_t>(index));
  ready_.push_back({request.token, io_.Perform(request)});
}

absl::Status SimulatedQueue::Submit() {
  MutexLock lock(io_.mutex_);
  Start();
  return absl::OkStatus();
}

absl::Status SimulatedQueue::SubmitAndWait(size_t count, std::vector<IoCompletion>* completions) {
  MutexLock lock(io_.mutex_);
  Start();
  // One more at every call, so that a caller who polls gets there.
  if (!started_.empty() && ready_.empty()) PerformOne();
  while (ready_.size() < count && !started_.empty()) PerformOne();
  std::move(ready_.begin(), ready_.end(), std::back_inserter(*completions));
  ready_.clear();
  return absl::OkStatus();
}

}  // namespace moraine
