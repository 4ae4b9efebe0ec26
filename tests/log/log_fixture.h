// A log on a simulated device, with the few steps that its tests repeat.
#ifndef MORAINE_TESTS_LOG_LOG_FIXTURE_H_
#define MORAINE_TESTS_LOG_LOG_FIXTURE_H_

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "storage/log/log.h"
#include "tests/support/seeds.h"
#include "tests/support/simulated_io.h"

namespace moraine {

inline LogSlot AppendTo(Log& log, LogCredit& credit, std::string_view payload,
                        RecordType type = RecordType::kOne) {
  uint32_t checksum = Crc32c(payload);
  LogSlot slot = log.Reserve(credit, static_cast<uint32_t>(payload.size()));
  if (!payload.empty()) std::memcpy(slot.payload, payload.data(), payload.size());
  log.Publish(slot, type, checksum);
  return slot;
}

class LogFixture : public testing::Test {
 protected:
  LogFixture() {
    options_.database_id = {1, 2};
    options_.ring_bytes = 64 << 10;
    options_.segment_bytes = 64 << 10;
    options_.group_interval = std::chrono::hours(1);
    Restore({});
  }
  ~LogFixture() override {
    log_.reset();
    directory_.reset();
  }

  // A machine with this disk; whatever there was is gone.
  void Restore(const SimulatedDisk& disk) {
    directory_.reset();
    device_ = std::make_unique<SimulatedIo>(SimulatedOptions{}, disk);
    OpenDirectory();
  }
  void OpenDirectory() { directory_ = *device_->OpenDirectory("log", /*create=*/true); }

  void OpenLog(Lsn begin = kFirstLsn) {
    absl::StatusOr<std::unique_ptr<Log>> log =
        Log::Open(*device_, *directory_, options_, begin, &budget_);
    ASSERT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
  }
  void CloseLog() {
    log_->ReturnCredit(credit_);
    log_.reset();
  }
  // The process dies with the log open; nothing more of it reaches the device.
  void Crash() {
    device_->KillProcess();
    Forget();
  }
  void LosePower(uint64_t seed) {
    device_->PowerCut(seed);
    Forget();
  }

  LogSlot Append(std::string_view payload, RecordType type = RecordType::kOne) {
    absl::Status status = log_->Admit(credit_, payload.size(), 1);
    EXPECT_TRUE(status.ok()) << status;
    if (!status.ok()) return {};
    LogSlot slot = AppendTo(*log_, credit_, payload, type);
    log_->Settle(credit_);
    return slot;
  }

  // What recovery finds from `begin` on; end_ and status_ say where it stopped and why.
  std::vector<std::string> ReadAll(Lsn begin = kFirstLsn) {
    std::vector<std::string> payloads;
    absl::StatusOr<std::unique_ptr<LogReader>> reader =
        LogReader::Open(*device_, *directory_, options_, begin);
    status_ = reader.status();
    while (status_.ok()) {
      LogReader::Record record;
      absl::StatusOr<bool> more = (*reader)->Next(&record);
      status_ = more.status();
      if (!more.ok() || !*more) break;
      payloads.emplace_back(record.payload);
    }
    if (reader.ok()) end_ = (*reader)->end();
    return payloads;
  }

  std::string FileBytes(const std::string& name) {
    std::unique_ptr<File> file = *directory_->OpenFile(name, {});
    std::string bytes(*file->Size(), '\0');
    EXPECT_TRUE(device_->ReadFully(*file, 0, bytes.data(), bytes.size()).ok());
    return bytes;
  }
  void Overwrite(const std::string& name, uint64_t offset, std::string_view bytes) {
    std::unique_ptr<File> file = *directory_->OpenFile(name, {});
    EXPECT_TRUE(device_->WriteFully(*file, offset, bytes.data(), bytes.size()).ok());
  }
  void FlipBits(const std::string& name, uint64_t offset, uint8_t mask) {
    char byte = FileBytes(name)[offset];
    byte = static_cast<char>(byte ^ mask);
    Overwrite(name, offset, std::string_view(&byte, 1));
  }

  std::unique_ptr<SimulatedIo> device_;
  MemoryBudget budget_{uint64_t{1} << 30};
  LogOptions options_;
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<Log> log_;
  LogCredit credit_;
  Lsn end_ = kFirstLsn;
  absl::Status status_;

 private:
  void Forget() {
    credit_ = LogCredit();
    log_.reset();
    OpenDirectory();
  }
};

}  // namespace moraine

#endif  // MORAINE_TESTS_LOG_LOG_FIXTURE_H_
