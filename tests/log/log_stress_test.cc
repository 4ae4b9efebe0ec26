// Many writers on a small ring: every record comes back, each thread's in its own order, and the
// publication rule holds. Meant for ThreadSanitizer as much as for its assertions.
#include <array>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "storage/log/log.h"
#include "tests/log/log_fixture.h"

namespace moraine {
namespace {

constexpr int kWriters = 4;

class LogStressTest : public LogFixture {
 protected:
  // Appends `count` records that name their writer and number; every tenth slot before one is void.
  void Write(int writer, int count, uint64_t seed) {
    Random random(Random::Derive(seed, static_cast<uint64_t>(writer)));
    LogCredit credit;
    for (int i = 0; i < count; ++i) {
      std::string payload = std::to_string(writer) + " " + std::to_string(i) + " ";
      payload += random.Bytes(random.Skewed(12));
      absl::Status status = log_->Admit(credit, 2 * payload.size(), 2);
      ASSERT_TRUE(status.ok()) << status;
      if (random.OneIn(10)) AppendTo(*log_, credit, payload, RecordType::kVoid);
      LogSlot slot = AppendTo(*log_, credit, payload);
      log_->Settle(credit);
      if (random.OneIn(20)) {
        status = log_->WaitStable(slot.end());
        ASSERT_TRUE(status.ok()) << status;
        ASSERT_GE(log_->Stable(), slot.end());
      }
    }
    log_->ReturnCredit(credit);
  }
};

TEST_F(LogStressTest, EveryRecordComesBackInItsWritersOrder) {
  const int count = static_cast<int>(TestFlag("records", 4000) / kSanitizerSlowdown);
  const uint64_t seed = TestSeed();
  options_.group_interval = std::chrono::milliseconds(1);
  OpenLog();
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] { Write(writer, count, seed); });
  }
  for (std::thread& writer : writers) writer.join();
  CloseLog();
  std::array<int, kWriters> next{};
  for (const std::string& payload : ReadAll()) {
    int writer = 0;
    int number = 0;
    ASSERT_EQ(std::sscanf(payload.c_str(), "%d %d", &writer, &number), 2);
    ASSERT_EQ(number, next[static_cast<size_t>(writer)]++);
  }
  EXPECT_TRUE(status_.ok()) << status_;
  for (int written : next) EXPECT_EQ(written, count);
}

// A writer stores a value, plainly, before it reserves. Whoever then sees the tail beyond that slot
// must see the value; under ThreadSanitizer, must see it without a race.
TEST_F(LogStressTest, WhatPrecedesReserveIsVisibleBelowTheTail) {
  constexpr size_t kValues = 2000;
  OpenLog();
  std::vector<uint64_t> values(kValues);
  std::vector<Atomic<uint64_t>> lsns(kValues);
  std::thread writer([&] {
    LogCredit credit;
    for (size_t i = 0; i < kValues; ++i) {
      ASSERT_TRUE(log_->Admit(credit, 8, 1).ok());
      values[i] = i + 1;
      LogSlot slot = AppendTo(*log_, credit, "8 bytes.");
      // order: relaxed: the log's tail alone shall publish the value
      lsns[i].store(slot.lsn.value(), std::memory_order_relaxed);
    }
    log_->ReturnCredit(credit);
  });
  size_t seen = 0;
  while (seen < kValues) {
    // order: relaxed: as above
    uint64_t lsn = lsns[seen].load(std::memory_order_relaxed);
    if (lsn == 0 || log_->Tail().value() <= lsn) continue;
    ASSERT_EQ(values[seen], seen + 1);
    ++seen;
  }
  writer.join();
}

}  // namespace
}  // namespace moraine
