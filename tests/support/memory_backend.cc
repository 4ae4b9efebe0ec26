// Objects as shared strings; the head behind the same lock.
#include "tests/support/memory_backend.h"

#include <algorithm>
#include <cstring>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

#include "storage/base/status_macros.h"

namespace moraine {
namespace {

// An object, or what a writer has gathered for one; grows under the lock only.
class MemoryReader final : public SegmentReader {
 public:
  explicit MemoryReader(std::string path) : path_(std::move(path)) {}
  const std::string& path() const override { return path_; }
  File* local_file() const override { return nullptr; }
  absl::StatusOr<uint64_t> Size() const override {
    MutexLock lock(mutex_);
    return bytes_.size();
  }
  uint64_t Append(std::string_view bytes) {
    MutexLock lock(mutex_);
    bytes_.append(bytes);
    return bytes_.size() - bytes.size();
  }
  absl::Status Read(const SegmentRead& read) const {
    MutexLock lock(mutex_);
    if (read.offset > bytes_.size() || read.size > bytes_.size() - read.offset) {
      return absl::OutOfRangeError(absl::StrCat(path_, ": offset ", read.offset, ": ", read.size,
                                                " bytes wanted of ", bytes_.size()));
    }
    std::memcpy(read.data, bytes_.data() + read.offset, read.size);
    return absl::OkStatus();
  }

 private:
  const std::string path_;
  mutable Mutex mutex_;
  std::string bytes_;
};

}  // namespace

class MemoryWriter final : public SegmentWriter {
 public:
  MemoryWriter(std::shared_ptr<MemoryBackend::State> state, std::string name)
      : state_(std::move(state)),
        name_(std::move(name)),
        reader_(std::make_shared<MemoryReader>("memory/" + name_)) {
    MutexLock lock(state_->mutex);
    generation_ = state_->generation;
  }
  ~MemoryWriter() override {
    MutexLock lock(state_->mutex);
    if (state_->generation == generation_ && !sealed_) state_->begun.erase(name_);
  }

  absl::StatusOr<uint64_t> Append(std::string_view bytes) override {
    MutexLock lock(state_->mutex);
    if (sealed_) return absl::FailedPreconditionError(name_ + ": is sealed");
    if (state_->bytes + bytes.size() > state_->options.most_bytes) {
      return absl::ResourceExhaustedError("the place is full");
    }
    state_->bytes += bytes.size();
    return reader_->Append(bytes);
  }
  absl::Status Sync() override { return Seal(); }
  absl::Status Seal() override {
    MORAINE_RETURN_IF_ERROR(state_->Travel());
    MutexLock lock(state_->mutex);
    if (state_->generation != generation_) return absl::UnavailableError("the process has ended");
    if (std::exchange(sealed_, true)) return absl::OkStatus();
    state_->begun.erase(name_);
    state_->objects[name_] = reader_;
    return absl::OkStatus();
  }
  bool sealed() const override {
    MutexLock lock(state_->mutex);
    return sealed_;
  }
  std::shared_ptr<const SegmentReader> reader() const override { return reader_; }

 private:
  const std::shared_ptr<MemoryBackend::State> state_;
  const std::string name_;
  const std::shared_ptr<MemoryReader> reader_;
  uint64_t generation_ = 0;
  bool sealed_ = false;  // under the state's lock
};

absl::Status MemoryBackend::State::Travel() {
  uint64_t wait_us = 0;
  bool fails = false;
  {
    MutexLock lock(mutex);
    ++calls;
    if (options.most_latency.count() > 0) {
      wait_us = random.Below(static_cast<uint64_t>(options.most_latency.count()) + 1);
    }
    fails = options.failure_one_in > 0 && random.OneIn(options.failure_one_in);
    failures += fails ? 1 : 0;
  }
  if (wait_us > 0) std::this_thread::sleep_for(std::chrono::microseconds(wait_us));
  return fails ? absl::UnavailableError("the network failed") : absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<SegmentWriter>> MemoryBackend::Create(std::string_view name) {
  MORAINE_RETURN_IF_ERROR(CheckSegmentName(name));
  {
    MutexLock lock(state_->mutex);
    if (state_->objects.contains(name) || !state_->begun.emplace(name).second) {
      return absl::AlreadyExistsError("there is a segment '" + std::string(name) + "' already");
    }
  }
  return std::make_unique<MemoryWriter>(state_, std::string(name));
}

absl::StatusOr<std::shared_ptr<const SegmentReader>> MemoryBackend::Open(std::string_view name) {
  MORAINE_RETURN_IF_ERROR(CheckSegmentName(name));
  MORAINE_RETURN_IF_ERROR(state_->Travel());
  MutexLock lock(state_->mutex);
  auto found = state_->objects.find(name);
  if (found == state_->objects.end()) {
    return absl::NotFoundError("there is no segment '" + std::string(name) + "'");
  }
  return found->second;
}

absl::StatusOr<std::vector<std::string>> MemoryBackend::List(std::string_view prefix) {
  MORAINE_RETURN_IF_ERROR(state_->Travel());
  MutexLock lock(state_->mutex);
  std::vector<std::string> names;
  for (const auto& [name, object] : state_->objects) {
    if (name.starts_with(prefix)) names.push_back(name);
  }
  return names;
}

absl::Status MemoryBackend::Delete(std::string_view name) {
  MORAINE_RETURN_IF_ERROR(CheckSegmentName(name));
  MORAINE_RETURN_IF_ERROR(state_->Travel());
  MutexLock lock(state_->mutex);
  auto found = state_->objects.find(name);
  if (found == state_->objects.end()) return absl::OkStatus();
  absl::StatusOr<uint64_t> size = found->second->Size();
  state_->bytes -= size.ok() ? *size : 0;
  state_->objects.erase(found);
  return absl::OkStatus();
}

// As many requests at once as there are ranges: one after the other would add up the waits.
void MemoryBackend::Read(std::span<SegmentRead> reads) {
  auto run = [this](SegmentRead& read) {
    read.status = state_->Travel();
    if (!read.status.ok()) return;
    read.status = static_cast<const MemoryReader*>(read.segment)->Read(read);
  };
  std::vector<std::thread> others;
  for (size_t i = 1; i < reads.size(); ++i) others.emplace_back(run, std::ref(reads[i]));
  if (!reads.empty()) run(reads.front());
  for (std::thread& other : others) other.join();
}

absl::StatusOr<SegmentHead> MemoryBackend::ReadHead() {
  MORAINE_RETURN_IF_ERROR(state_->Travel());
  MutexLock lock(state_->mutex);
  return state_->head;
}

absl::StatusOr<uint64_t> MemoryBackend::ReplaceHead(uint64_t expected_version,
                                                    std::string_view bytes) {
  absl::Status there = state_->Travel();
  bool lost = false;
  {
    MutexLock lock(state_->mutex);
    // A request that failed may have arrived all the same.
    lost = !there.ok() && state_->random.OneIn(2);
    if (there.ok() || lost) {
      if (state_->head.version != expected_version) {
        if (there.ok()) {
          return absl::AbortedError(absl::StrCat("the head is of version ", state_->head.version));
        }
      } else {
        state_->head = {expected_version + 1, std::string(bytes)};
      }
    }
  }
  MORAINE_RETURN_IF_ERROR(there);
  return expected_version + 1;
}

void MemoryBackend::Crash() {
  MutexLock lock(state_->mutex);
  ++state_->generation;
  state_->begun.clear();
}

uint64_t MemoryBackend::call_count() const {
  MutexLock lock(state_->mutex);
  return state_->calls;
}

uint64_t MemoryBackend::failure_count() const {
  MutexLock lock(state_->mutex);
  return state_->failures;
}

}  // namespace moraine
