// The device itself: counting, failing, stopping, and what each request does to the disk.
#include "tests/support/simulated_io.h"

#include <algorithm>

#include "storage/base/check.h"
#include "storage/base/status_macros.h"
#include "storage/io/transfer.h"
#include "tests/support/simulated_handles.h"

namespace moraine {
namespace {

std::string Where(const IoRequest& request) {
  return request.file->path() + " at offset " + std::to_string(request.offset);
}

bool MayNeedSpace(SimulatedOperation operation) {
  return operation == SimulatedOperation::kWrite || operation == SimulatedOperation::kCreate ||
         operation == SimulatedOperation::kAllocate || operation == SimulatedOperation::kRename ||
         operation == SimulatedOperation::kTruncate || operation == SimulatedOperation::kSync ||
         operation == SimulatedOperation::kSyncDirectory;
}

absl::Status FaultStatus(FaultKind kind, const std::string& where) {
  if (kind == FaultKind::kDiskFull) {
    return absl::ResourceExhaustedError(where + ": no space left on device");
  }
  return absl::UnavailableError(where + ": input/output error");
}

}  // namespace

SimulatedIo::SimulatedIo(const SimulatedOptions& options, const SimulatedDisk& disk)
    : options_(options), disk_(disk), random_(options.seed) {}

SimulatedIo::~SimulatedIo() { MORAINE_CHECK(open_counts_.empty()); }

absl::StatusOr<std::unique_ptr<Directory>> SimulatedIo::OpenDirectory(const std::string& path,
                                                                      bool create) {
  MutexLock lock(mutex_);
  MORAINE_RETURN_IF_ERROR(Begin(SimulatedOperation::kOpen, generation_, path));
  const size_t separator = path.rfind('/');
  const std::string parent = separator == std::string::npos ? "" : path.substr(0, separator);
  const std::string name = path.substr(separator == std::string::npos ? 0 : separator + 1);
  if (!disk_.HasDirectory(path)) {
    if (disk_.Find(parent, name).has_value()) {
      return absl::FailedPreconditionError("open directory " + path + ": not a directory");
    }
    if (!create || !disk_.HasDirectory(parent)) {
      return absl::NotFoundError("open directory " + path + ": no such directory");
    }
  }
  disk_.MakeDirectory(path);
  return std::make_unique<SimulatedDirectory>(*this, path, generation_);
}

absl::StatusOr<std::unique_ptr<IoQueue>> SimulatedIo::NewQueue(uint32_t depth) {
  return std::make_unique<SimulatedQueue>(*this, depth);
}

void SimulatedIo::OnBoundary(std::function<void(const SimulatedBoundary&)> callback) {
  MutexLock lock(mutex_);
  on_boundary_ = std::move(callback);
}

void SimulatedIo::StopAtBoundary(uint64_t index) {
  MutexLock lock(mutex_);
  stop_at_ = index;
}

bool SimulatedIo::stopped() const {
  MutexLock lock(mutex_);
  return stopped_;
}

void SimulatedIo::AddFault(const FaultRule& rule) {
  MutexLock lock(mutex_);
  rules_.push_back(rule);
}

void SimulatedIo::ClearFaults() {
  MutexLock lock(mutex_);
  rules_.clear();
}

void SimulatedIo::SetDiskBytes(uint64_t bytes) {
  MutexLock lock(mutex_);
  options_.disk_bytes = bytes;
}

uint64_t SimulatedIo::operation_count() const {
  MutexLock lock(mutex_);
  return operation_count_;
}

uint64_t SimulatedIo::boundary_count() const {
  MutexLock lock(mutex_);
  return boundary_count_;
}

uint64_t SimulatedIo::fault_count() const {
  MutexLock lock(mutex_);
  return fault_count_;
}

void SimulatedIo::EndProcess() {
  ++generation_;
  open_counts_.clear();
  locks_.clear();
  stopped_ = false;
  stop_at_ = UINT64_MAX;
  disk_.DropUnreachable({});
}

void SimulatedIo::KillProcess() {
  MutexLock lock(mutex_);
  EndProcess();
}

void SimulatedIo::PowerCut(const PowerCutPlan& plan) {
  MutexLock lock(mutex_);
  disk_ = disk_.SurvivePowerCut(plan);
  EndProcess();
}

SimulatedDisk SimulatedIo::Image() const {
  MutexLock lock(mutex_);
  return disk_;
}

std::optional<FaultKind> SimulatedIo::FaultOf(SimulatedOperation operation,
                                              const std::string& path) {
  const uint64_t index = operation_count_++;
  for (auto rule = rules_.begin(); rule != rules_.end(); ++rule) {
    if (index < rule->first_operation) continue;
    if (rule->only.has_value() && *rule->only != operation) continue;
    if (path.find(rule->path_contains) == std::string::npos) continue;
    if (rule->kind == FaultKind::kDiskFull && !MayNeedSpace(operation)) continue;
    if (rule->kind == FaultKind::kShort && operation != SimulatedOperation::kWrite) continue;
    const FaultKind kind = rule->kind;
    if (!rule->persistent) rules_.erase(rule);
    ++fault_count_;
    return kind;
  }
  return std::nullopt;
}

absl::Status SimulatedIo::Begin(SimulatedOperation operation, uint64_t generation,
                                const std::string& path, std::optional<FaultKind>* fault) {
  if (generation != generation_) {
    return absl::FailedPreconditionError(path + ": the process of this handle has ended");
  }
  if (stopped_) return absl::UnavailableError(path + ": the machine is off");
  *fault = FaultOf(operation, path);
  return absl::OkStatus();
}

absl::Status SimulatedIo::Begin(SimulatedOperation operation, uint64_t generation,
                                const std::string& path) {
  std::optional<FaultKind> fault;
  MORAINE_RETURN_IF_ERROR(Begin(operation, generation, path, &fault));
  return fault.has_value() ? FaultStatus(*fault, path) : absl::OkStatus();
}

absl::Status SimulatedIo::PassBoundary(SimulatedOperation operation) {
  const uint64_t index = boundary_count_++;
  if (on_boundary_) on_boundary_({index, operation, disk_});
  if (index < stop_at_) return absl::OkStatus();
  stopped_ = true;
  return absl::UnavailableError("the machine went off");
}

bool SimulatedIo::HasSpace(FileId file, uint64_t size) const {
  if (options_.disk_bytes == UINT64_MAX) return true;
  const uint64_t old_size = disk_.Size(file);
  return size <= old_size || disk_.UsedBytes() + (size - old_size) <= options_.disk_bytes;
}

absl::Status SimulatedIo::Perform(const IoRequest& request) {
  MORAINE_RETURN_IF_ERROR(CheckRequest(request));
  const auto& handle = static_cast<SimulatedFile&>(*request.file);
  switch (request.kind) {
    case IoKind::kRead:
      return ReadRequest(request, handle.file(), handle.generation());
    case IoKind::kWrite:
      if (!handle.writable()) {
        return absl::FailedPreconditionError("write " + Where(request) + ": read only");
      }
      return WriteRequest(request, handle.file(), handle.generation());
    case IoKind::kSync:
      return SyncRequest(request, handle.file(), handle.generation());
  }
  return absl::InternalError("unknown request");
}

absl::Status SimulatedIo::ReadRequest(const IoRequest& request, FileId file, uint64_t generation) {
  MORAINE_RETURN_IF_ERROR(Begin(SimulatedOperation::kRead, generation, request.file->path()));
  const uint64_t size = disk_.Size(file);
  if (request.size == 0) return absl::OkStatus();
  if (request.offset > size || request.size > size - request.offset) {
    return absl::OutOfRangeError("read " + Where(request) + ": the file ends at offset " +
                                 std::to_string(size));
  }
  disk_.Read(file, request.offset, request.data, request.size);
  return absl::OkStatus();
}

absl::Status SimulatedIo::WriteRequest(const IoRequest& request, FileId file, uint64_t generation) {
  std::optional<FaultKind> fault;
  MORAINE_RETURN_IF_ERROR(
      Begin(SimulatedOperation::kWrite, generation, request.file->path(), &fault));
  std::string_view bytes(request.data, request.size);
  if (!HasSpace(file, request.offset + request.size)) fault = FaultKind::kDiskFull;
  if (fault == FaultKind::kDeviceError || fault == FaultKind::kDiskFull) {
    // Some of it may have got there; a full disk has no room for more than there was.
    uint64_t part = random_.Below(request.size / kDeviceSectorBytes + 1) * kDeviceSectorBytes;
    if (!HasSpace(file, request.offset + part)) part = 0;
    disk_.Write(file, request.offset, bytes.substr(0, part));
    MORAINE_RETURN_IF_ERROR(PassBoundary(SimulatedOperation::kWrite));
    return FaultStatus(*fault, "write " + Where(request));
  }
  size_t done = 0;
  if (fault == FaultKind::kShort && bytes.size() > 1) {
    done = 1 + random_.Below(bytes.size() - 1);
    if (request.file->direct()) done -= done % kDeviceSectorBytes;
    disk_.Write(file, request.offset, bytes.substr(0, done));
    MORAINE_RETURN_IF_ERROR(PassBoundary(SimulatedOperation::kWrite));
    if (request.durable) disk_.SyncRange(file, request.offset, done);
  }
  disk_.Write(file, request.offset + done, bytes.substr(done));
  MORAINE_RETURN_IF_ERROR(PassBoundary(SimulatedOperation::kWrite));
  if (request.durable) disk_.SyncRange(file, request.offset + done, bytes.size() - done);
  return absl::OkStatus();
}

absl::Status SimulatedIo::SyncRequest(const IoRequest& request, FileId file, uint64_t generation) {
  std::optional<FaultKind> fault;
  MORAINE_RETURN_IF_ERROR(
      Begin(SimulatedOperation::kSync, generation, request.file->path(), &fault));
  MORAINE_RETURN_IF_ERROR(PassBoundary(SimulatedOperation::kSync));
  if (fault.has_value()) {
    disk_.LoseUnsynced(file, random_.Next());
    return FaultStatus(*fault, "sync " + Where(request));
  }
  disk_.Sync(file);
  return absl::OkStatus();
}

}  // namespace moraine
