// One list of tasks under one lock, served by the pool's threads; every queue collects its own
// completions under its own lock. A caller that waits for everything it submitted carries out the
// last request itself, so that a single read costs no hand-over.
//
// Locks: WorkerPool::mutex_ and PoolQueue::mutex_ are never held together.
#include "storage/io/pool_io.h"

#include <errno.h>
#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include "storage/base/check.h"
#include "storage/io/file_set.h"
#include "storage/io/io_error.h"
#include "storage/io/transfer.h"
#include "storage/sync/mutex.h"

namespace moraine {
namespace {

using UniqueLock = std::unique_lock<Mutex>;

class PoolQueue;

struct Task {
  PoolQueue* queue;
  IoRequest request;
};

class WorkerPool {
 public:
  WorkerPool() = default;
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // As many as can be had; an error when not even one.
  absl::Status Start(uint32_t thread_count);
  // Takes over `count` requests.
  void Add(PoolQueue* queue, const IoRequest* requests, size_t count);

 private:
  void Work();

  Mutex mutex_;
  std::condition_variable has_work_;
  std::deque<Task> tasks_;
  bool stopping_ = false;
  std::vector<pthread_t> threads_;
};

class PoolQueue final : public IoQueue {
 public:
  PoolQueue(WorkerPool& pool, uint32_t depth) : pool_(pool), depth_(std::max(depth, 1u)) {}
  ~PoolQueue() override;

  void Add(const IoRequest& request) override { batch_.push_back(request); }
  absl::Status Submit() override;
  absl::Status SubmitAndWait(size_t count, std::vector<IoCompletion>* completions) override;
  size_t in_flight() const override;

  // Called by the pool.
  void Complete(uint64_t token, absl::Status status);

 private:
  // Hands over batch_[0, end), never more at once than the depth allows, and empties that part.
  void HandOver(size_t end);

  WorkerPool& pool_;
  const size_t depth_;
  std::vector<IoRequest> batch_;
  mutable Mutex mutex_;
  std::condition_variable completed_;
  size_t running_ = 0;  // handed to the pool, not completed
  std::vector<IoCompletion> ready_;
};

absl::Status WorkerPool::Start(uint32_t thread_count) {
  for (uint32_t index = 0; index < std::max(thread_count, 1u); ++index) {
    // std::thread could report a failure only by throwing.
    pthread_t thread{};
    auto run = [](void* pool) -> void* {
      static_cast<WorkerPool*>(pool)->Work();
      return nullptr;
    };
    const int error_number = pthread_create(&thread, nullptr, run, this);
    if (error_number == 0) {
      threads_.push_back(thread);
    } else if (threads_.empty()) {
      return SystemError(ENOMEM, "start", "I/O threads");
    }
  }
  return absl::OkStatus();
}

WorkerPool::~WorkerPool() {
  {
    MutexLock lock(mutex_);
    MORAINE_CHECK(tasks_.empty());  // queues end before their Io and wait for what is theirs
    stopping_ = true;
  }
  has_work_.notify_all();
  for (pthread_t thread : threads_) MORAINE_CHECK(pthread_join(thread, nullptr) == 0);
}

void WorkerPool::Add(PoolQueue* queue, const IoRequest* requests, size_t count) {
  {
    MutexLock lock(mutex_);
    for (size_t index = 0; index < count; ++index) tasks_.push_back({queue, requests[index]});
  }
  for (size_t index = 0; index < std::min(count, threads_.size()); ++index) has_work_.notify_one();
}

void WorkerPool::Work() {
  UniqueLock lock(mutex_);
  while (true) {
    has_work_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    const Task task = tasks_.front();
    tasks_.pop_front();
    lock.unlock();
    task.queue->Complete(task.request.token, RunTransfer(task.request));
    lock.lock();
  }
}

PoolQueue::~PoolQueue() {
  UniqueLock lock(mutex_);
  completed_.wait(lock, [this] { return running_ == 0; });
}

void PoolQueue::Complete(uint64_t token, absl::Status status) {
  MutexLock lock(mutex_);
  --running_;
  ready_.push_back({token, std::move(status)});
  // Under the lock: the owner may destroy the queue as soon as it sees the last completion.
  completed_.notify_one();
}

size_t PoolQueue::in_flight() const {
  MutexLock lock(mutex_);
  return running_ + ready_.size();
}

void PoolQueue::HandOver(size_t end) {
  size_t begin = 0;
  while (begin < end) {
    size_t count = 0;
    {
      UniqueLock lock(mutex_);
      completed_.wait(lock, [this] { return running_ < depth_; });
      count = std::min(end - begin, depth_ - running_);
      running_ += count;
    }
    pool_.Add(this, &batch_[begin], count);
    begin += count;
  }
  batch_.erase(batch_.begin(), batch_.begin() + static_cast<ptrdiff_t>(end));
}

absl::Status PoolQueue::Submit() {
  HandOver(batch_.size());
  return absl::OkStatus();
}

absl::Status PoolQueue::SubmitAndWait(size_t count, std::vector<IoCompletion>* completions) {
  count = std::min(count, in_flight() + batch_.size());
  // Waiting for everything anyway: the last one is carried out here.
  const bool help = !batch_.empty() && count == in_flight() + batch_.size();
  HandOver(batch_.size() - (help ? 1 : 0));
  if (help) {
    const IoRequest request = batch_.front();
    batch_.clear();
    absl::Status status = RunTransfer(request);
    MutexLock lock(mutex_);
    ready_.push_back({request.token, std::move(status)});
  }
  UniqueLock lock(mutex_);
  completed_.wait(lock, [&] { return ready_.size() >= count; });
  std::move(ready_.begin(), ready_.end(), std::back_inserter(*completions));
  ready_.clear();
  return absl::OkStatus();
}

class PoolIo final : public Io {
 public:
  explicit PoolIo(std::string fallback_reason) : fallback_reason_(std::move(fallback_reason)) {}

  absl::Status Start(uint32_t thread_count) { return pool_.Start(thread_count); }
  IoBackend backend() const override { return IoBackend::kThreadPool; }
  const std::string& fallback_reason() const override { return fallback_reason_; }
  absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(const std::string& path,
                                                           bool create) override {
    return OpenSystemDirectory(path, create);
  }
  absl::StatusOr<std::unique_ptr<IoQueue>> NewQueue(uint32_t depth) override {
    return std::make_unique<PoolQueue>(pool_, depth);
  }

 private:
  absl::Status Run(const IoRequest& request) override { return RunTransfer(request); }

  const std::string fallback_reason_;
  WorkerPool pool_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Io>> CreatePoolIo(uint32_t thread_count,
                                                 std::string fallback_reason) {
  auto io = std::make_unique<PoolIo>(std::move(fallback_reason));
  if (absl::Status status = io->Start(thread_count); !status.ok()) return status;
  return io;
}

}  // namespace moraine
