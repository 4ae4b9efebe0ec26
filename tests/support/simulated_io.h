// The third backend of storage/io/io.h: a device in memory that can lose power, fill up, and fail
// at a chosen operation. The same seed and the same single-threaded workload give the same
// requests in the same order, the same failures and the same disk.
//
// Every write, sync and change of a directory is a boundary: the moment at which it was begun and
// nothing of it is acknowledged or durable. At a boundary a test may keep an image of the disk
// (on_boundary), or switch the machine off (StopAtBoundary). One run of a workload so yields the
// images of all its crashes:
//
//   std::vector<SimulatedDisk> images;
//   io.OnBoundary([&](const SimulatedBoundary& boundary) { images.push_back(boundary.disk); });
//   ... workload ...
//   SimulatedIo after_crash({}, images[n].SurvivePowerCut(PowerCutPlan::FromSeed(seed)));
//
// Threads: everything may be called by any thread; one lock covers the device. Handles and queues
// must be gone before their SimulatedIo is.
#ifndef MORAINE_TESTS_SUPPORT_SIMULATED_IO_H_
#define MORAINE_TESTS_SUPPORT_SIMULATED_IO_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/io/io.h"
#include "storage/sync/mutex.h"
#include "tests/support/seeds.h"
#include "tests/support/simulated_disk.h"

namespace moraine {

struct SimulatedOptions {
  uint64_t seed = 1;
  bool shuffle_batches = true;     // requests of one batch in any order; otherwise as added
  bool delay_completions = false;  // some requests only happen when somebody waits, in any order
  bool direct = true;              // whether files can be direct
  uint64_t disk_bytes = UINT64_MAX;
};

enum class SimulatedOperation : uint8_t {
  kRead,
  kWrite,
  kSync,
  kOpen,
  kCreate,
  kRemove,
  kRename,
  kList,
  kSyncDirectory,
  kSize,
  kAllocate,
  kTruncate,
  kLock,
};

enum class FaultKind : uint8_t {
  kDeviceError,  // EIO; a failed sync loses what was not synced, a failed write may leave a part
  kDiskFull,     // ENOSPC, of operations that may need space; a failed write may leave a part
  kShort,        // a write happens in two parts, each a boundary; nobody must notice
};

struct FaultRule {
  FaultKind kind = FaultKind::kDeviceError;
  uint64_t first_operation = 0;  // as operation_count() counts
  bool persistent = false;       // otherwise once
  std::optional<SimulatedOperation> only;
  std::string path_contains;
};

struct SimulatedBoundary {
  uint64_t index;
  SimulatedOperation operation;
  const SimulatedDisk& disk;  // copy it to keep an image
};

class SimulatedIo final : public Io {
 public:
  explicit SimulatedIo(const SimulatedOptions& options, const SimulatedDisk& disk = {});
  ~SimulatedIo() override;
  SimulatedIo(const SimulatedIo&) = delete;
  SimulatedIo& operator=(const SimulatedIo&) = delete;

  IoBackend backend() const override { return IoBackend::kSimulated; }
  const std::string& fallback_reason() const override { return no_reason_; }
  absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(const std::string& path,
                                                           bool create) override;
  absl::StatusOr<std::unique_ptr<IoQueue>> NewQueue(uint32_t depth) override;

  // Called at every boundary, under the device's lock: it must not call the device. Empty: none.
  void OnBoundary(std::function<void(const SimulatedBoundary&)> callback);
  // The machine goes off at boundary `index`: that operation and all later ones are Unavailable
  // until KillProcess or PowerCut.
  void StopAtBoundary(uint64_t index);
  bool stopped() const;
  void AddFault(const FaultRule& rule);
  void ClearFaults();
  void SetDiskBytes(uint64_t bytes);
  uint64_t operation_count() const;  // of any kind, so far
  uint64_t boundary_count() const;
  uint64_t fault_count() const;  // faults that happened

  // The process ends: what was written stays, handles are FailedPrecondition from now on, locks
  // are free.
  void KillProcess();
  // The machine loses power, which also ends the process, and is on again.
  void PowerCut(const PowerCutPlan& plan);
  void PowerCut(uint64_t seed) { PowerCut(PowerCutPlan::FromSeed(seed)); }
  SimulatedDisk Image() const;

 private:
  friend class SimulatedFile;
  friend class SimulatedDirectory;
  friend class SimulatedQueue;
  using FileId = SimulatedDisk::FileId;

  // All of the following: under mutex_.

  // Counts an operation. An error when the process of `generation` has ended, the machine is off,
  // or a rule says so; errors that leave traces come as *fault, with OK.
  absl::Status Begin(SimulatedOperation operation, uint64_t generation, const std::string& path,
                     std::optional<FaultKind>* fault);
  // The same, where a fault just fails.
  absl::Status Begin(SimulatedOperation operation, uint64_t generation, const std::string& path);
  std::optional<FaultKind> FaultOf(SimulatedOperation operation, const std::string& path);
  // Unavailable when the machine went off here.
  absl::Status PassBoundary(SimulatedOperation operation);
  absl::Status ReadRequest(const IoRequest& request, FileId file, uint64_t generation);
  absl::Status WriteRequest(const IoRequest& request, FileId file, uint64_t generation);
  absl::Status SyncRequest(const IoRequest& request, FileId file, uint64_t generation);
  absl::Status Perform(const IoRequest& request);
  bool HasSpace(FileId file, uint64_t size) const;
  void EndProcess();

  mutable Mutex mutex_;
  SimulatedOptions options_;
  SimulatedDisk disk_;
  Random random_;
  uint64_t generation_ = 1;  // of the process; handles of an older one are dead
  bool stopped_ = false;
  uint64_t stop_at_ = UINT64_MAX;
  uint64_t operation_count_ = 0;
  uint64_t boundary_count_ = 0;
  uint64_t fault_count_ = 0;
  std::function<void(const SimulatedBoundary&)> on_boundary_;
  std::vector<FaultRule> rules_;
  std::map<FileId, uint32_t> open_counts_;
  std::set<std::pair<std::string, std::string>> locks_;
  const std::string no_reason_;
};

}  // namespace moraine

#endif  // MORAINE_TESTS_SUPPORT_SIMULATED_IO_H_
