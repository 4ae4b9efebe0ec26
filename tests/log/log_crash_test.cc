// Random histories of appending, waiting, truncating, dying and losing power, also while a log is
// being opened: what was acknowledged is always there, and what is there is a prefix of what was
// written.
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "storage/log/log.h"
#include "tests/log/log_fixture.h"

namespace moraine {
namespace {

class LogCrashTest : public LogFixture {
 protected:
  void Configure(Random& random) {
    payload_bits_ = 6 + static_cast<unsigned>(random.Below(7));
    // Lives that seldom wait have much that is written and not synced.
    wait_one_in_ = uint64_t{1} << random.Below(8);
    options_.segment_bytes = 4096 << random.Below(6);
    options_.group_interval = std::chrono::milliseconds(random.OneIn(2) ? 0 : 3'600'000);
  }

  // One life of the log: opened, written to, and dead in the end.
  void Live(Random& random) {
    if (random.OneIn(2)) device_->StopAtBoundary(device_->boundary_count() + random.Below(30));
    absl::StatusOr<std::unique_ptr<Log>> log =
        Log::Open(*device_, *directory_, options_, end_, &budget_);
    if (!log.ok()) return;
    log_ = *std::move(log);
    // Opening made durable all that recovery had found.
    acknowledged_ = written_.size();
    for (uint64_t steps = random.Below(120); steps > 0; --steps) Step(random);
  }

  void Step(Random& random) {
    if (random.OneIn(100) && log_->Stable().value() > begin_.value()) TakeCheckpoint();
    std::string payload = random.Bytes(random.Skewed(payload_bits_));
    bool is_void = random.OneIn(10);
    if (!log_->Admit(credit_, payload.size(), 1).ok()) return;
    LogSlot slot =
        AppendTo(*log_, credit_, payload, is_void ? RecordType::kVoid : RecordType::kOne);
    log_->Settle(credit_);
    if (!is_void) written_.push_back(payload);
    // Lets the flusher write what nobody waits for.
    if (random.OneIn(16)) std::this_thread::sleep_for(std::chrono::microseconds(100));
    if (random.OneIn(wait_one_in_) && log_->WaitStable(slot.end()).ok())
      acknowledged_ = written_.size();
  }

  // As an engine does: everything so far is elsewhere now, so the log may begin here.
  void TakeCheckpoint() {
    Lsn position = log_->Tail();
    if (!log_->Flush().ok()) return;
    begin_ = position;
    written_.clear();
    acknowledged_ = 0;
    log_->Truncate(position).IgnoreError();
  }

  void Recover(uint64_t seed) {
    std::vector<std::string> read = ReadAll(begin_);
    ASSERT_TRUE(status_.ok()) << status_ << " seed " << seed;
    ASSERT_GE(read.size(), acknowledged_) << seed;
    ASSERT_LE(read.size(), written_.size()) << seed;
    written_.resize(read.size());
    ASSERT_EQ(read, written_) << seed;
  }

  unsigned payload_bits_ = 0;
  uint64_t wait_one_in_ = 1;
  Lsn begin_ = kFirstLsn;
  std::vector<std::string> written_;  // since begin_, without void records
  size_t acknowledged_ = 0;           // of them
};

TEST_F(LogCrashTest, AcknowledgedSurvivesAndTheRestIsAPrefix) {
  uint64_t seed = TestSeed();
  uint64_t rounds = TestFlag("rounds", 150) / kSanitizerSlowdown + 1;
  for (uint64_t round = 0; round < rounds; ++round) {
    Random random(Random::Derive(seed, round));
    begin_ = kFirstLsn;
    end_ = kFirstLsn;
    written_.clear();
    acknowledged_ = 0;
    Restore({});
    for (int life = 0; life < 12; ++life) {
      Configure(random);
      Live(random);
      if (random.OneIn(3) && log_ != nullptr) {
        log_->ReturnCredit(credit_);
        log_.reset();  // a clean end
      }
      if (random.OneIn(2)) {
        LosePower(random.Next());
      } else {
        Crash();
      }
      ASSERT_NO_FATAL_FAILURE(Recover(seed)) << "round " << round << " life " << life;
    }
  }
}

}  // namespace
}  // namespace moraine
