// The log as its users see it: records come back in order, waiters share device writes, space is
// given out fairly, errors stick, and an idle log does nothing.
#include "storage/log/log.h"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/log/log_fixture.h"

namespace moraine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

using LogTest = LogFixture;

// Holds the device's writes back until it is opened.
class Gate {
 public:
  void Pass() {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  void AwaitArrival() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return arrived_ > 0; });
  }
  void Open() {
    std::unique_lock lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int arrived_ = 0;
  bool open_ = false;
};

// Shared with the device: the flusher may come by until the log is closed.
using SharedGate = std::shared_ptr<Gate>;

SharedGate HoldWritesBack(SimulatedIo& device) {
  auto gate = std::make_shared<Gate>();
  device.OnBoundary([gate](const SimulatedBoundary& boundary) {
    if (boundary.operation == SimulatedOperation::kWrite) gate->Pass();
  });
  return gate;
}

void Break(SimulatedIo& device, SimulatedOperation operation) {
  device.AddFault({.kind = FaultKind::kDeviceError, .persistent = true, .only = operation});
}

TEST_F(LogTest, RecordsComeBackInOrder) {
  OpenLog();
  std::vector<std::string> written;
  for (size_t size : {0, 1, 7, 8, 9, 100, 4072, 4096, 5000}) {
    written.push_back(std::string(size, static_cast<char>('a' + size % 26)));
    Append(written.back());
  }
  CloseLog();
  EXPECT_EQ(ReadAll(), written);
  EXPECT_TRUE(status_.ok()) << status_;
}

TEST_F(LogTest, LsnIsPositionAndTailIsBeyondIt) {
  OpenLog();
  LogSlot first = Append("one");
  LogSlot second = Append("two");
  EXPECT_EQ(first.lsn, kFirstLsn);
  EXPECT_EQ(second.lsn, first.end());
  EXPECT_EQ(log_->Tail(), second.end());
  EXPECT_EQ(log_->Stable(), kFirstLsn);
}

TEST_F(LogTest, LargestRecordFits) {
  OpenLog();
  std::string large(log_->max_payload_bytes(), 'x');
  for (int i = 0; i < 20; ++i) Append(large);
  EXPECT_TRUE(log_->Flush().ok());
  CloseLog();
  EXPECT_EQ(ReadAll(), std::vector<std::string>(20, large));
}

TEST_F(LogTest, TooMuchIsRefused) {
  OpenLog();
  LogCredit credit;
  uint64_t most = log_->max_payload_bytes();
  EXPECT_TRUE(absl::IsInvalidArgument(log_->Admit(credit, most + 1, 1)));
  EXPECT_TRUE(absl::IsInvalidArgument(log_->Admit(credit, ~uint64_t{0}, 1)));
  EXPECT_TRUE(absl::IsInvalidArgument(log_->Admit(credit, most * 5, 5)));
  EXPECT_TRUE(absl::IsInvalidArgument(log_->Admit(credit, 0, 1 << 20)));
  EXPECT_TRUE(log_->Admit(credit, most * 4, 4).ok());
  log_->ReturnCredit(credit);
}

TEST_F(LogTest, BadOptionsAreRefused) {
  auto open = [&](uint64_t ring, uint64_t segment, Lsn begin) {
    LogOptions options = options_;
    options.ring_bytes = ring;
    options.segment_bytes = segment;
    return Log::Open(*device_, *directory_, options, begin, &budget_).status();
  };
  EXPECT_TRUE(absl::IsInvalidArgument(open(32 << 10, 64 << 10, kFirstLsn)));
  EXPECT_TRUE(absl::IsInvalidArgument(open(96 << 10, 64 << 10, kFirstLsn)));
  EXPECT_TRUE(absl::IsInvalidArgument(open(64 << 10, 1000, kFirstLsn)));
  EXPECT_TRUE(absl::IsInvalidArgument(open(64 << 10, 64 << 10, Lsn(0))));
  MemoryBudget small(1000);
  EXPECT_TRUE(absl::IsResourceExhausted(
      Log::Open(*device_, *directory_, options_, kFirstLsn, &small).status()));
  EXPECT_EQ(small.used_bytes(), 0u);
}

TEST_F(LogTest, RingIsChargedToTheBudget) {
  OpenLog();
  EXPECT_EQ(budget_.used_bytes(), options_.ring_bytes);
  CloseLog();
  EXPECT_EQ(budget_.used_bytes(), 0u);
}

TEST_F(LogTest, VoidRecordsAreSkipped) {
  OpenLog();
  Append("first");
  Append("nothing of this", RecordType::kVoid);
  Append("last", RecordType::kBatch);
  ASSERT_TRUE(log_->Flush().ok());
  EXPECT_EQ(log_->stats().records, 3u);
  EXPECT_EQ(log_->stats().void_records, 1u);
  CloseLog();
  EXPECT_EQ(ReadAll(), (std::vector<std::string>{"first", "last"}));
}

TEST_F(LogTest, WaitStableMakesDurable) {
  OpenLog();
  LogSlot slot = Append("kept");
  ASSERT_TRUE(log_->WaitStable(slot.end()).ok());
  EXPECT_GE(log_->Stable(), slot.end());
  LosePower(TestSeed());
  EXPECT_EQ(ReadAll(), std::vector<std::string>{"kept"});
}

TEST_F(LogTest, WaitersShareOneWrite) {
  constexpr int kWaiters = 16;
  OpenLog();
  SharedGate gate = HoldWritesBack(*device_);
  LogSlot first = Append("first");
  std::thread leader([&] { EXPECT_TRUE(log_->WaitStable(first.end()).ok()); });
  gate->AwaitArrival();
  uint64_t writes = log_->stats().device_writes;
  std::vector<LogSlot> slots;
  for (int i = 0; i < kWaiters; ++i) slots.push_back(Append("follower"));
  std::vector<std::thread> waiters;
  for (const LogSlot& slot : slots) {
    waiters.emplace_back([&, slot] { EXPECT_TRUE(log_->WaitStable(slot.end()).ok()); });
  }
  gate->Open();
  leader.join();
  for (std::thread& waiter : waiters) waiter.join();
  EXPECT_EQ(log_->stats().device_writes, writes + 1);
}

TEST_F(LogTest, IdleCostsNothing) {
  options_.group_interval = milliseconds(1);
  OpenLog();
  Append("something");
  while (log_->Stable() < log_->Tail()) std::this_thread::sleep_for(milliseconds(1));
  std::this_thread::sleep_for(milliseconds(20));
  LogStats before = log_->stats();
  std::this_thread::sleep_for(milliseconds(100));
  LogStats after = log_->stats();
  EXPECT_EQ(after.flusher_wakeups, before.flusher_wakeups);
  EXPECT_EQ(after.device_writes, before.device_writes);
  EXPECT_EQ(after.device_syncs, before.device_syncs);
}

TEST_F(LogTest, GroupIntervalMakesDurableUnasked) {
  options_.group_interval = milliseconds(5);
  OpenLog();
  for (int i = 0; i < 3; ++i) {
    LogSlot slot = Append("unasked");
    auto deadline = std::chrono::steady_clock::now() + seconds(10);
    while (log_->Stable() < slot.end() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(milliseconds(1));
    }
    EXPECT_GE(log_->Stable(), slot.end());
  }
}

TEST_F(LogTest, UnsyncedRecordsAreWrittenInLargePieces) {
  options_.ring_bytes = 4 << 20;
  options_.segment_bytes = 64 << 20;
  OpenLog();
  std::string payload(100, 'p');
  for (int i = 0; i < 50'000; ++i) Append(payload);
  uint64_t bytes = log_->Tail().value();
  ASSERT_TRUE(log_->Flush().ok());
  LogStats stats = log_->stats();
  EXPECT_EQ(stats.records, 50'000u);
  EXPECT_LE(stats.device_writes, bytes / (128 << 10));
  EXPECT_LE(stats.flusher_wakeups, 4 * bytes / (128 << 10));
}

TEST_F(LogTest, AdmitWaitsForTheDevice) {
  OpenLog();
  SharedGate gate = HoldWritesBack(*device_);
  Atomic<int> appended{0};
  std::thread writer([&] {
    for (int i = 0; i < 1000; ++i) {
      Append(std::string(1000, 'w'));
      // order: relaxed: a count
      appended.fetch_add(1, std::memory_order_relaxed);
    }
  });
  gate->AwaitArrival();
  std::this_thread::sleep_for(milliseconds(50));
  // order: relaxed: a count
  EXPECT_LT(appended.load(std::memory_order_relaxed), 64);
  gate->Open();
  writer.join();
  // order: relaxed: after the join
  EXPECT_EQ(appended.load(std::memory_order_relaxed), 1000);
  CloseLog();
  EXPECT_EQ(ReadAll().size(), 1000u);
}

TEST_F(LogTest, IdleCreditDoesNotStarveLargeRequests) {
  OpenLog();
  std::vector<LogCredit> idle(10'000);
  for (LogCredit& credit : idle) {
    ASSERT_TRUE(log_->Admit(credit, 10, 4).ok());
    AppendTo(*log_, credit, "0123456789");
    log_->Settle(credit);
  }
  uint64_t held = 0;
  for (const LogCredit& credit : idle) held += credit.bytes;
  EXPECT_LE(held, options_.ring_bytes / 2);
  ASSERT_TRUE(log_->Admit(credit_, 4 * log_->max_payload_bytes(), 4).ok());
  for (LogCredit& credit : idle) log_->ReturnCredit(credit);
}

TEST_F(LogTest, FailedWriteSticks) {
  OpenLog();
  LogSlot kept = Append("kept");
  ASSERT_TRUE(log_->WaitStable(kept.end()).ok());
  Break(*device_, SimulatedOperation::kWrite);
  LogSlot lost = Append("lost");
  absl::Status status = log_->WaitStable(lost.end());
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  device_->ClearFaults();
  LogCredit fresh;
  EXPECT_EQ(log_->Admit(fresh, 1, 1), status);
  EXPECT_EQ(log_->Admit(credit_, 1, 1), status);
  EXPECT_EQ(log_->Flush(), status);
  EXPECT_EQ(log_->health(), status);
  EXPECT_TRUE(log_->WaitStable(kept.end()).ok()) << "what is durable stays so";
  CloseLog();
  // A failed write may have reached the disk; only nobody was told so.
  std::vector<std::string> read = ReadAll();
  ASSERT_GE(read.size(), 1u);
  EXPECT_EQ(read[0], "kept");
}

// Writes that nobody waited for need a sync of their own before a waiter may go on.
TEST_F(LogTest, FailedSyncSticks) {
  options_.ring_bytes = 128 << 10;
  OpenLog();
  for (int i = 0; i < 50; ++i) Append(std::string(1000, 'u'));
  auto deadline = std::chrono::steady_clock::now() + seconds(10);
  while (log_->stats().device_writes < 1 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(milliseconds(1));
  }
  Break(*device_, SimulatedOperation::kSync);
  absl::Status status = log_->Flush();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_EQ(log_->Stable(), kFirstLsn);
  device_->ClearFaults();
  EXPECT_EQ(log_->Flush(), status) << "a sync that succeeds now proves nothing";
}

TEST_F(LogTest, FailureWakesEverybody) {
  OpenLog();
  SharedGate gate = HoldWritesBack(*device_);
  Break(*device_, SimulatedOperation::kWrite);
  std::vector<LogSlot> slots;
  for (int i = 0; i < 8; ++i) slots.push_back(Append("waiter"));
  std::vector<std::thread> threads;
  for (const LogSlot& slot : slots) {
    threads.emplace_back([&, slot] { EXPECT_FALSE(log_->WaitStable(slot.end()).ok()); });
  }
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      LogCredit credit;
      absl::Status status;
      for (int k = 0; k < 1000 && status.ok(); ++k) {
        status = log_->Admit(credit, 1000, 1);
        if (status.ok()) AppendTo(*log_, credit, std::string(1000, 'a'));
      }
      EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    });
  }
  gate->AwaitArrival();
  std::this_thread::sleep_for(milliseconds(20));
  gate->Open();
  for (std::thread& thread : threads) thread.join();
}

TEST_F(LogTest, FullDiskLosesNothingAcknowledged) {
  OpenLog();
  device_->SetDiskBytes(200 << 10);
  std::vector<std::string> acknowledged;
  absl::Status status;
  for (int i = 0; i < 1000; ++i) {
    std::string payload = std::to_string(i) + std::string(1000, '.');
    status = log_->Admit(credit_, payload.size(), 1);
    if (!status.ok()) break;
    LogSlot slot = AppendTo(*log_, credit_, payload);
    status = log_->WaitStable(slot.end());
    if (!status.ok()) break;
    acknowledged.push_back(payload);
  }
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_NE(status.message().find("free space"), status.message().npos) << status;
  EXPECT_GT(acknowledged.size(), 10u);
  Crash();
  EXPECT_EQ(ReadAll(), acknowledged);
  device_->SetDiskBytes(~uint64_t{0});
  OpenLog(end_);
  Append("goes on");
  CloseLog();
  acknowledged.push_back("goes on");
  EXPECT_EQ(ReadAll(), acknowledged);
}

}  // namespace
}  // namespace moraine
