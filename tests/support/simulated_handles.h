// Files, directories and queues of the simulated device: they check and translate calls; what a
// call does is in simulated_io.cc and simulated_disk.cc.
#ifndef MORAINE_TESTS_SUPPORT_SIMULATED_HANDLES_H_
#define MORAINE_TESTS_SUPPORT_SIMULATED_HANDLES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/simulated_io.h"

namespace moraine {

class SimulatedFile : public File {
 public:
  // Counts itself as a user of `file`; the device's lock is held.
  SimulatedFile(SimulatedIo& io, SimulatedDisk::FileId file, std::string path, bool direct,
                bool writable);
  ~SimulatedFile() override;

  const std::string& path() const override { return path_; }
  bool direct() const override { return direct_; }
  absl::StatusOr<uint64_t> Size() override;
  absl::Status Allocate(uint64_t bytes) override;
  absl::Status Truncate(uint64_t bytes) override;

  SimulatedDisk::FileId file() const { return file_; }
  uint64_t generation() const { return generation_; }
  bool writable() const { return writable_; }

 protected:
  SimulatedIo& io_;

 private:
  absl::Status Resize(SimulatedOperation operation, uint64_t bytes, bool may_shrink);

  const SimulatedDisk::FileId file_;
  const uint64_t generation_;
  const std::string path_;
  const bool direct_;
  const bool writable_;
};

class SimulatedDirectory final : public Directory {
 public:
  SimulatedDirectory(SimulatedIo& io, std::string path, uint64_t generation)
      : io_(io), path_(std::move(path)), generation_(generation) {}

  const std::string& path() const override { return path_; }
  absl::StatusOr<std::unique_ptr<File>> OpenFile(std::string_view name,
                                                 const OpenFileOptions& options) override;
  absl::Status Remove(std::string_view name) override;
  absl::Status Rename(std::string_view from, std::string_view to) override;
  absl::StatusOr<std::vector<std::string>> List() override;
  absl::Status Sync() override;
  absl::StatusOr<std::unique_ptr<File>> Lock(std::string_view name) override;

 private:
  std::string PathOf(std::string_view name) const { return path_ + "/" + std::string(name); }
  // The file, made when the options say so; under the device's lock.
  absl::StatusOr<SimulatedDisk::FileId> FindOrCreate(std::string_view name,
                                                     const OpenFileOptions& options);

  SimulatedIo& io_;
  const std::string path_;
  const uint64_t generation_;
};

class SimulatedQueue final : public IoQueue {
 public:
  SimulatedQueue(SimulatedIo& io, uint32_t depth) : io_(io), depth_(depth == 0 ? 1 : depth) {}
  ~SimulatedQueue() override;

  void Add(const IoRequest& request) override { batch_.push_back(request); }
  absl::Status Submit() override;
  absl::Status SubmitAndWait(size_t count, std::vector<IoCompletion>* completions) override;
  size_t in_flight() const override { return started_.size() + ready_.size(); }

 private:
  // Under the device's lock: moves the batch to started_ and performs what must not wait.
  void Start();
  // Performs one of started_.
  void PerformOne();

  SimulatedIo& io_;
  const size_t depth_;
  std::vector<IoRequest> batch_;
  std::vector<IoRequest> started_;  // submitted, and nothing of them happened yet
  std::vector<IoCompletion> ready_;
};

}  // namespace moraine

#endif  // MORAINE_TESTS_SUPPORT_SIMULATED_HANDLES_H_
