// A log on a fake device, with the few steps that its tests repeat.
#ifndef MORAINE_TESTS_LOG_LOG_FIXTURE_H_
#define MORAINE_TESTS_LOG_LOG_FIXTURE_H_

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "storage/log/log.h"
#include "tests/log/fake_device.h"

namespace moraine {

inline void AppendTo(Log& log, LogCredit& credit, std::string_view payload, RecordType type,
                     LogSlot* slot) {
  uint32_t checksum = Crc32c(payload);
  *slot = log.Reserve(credit, static_cast<uint32_t>(payload.size()));
  if (!payload.empty()) std::memcpy(slot->payload, payload.data(), payload.size());
  log.Publish(*slot, type, checksum);
}

class LogFixture : public testing::Test {
 protected:
  LogFixture() {
    options_.database_id = {1, 2};
    options_.ring_bytes = 64 << 10;
    options_.segment_bytes = 64 << 10;
    options_.group_interval = std::chrono::hours(1);
    directory_ = *device_.OpenDirectory("fake", true);
  }

  void OpenLog(Lsn begin = kFirstLsn) {
    absl::StatusOr<std::unique_ptr<Log>> log =
        Log::Open(device_, *directory_, options_, begin, &budget_);
    ASSERT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
  }

  void CloseLog() {
    log_->ReturnCredit(credit_);
    log_.reset();
  }

  LogSlot Append(std::string_view payload, RecordType type = RecordType::kOne) {
    LogSlot slot;
    absl::Status status = log_->Admit(credit_, payload.size(), 1);
    EXPECT_TRUE(status.ok()) << status;
    if (status.ok()) AppendTo(*log_, credit_, payload, type, &slot);
    log_->Settle(credit_);
    return slot;
  }

  // What recovery finds from the first position on; `end` and `status` where it stopped.
  std::vector<std::string> ReadAll(Lsn begin = kFirstLsn) {
    std::vector<std::string> payloads;
    status_ = absl::OkStatus();
    absl::StatusOr<std::unique_ptr<LogReader>> reader =
        LogReader::Open(device_, *directory_, options_, begin);
    if (!reader.ok()) {
      status_ = reader.status();
      return payloads;
    }
    for (;;) {
      LogReader::Record record;
      absl::StatusOr<bool> more = (*reader)->Next(&record);
      status_ = more.status();
      if (!more.ok() || !*more) break;
      payloads.emplace_back(record.payload);
    }
    end_ = (*reader)->end();
    return payloads;
  }

  FakeDevice device_;
  MemoryBudget budget_{uint64_t{1} << 30};
  LogOptions options_;
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<Log> log_;
  LogCredit credit_;
  Lsn end_;
  absl::Status status_;
};

}  // namespace moraine

#endif  // MORAINE_TESTS_LOG_LOG_FIXTURE_H_
