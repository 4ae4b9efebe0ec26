// The device in memory: requests are carried out at once, in order, by the calling thread; what a
// power cut may take is kept beside what it must leave.
#include "tests/log/fake_device.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace moraine {

constexpr uint64_t kSectorBytes = 512;

class FakeFile final : public File {
 public:
  FakeFile(FakeDevice& device, std::string name, std::shared_ptr<FakeInode> inode)
      : device_(device), path_("fake/" + name), name_(std::move(name)), inode_(std::move(inode)) {}
  const std::string& path() const override { return path_; }
  bool direct() const override { return true; }
  absl::StatusOr<uint64_t> Size() override {
    std::lock_guard lock(device_.mutex_);
    return inode_->live.size();
  }
  absl::Status Allocate(uint64_t bytes) override {
    std::lock_guard lock(device_.mutex_);
    if (bytes <= inode_->live.size()) return absl::OkStatus();
    if (device_.UsedBytes() + bytes - inode_->live.size() > device_.capacity_) {
      return absl::ResourceExhaustedError(path_ + ": no space left on device");
    }
    inode_->live.resize(bytes);
    return absl::OkStatus();
  }
  absl::Status Truncate(uint64_t bytes) override {
    std::lock_guard lock(device_.mutex_);
    inode_->live.resize(bytes);
    return absl::OkStatus();
  }

  FakeDevice& device_;
  const std::string path_;
  const std::string name_;
  const std::shared_ptr<FakeInode> inode_;
};

class FakeDirectory final : public Directory {
 public:
  explicit FakeDirectory(FakeDevice& device) : device_(device) {}
  const std::string& path() const override { return path_; }
  absl::StatusOr<std::unique_ptr<File>> OpenFile(std::string_view name,
                                                 const OpenFileOptions& options) override {
    std::lock_guard lock(device_.mutex_);
    std::string key(name);
    auto found = device_.live_names_.find(key);
    if (found == device_.live_names_.end()) {
      if (!options.create) return absl::NotFoundError(key);
      found = device_.live_names_.emplace(key, std::make_shared<FakeInode>()).first;
    }
    return std::make_unique<FakeFile>(device_, key, found->second);
  }
  absl::Status Remove(std::string_view name) override {
    std::lock_guard lock(device_.mutex_);
    if (device_.live_names_.erase(std::string(name)) == 0) return absl::NotFoundError("remove");
    return absl::OkStatus();
  }
  absl::Status Rename(std::string_view from, std::string_view to) override {
    std::lock_guard lock(device_.mutex_);
    auto found = device_.live_names_.find(std::string(from));
    if (found == device_.live_names_.end()) return absl::NotFoundError("rename");
    std::shared_ptr<FakeInode> inode = found->second;
    device_.live_names_.erase(found);
    device_.live_names_[std::string(to)] = std::move(inode);
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<std::string>> List() override { return device_.Names(); }
  absl::Status Sync() override {
    std::lock_guard lock(device_.mutex_);
    device_.durable_names_ = device_.live_names_;
    return absl::OkStatus();
  }
  absl::StatusOr<std::unique_ptr<File>> Lock(std::string_view) override {
    return absl::UnimplementedError("lock");
  }

 private:
  FakeDevice& device_;
  const std::string path_ = "fake";
};

class FakeQueue final : public IoQueue {
 public:
  FakeQueue(FakeDevice& device, uint64_t incarnation)
      : device_(device), incarnation_(incarnation) {}
  void Add(const IoRequest& request) override { added_.push_back(request); }
  absl::Status Submit() override {
    for (const IoRequest& request : added_) {
      done_.push_back({request.token, device_.Execute(request, incarnation_)});
    }
    added_.clear();
    return absl::OkStatus();
  }
  absl::Status SubmitAndWait(size_t, std::vector<IoCompletion>* completions) override {
    Submit().IgnoreError();
    completions->insert(completions->end(), done_.begin(), done_.end());
    done_.clear();
    return absl::OkStatus();
  }
  size_t in_flight() const override { return done_.size(); }

 private:
  FakeDevice& device_;
  const uint64_t incarnation_;
  std::vector<IoRequest> added_;
  std::vector<IoCompletion> done_;
};

absl::StatusOr<std::unique_ptr<Directory>> FakeDevice::OpenDirectory(const std::string&, bool) {
  return std::make_unique<FakeDirectory>(*this);
}

absl::StatusOr<std::unique_ptr<IoQueue>> FakeDevice::NewQueue(uint32_t) {
  std::lock_guard lock(mutex_);
  return std::make_unique<FakeQueue>(*this, incarnation_);
}

void FakeDevice::SetHook(Hook hook) {
  std::lock_guard lock(mutex_);
  hook_ = std::move(hook);
}

void FakeDevice::SetCapacity(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  capacity_ = bytes;
}

uint64_t FakeDevice::UsedBytes() {
  uint64_t used = 0;
  for (const auto& [name, inode] : live_names_) used += inode->live.size();
  return used;
}

absl::Status FakeDevice::Execute(const IoRequest& request, uint64_t incarnation) {
  FakeFile& file = static_cast<FakeFile&>(*request.file);
  Hook hook;
  {
    std::lock_guard lock(mutex_);
    hook = hook_;
  }
  if (hook) {
    absl::Status status = hook(request.kind, file.name_);
    if (status.ok() && request.durable) status = hook(IoKind::kSync, file.name_);
    if (!status.ok()) return status;
  }
  std::lock_guard lock(mutex_);
  if (incarnation != incarnation_) return absl::UnavailableError("the process is gone");
  FakeInode& inode = *file.inode_;
  switch (request.kind) {
    case IoKind::kRead:
      if (request.offset + request.size > inode.live.size()) {
        return absl::OutOfRangeError(file.path_ + ": read past the end");
      }
      std::memcpy(request.data, inode.live.data() + request.offset, request.size);
      return absl::OkStatus();
    case IoKind::kWrite: {
      bool aligned = request.offset % kIoAlignment == 0 && request.size % kIoAlignment == 0 &&
                     reinterpret_cast<uintptr_t>(request.data) % kIoAlignment == 0;
      if (!aligned) return absl::InvalidArgumentError(file.path_ + ": unaligned write");
      ++writes_;
      if (request.offset + request.size > inode.live.size()) {
        inode.live.resize(request.offset + request.size);
      }
      std::memcpy(inode.live.data() + request.offset, request.data, request.size);
      if (request.durable) {
        ++syncs_;
        if (inode.durable.size() < inode.live.size()) inode.durable.resize(inode.live.size());
        std::memcpy(inode.durable.data() + request.offset, request.data, request.size);
      } else {
        inode.unsynced.push_back({request.offset, std::string(request.data, request.size)});
      }
      return absl::OkStatus();
    }
    case IoKind::kSync:
      ++syncs_;
      inode.durable = inode.live;
      inode.unsynced.clear();
      return absl::OkStatus();
  }
  return absl::InternalError("kind");
}

void FakeDevice::LosePower(std::mt19937_64& random) {
  std::lock_guard lock(mutex_);
  ++incarnation_;
  hook_ = nullptr;
  std::map<std::string, std::shared_ptr<FakeInode>> names = durable_names_;
  for (const auto& [name, inode] : live_names_) {
    if (random() % 2 == 0) names.try_emplace(name, inode);
  }
  for (auto& [name, inode] : names) {
    if (inode->durable.size() < inode->live.size() && random() % 2 == 0) {
      inode->durable.resize(inode->live.size());
    }
    for (const FakeInode::Write& write : inode->unsynced) {
      for (uint64_t at = 0; at < write.bytes.size(); at += kSectorBytes) {
        uint64_t size = std::min<uint64_t>(kSectorBytes, write.bytes.size() - at);
        if (random() % 2 == 0 || write.offset + at + size > inode->durable.size()) continue;
        inode->durable.replace(write.offset + at, size, write.bytes, at, size);
      }
    }
    inode->unsynced.clear();
    inode->live = inode->durable;
  }
  live_names_ = names;
  durable_names_ = names;
}

void FakeDevice::Abandon() {
  std::lock_guard lock(mutex_);
  ++incarnation_;
  hook_ = nullptr;
}

std::string* FakeDevice::MutableLive(const std::string& name) {
  return &live_names_.at(name)->live;
}

std::vector<std::string> FakeDevice::Names() {
  std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, inode] : live_names_) names.push_back(name);
  return names;
}

}  // namespace moraine
