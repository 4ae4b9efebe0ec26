// One list of tasks under one lock, served by the pool's threads, of which as many are woken as there
// are new tasks: a thread woken for nothing costs more than a read. Every queue collects its own
// completions under its own lock. A caller that waits for everything it submitted carries out the
// last request itself, so that a single read costs no hand-over.
//
// Locks: WorkerPool::mutex_ and PoolQueue::mutex_ are never held together.
#include "storage/io/pool_io.h"

#include <algorithm>
#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include "storage/base/check.h"
#include "storage/io/file_set.h"
#include "storage/io/transfer.h"
#include "storage/sync/mutex.h"

namespace moraine {
namespace {

class PoolQueue;

struct Task {
  PoolQueue* queue = nullptr;
  IoRequest request;
};

class WorkerPool {
 public:
  explicit WorkerPool(uint32_t thread_count);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Takes over `count` requests.
  void Add(PoolQueue* queue, const IoRequest* requests, size_t count);

  // order: relaxed: a statistic
  uint64_t wake_ups() const { return wake_ups_.load(std::memory_order_relaxed); }

 private:
  void Work();
  // Waits for the next task; false when the pool ends.
  bool Take(Task* task);

  Mutex mutex_;
  EventCount changed_;  // tasks_ or stopping_
  std::deque<Task> tasks_;
  bool stopping_ = false;
  Atomic<uint64_t> wake_ups_{0};
  std::vector<std::thread> threads_;  // last: they use the members above
};

class PoolQueue final : public IoQueue {
 public:
  PoolQueue(WorkerPool& pool, uint32_t depth) : pool_(pool), depth_(std::max(depth, 1u)) {}
  ~PoolQueue() override;

  void Add(const IoRequest& request) override { batch_.push_back(request); }
  absl::Status Submit() override;
  absl::Status SubmitAndWait(size_t count, std::vector<IoCompletion>* completions) override;
  size_t in_flight() const override;
  // A request each.
  uint64_t submissions() const override { return submissions_; }

  // Called by the pool.
  void Complete(uint64_t token, absl::Status status);

 private:
  // Returns when `condition`, evaluated under the lock, holds.
  template <class Condition>
  void WaitUntil(Condition condition);
  // Hands over batch_[0, end), never more at once than the depth allows, and empties that part.
  void HandOver(size_t end);

  WorkerPool& pool_;
  const size_t depth_;
  std::vector<IoRequest> batch_;
  uint64_t submissions_ = 0;
  mutable Mutex mutex_;
  EventCount completed_;
  size_t running_ = 0;  // handed to the pool, not completed
  std::vector<IoCompletion> ready_;
};

WorkerPool::WorkerPool(uint32_t thread_count) {
  for (uint32_t index = 0; index < std::max(thread_count, 1u); ++index) {
    threads_.emplace_back([this] { Work(); });
  }
}

WorkerPool::~WorkerPool() {
  {
    MutexLock lock(mutex_);
    MORAINE_CHECK(tasks_.empty());  // queues end before their Io and wait for what is theirs
    stopping_ = true;
  }
  changed_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerPool::Add(PoolQueue* queue, const IoRequest* requests, size_t count) {
  {
    MutexLock lock(mutex_);
    for (size_t index = 0; index < count; ++index) tasks_.push_back({queue, requests[index]});
  }
  changed_.Notify(static_cast<uint32_t>(count));
}

bool WorkerPool::Take(Task* task) {
  while (true) {
    const uint32_t ticket = changed_.Ticket();
    {
      MutexLock lock(mutex_);
      if (!tasks_.empty()) {
        *task = tasks_.front();
        tasks_.pop_front();
        return true;
      }
      if (stopping_) return false;
    }
    changed_.Wait(ticket);
    // order: relaxed: a statistic
    wake_ups_.fetch_add(1, std::memory_order_relaxed);
  }
}

void WorkerPool::Work() {
  Task task;
  while (Take(&task)) task.queue->Complete(task.request.token, RunTransfer(task.request));
}

PoolQueue::~PoolQueue() {
  WaitUntil([this] { return running_ == 0; });
}

template <class Condition>
void PoolQueue::WaitUntil(Condition condition) {
  while (true) {
    const uint32_t ticket = completed_.Ticket();
    {
      MutexLock lock(mutex_);
      if (condition()) return;
    }
    completed_.Wait(ticket);
  }
}

void PoolQueue::Complete(uint64_t token, absl::Status status) {
  MutexLock lock(mutex_);
  --running_;
  ready_.push_back({token, std::move(status)});
  // Under the lock: the owner may destroy the queue as soon as it sees the last completion.
  completed_.NotifyAll();
}

size_t PoolQueue::in_flight() const {
  MutexLock lock(mutex_);
  return running_ + ready_.size();
}

void PoolQueue::HandOver(size_t end) {
  size_t begin = 0;
  while (begin < end) {
    size_t count = 0;
    // Only this thread raises running_, so the room that is found stays.
    WaitUntil([&] {
      count = std::min(end - begin, depth_ - running_);
      return count > 0;
    });
    {
      MutexLock lock(mutex_);
      running_ += count;
    }
    pool_.Add(this, &batch_[begin], count);
    submissions_ += count;
    begin += count;
  }
  batch_.erase(batch_.begin(), batch_.begin() + static_cast<ptrdiff_t>(end));
}

absl::Status PoolQueue::Submit() {
  HandOver(batch_.size());
  return absl::OkStatus();
}

absl::Status PoolQueue::SubmitAndWait(size_t count, std::vector<IoCompletion>* completions) {
  const size_t outstanding = in_flight() + batch_.size();
  // Waiting for everything anyway: the last one is carried out here.
  const bool help = !batch_.empty() && count >= outstanding;
  HandOver(batch_.size() - (help ? 1 : 0));
  if (help) {
    const IoRequest request = batch_.front();
    batch_.clear();
    ++submissions_;
    absl::Status status = RunTransfer(request);
    MutexLock lock(mutex_);
    ready_.push_back({request.token, std::move(status)});
  }
  WaitUntil([&] { return ready_.size() >= std::min(count, outstanding); });
  MutexLock lock(mutex_);
  std::move(ready_.begin(), ready_.end(), std::back_inserter(*completions));
  ready_.clear();
  return absl::OkStatus();
}

class PoolIo final : public Io {
 public:
  PoolIo(uint32_t thread_count, std::string fallback_reason)
      : fallback_reason_(std::move(fallback_reason)), pool_(thread_count) {}

  IoBackend backend() const override { return IoBackend::kThreadPool; }
  const std::string& fallback_reason() const override { return fallback_reason_; }
  absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(const std::string& path,
                                                           bool create) override {
    return OpenSystemDirectory(path, create);
  }
  absl::StatusOr<std::unique_ptr<IoQueue>> NewQueue(uint32_t depth) override {
    return std::make_unique<PoolQueue>(pool_, depth);
  }
  uint64_t wake_ups() const { return pool_.wake_ups(); }

 private:
  absl::Status Run(const IoRequest& request) override { return RunTransfer(request); }

  const std::string fallback_reason_;
  WorkerPool pool_;
};

}  // namespace

std::unique_ptr<Io> CreatePoolIo(uint32_t thread_count, std::string fallback_reason) {
  return std::make_unique<PoolIo>(thread_count, std::move(fallback_reason));
}

uint64_t PoolWakeUps(const Io& io) {
  MORAINE_CHECK(io.backend() == IoBackend::kThreadPool);
  return static_cast<const PoolIo&>(io).wake_ups();
}

}  // namespace moraine
