// What recovery makes of what a crash or a rotten device left: a torn tail is the end, damage of
// durable bytes is an error, and nothing that an earlier run left behind its end comes back.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/log/log.h"
#include "storage/log/segment_format.h"
#include "tests/log/log_fixture.h"

namespace moraine {
namespace {

struct Written {
  std::string payload;
  uint64_t begin = 0;
  uint64_t end = 0;
};

class LogRecoveryTest : public LogFixture {
 protected:
  void AppendRandom(Random& random, int count) {
    for (int i = 0; i < count; ++i) {
      std::string payload = random.Bytes(random.Below(random.OneIn(4) ? 3000 : 120));
      LogSlot slot = Append(payload);
      written_.push_back({payload, slot.lsn.value(), slot.end().value()});
    }
  }
  std::vector<std::string> Payloads(size_t count) const {
    std::vector<std::string> payloads;
    for (size_t i = 0; i < count; ++i) payloads.push_back(written_[i].payload);
    return payloads;
  }
  static constexpr const char* kFile = "log-0000000000001000";
  // A position of the first segment is an offset of its file.
  static_assert(kFirstLsn.value() == kLogSegmentHeaderBytes);

  std::vector<Written> written_;
};

TEST_F(LogRecoveryTest, EmptyLogIsEmpty) {
  EXPECT_TRUE(ReadAll().empty());
  EXPECT_TRUE(status_.ok()) << status_;
  EXPECT_EQ(end_, kFirstLsn);
  OpenLog();
  CloseLog();
  EXPECT_TRUE(ReadAll().empty());
  EXPECT_TRUE(status_.ok()) << status_;
}

TEST_F(LogRecoveryTest, MissingLogIsNotAnEmptyOne) {
  ReadAll(Lsn(8192));
  EXPECT_TRUE(absl::IsDataLoss(status_)) << status_;
  ReadAll(Lsn(4097));
  EXPECT_TRUE(absl::IsInvalidArgument(status_)) << status_;
}

TEST_F(LogRecoveryTest, OtherDatabasesLogIsRefused) {
  OpenLog();
  Append("mine");
  CloseLog();
  options_.database_id = {1, 3};
  ReadAll();
  EXPECT_TRUE(absl::IsDataLoss(status_)) << status_;
}

// Cuts the log at every position: within the last sync, which only that sync knew of, the log ends
// there; before it, padding proves that the rest was durable.
TEST_F(LogRecoveryTest, EveryCutEndsTheLogOrIsDamage) {
  Random random(TestSeed());
  OpenLog();
  AppendRandom(random, 6);
  ASSERT_TRUE(log_->Flush().ok());
  uint64_t vouched = log_->Stable().value();
  AppendRandom(random, 6);
  ASSERT_TRUE(log_->Flush().ok());
  uint64_t stable = log_->Stable().value();
  Crash();
  const SimulatedDisk whole = device_->Image();
  for (uint64_t cut = kFirstLsn.value(); cut <= stable; cut += 8) {
    Restore(whole);
    Overwrite(kFile, cut, std::string(stable - cut, '\0'));
    std::vector<std::string> read = ReadAll();
    // A cut within the last sync loses its padding too, so only earlier padding vouches: with a
    // cut before that nothing is left to tell.
    ASSERT_TRUE(status_.ok()) << cut << ": " << status_;
    ASSERT_EQ(read, Payloads(read.size())) << cut;
    size_t whole_records = 0;
    while (whole_records < written_.size() && written_[whole_records].end <= cut) ++whole_records;
    ASSERT_GE(read.size(), whole_records) << cut;
    // What the cut zeroed may have been zero before.
    if (whole_records < read.size()) {
      ASSERT_LT(written_[whole_records].begin, cut) << cut;
    }
  }
  // A hole before the last sync's padding, on the other hand, is damage if that vouches for it.
  for (uint64_t hole = kFirstLsn.value(); hole < stable; hole += 8) {
    Restore(whole);
    uint64_t size = std::min<uint64_t>(64, stable - hole);
    Overwrite(kFile, hole, std::string(size, '\x5a'));
    std::vector<std::string> read = ReadAll();
    ASSERT_EQ(read, Payloads(read.size())) << hole;
    bool complete = read.size() == written_.size();
    bool torn = hole + size > vouched;
    ASSERT_TRUE(complete || torn || absl::IsDataLoss(status_)) << hole << ": " << status_;
  }
}

TEST_F(LogRecoveryTest, DamageBeforeTheLastSyncIsReported) {
  Random random(TestSeed());
  OpenLog();
  for (int sync = 0; sync < 5; ++sync) {
    AppendRandom(random, 4);
    ASSERT_TRUE(log_->Flush().ok());
  }
  size_t vouched = written_.size();
  AppendRandom(random, 1);
  ASSERT_TRUE(log_->Flush().ok());
  Crash();
  const SimulatedDisk whole = device_->Image();
  for (size_t i = 0; i < vouched; ++i) {
    for (uint64_t at : {uint64_t{0}, uint64_t{5}, uint64_t{7}, uint64_t{8}, uint64_t{16}}) {
      Restore(whole);
      FlipBits(kFile, written_[i].begin + at, 0x10);
      EXPECT_EQ(ReadAll(), Payloads(i));
      ASSERT_TRUE(absl::IsDataLoss(status_)) << i << ": " << status_;
      std::string place = "offset " + std::to_string(written_[i].begin) + " ";
      EXPECT_NE(status_.message().find(place), status_.message().npos) << status_;
      EXPECT_NE(status_.message().find(kFile), status_.message().npos) << status_;
    }
  }
}

TEST_F(LogRecoveryTest, AfterCleanCloseAllDamageIsReported) {
  Random random(TestSeed());
  OpenLog();
  AppendRandom(random, 10);
  CloseLog();
  const SimulatedDisk whole = device_->Image();
  for (size_t i = 0; i < written_.size(); ++i) {
    Restore(whole);
    FlipBits(kFile, written_[i].begin + 8, 1);
    EXPECT_EQ(ReadAll(), Payloads(i));
    EXPECT_TRUE(absl::IsDataLoss(status_)) << i << ": " << status_;
  }
}

TEST_F(LogRecoveryTest, ReopenedLogVouchesForWhatItFound) {
  Random random(TestSeed());
  OpenLog();
  AppendRandom(random, 10);
  ASSERT_TRUE(log_->Flush().ok());
  Crash();
  EXPECT_EQ(ReadAll(), Payloads(10));
  OpenLog(end_);
  Crash();
  EXPECT_EQ(ReadAll(), Payloads(10));
  ASSERT_TRUE(status_.ok()) << status_;
  FlipBits(kFile, written_[9].begin + 8, 1);
  EXPECT_EQ(ReadAll(), Payloads(9));
  EXPECT_TRUE(absl::IsDataLoss(status_)) << status_;
}

// A torn write loses a record in the middle and keeps later ones. Once the log has gone on from
// there, they must stay lost.
TEST_F(LogRecoveryTest, AbandonedTailStaysAbandoned) {
  OpenLog();
  Append("kept");
  ASSERT_TRUE(log_->Flush().ok());
  LogSlot torn = Append("torn");
  for (int i = 0; i < 20; ++i) Append("abandoned");
  ASSERT_TRUE(log_->Flush().ok());
  Crash();
  FlipBits(kFile, torn.lsn.value() + 8, 1);
  std::vector<std::string> expected{"kept"};
  for (int run = 0; run < 5; ++run) {
    EXPECT_EQ(ReadAll(), expected);
    ASSERT_TRUE(status_.ok()) << status_;
    OpenLog(end_);
    // Runs that write nothing, something unfinished, and something.
    if (run % 3 != 0) {
      LogSlot slot = Append("run " + std::to_string(run));
      if (run % 3 == 2) {
        ASSERT_TRUE(log_->WaitStable(slot.end()).ok());
        expected.push_back("run " + std::to_string(run));
      }
    }
    Crash();
  }
  EXPECT_EQ(ReadAll(), expected);
}

TEST_F(LogRecoveryTest, CheckpointPositionsOfAnyRunAreReadable) {
  std::vector<std::pair<Lsn, size_t>> checkpoints;
  OpenLog();
  Random random(TestSeed());
  for (int run = 0; run < 6; ++run) {
    checkpoints.emplace_back(log_->Tail(), written_.size());
    AppendRandom(random, static_cast<int>(random.Below(5)));
    ASSERT_TRUE(log_->Flush().ok());
    checkpoints.emplace_back(log_->Tail(), written_.size());
    Crash();
    ReadAll();
    checkpoints.emplace_back(end_, written_.size());
    OpenLog(end_);
  }
  Crash();
  for (auto [position, before] : checkpoints) {
    std::vector<std::string> expected = Payloads(written_.size());
    expected.erase(expected.begin(), expected.begin() + static_cast<ptrdiff_t>(before));
    EXPECT_EQ(ReadAll(position), expected) << position.value();
    EXPECT_TRUE(status_.ok()) << status_;
  }
}

// Opened twice at the same place, the second time as seen from a checkpoint behind the torn tail:
// an older checkpoint must still find its way across.
TEST_F(LogRecoveryTest, TornTailStaysCrossableFromOlderCheckpoints) {
  OpenLog();
  Append("kept");
  LogSlot torn = Append("torn");
  ASSERT_TRUE(log_->Flush().ok());
  Crash();
  FlipBits(kFile, torn.lsn.value() + 8, 1);
  ReadAll();
  EXPECT_EQ(end_, torn.lsn);
  OpenLog(end_);
  Lsn checkpoint = log_->Tail();
  Crash();
  EXPECT_TRUE(ReadAll(checkpoint).empty());
  OpenLog(end_);
  Append("later");
  CloseLog();
  EXPECT_EQ(ReadAll(checkpoint), std::vector<std::string>{"later"});
  EXPECT_EQ(ReadAll(), (std::vector<std::string>{"kept", "later"}));
  EXPECT_TRUE(status_.ok()) << status_;
}

TEST_F(LogRecoveryTest, RecordsCrossSegments) {
  options_.segment_bytes = 4096;
  Random random(TestSeed());
  OpenLog();
  AppendRandom(random, 200);
  CloseLog();
  EXPECT_EQ(ReadAll(), Payloads(200));
  EXPECT_TRUE(status_.ok()) << status_;
  EXPECT_GT(directory_->List()->size(), 5u);
}

TEST_F(LogRecoveryTest, SegmentSizeMayChange) {
  Random random(TestSeed());
  Lsn begin = kFirstLsn;
  for (uint64_t segment : {64 << 10, 4 << 10, 256 << 10, 12 << 10}) {
    options_.segment_bytes = segment;
    OpenLog(begin);
    AppendRandom(random, 100);
    ASSERT_TRUE(log_->Flush().ok());
    Crash();
    EXPECT_EQ(ReadAll(), Payloads(written_.size()));
    ASSERT_TRUE(status_.ok()) << status_;
    begin = end_;
  }
}

TEST_F(LogRecoveryTest, MissingSegmentInTheMiddleIsReported) {
  options_.segment_bytes = 4096;
  Random random(TestSeed());
  OpenLog();
  AppendRandom(random, 100);
  CloseLog();
  std::vector<std::string> names = (*directory_->List());
  ASSERT_TRUE(directory_->Remove(names[names.size() / 2]).ok());
  std::vector<std::string> read = ReadAll();
  EXPECT_EQ(read, Payloads(read.size()));
  EXPECT_TRUE(absl::IsDataLoss(status_)) << status_;
}

TEST_F(LogRecoveryTest, TruncatedSegmentsAreRecycledAndNeverReplayed) {
  options_.segment_bytes = 16 << 10;
  Random random(TestSeed());
  OpenLog();
  for (int lap = 0; lap < 40; ++lap) {
    AppendRandom(random, 20);
    ASSERT_TRUE(log_->Flush().ok());
    Lsn checkpoint = log_->Tail();
    size_t before = written_.size();
    ASSERT_TRUE(log_->Truncate(checkpoint).ok());
    EXPECT_LE(log_->stats().segments, 3u);
    AppendRandom(random, 3);
    if (random.OneIn(2)) {
      ASSERT_TRUE(log_->Flush().ok());
    }
    if (lap % 4 != 3) continue;
    bool flushed = log_->Stable() == log_->Tail();
    Crash();
    std::vector<std::string> read = ReadAll(checkpoint);
    ASSERT_TRUE(status_.ok()) << status_;
    std::vector<std::string> expected = Payloads(written_.size());
    expected.erase(expected.begin(), expected.begin() + static_cast<ptrdiff_t>(before));
    if (flushed) {
      ASSERT_EQ(read, expected);
    }
    ASSERT_LE(read.size(), expected.size());
    expected.resize(read.size());
    ASSERT_EQ(read, expected);
    written_.resize(before + read.size());
    OpenLog(end_);
  }
  CloseLog();
  EXPECT_LE((*directory_->List()).size(), 8u);
}

TEST_F(LogRecoveryTest, TruncateKeepsWhatIsNotDurable) {
  options_.segment_bytes = 4096;
  OpenLog();
  Append(std::string(6000, 'd'));
  ASSERT_TRUE(log_->Truncate(log_->Tail()).ok());
  ASSERT_TRUE(log_->Flush().ok());
  CloseLog();
  EXPECT_EQ(ReadAll(), std::vector<std::string>{std::string(6000, 'd')});
}

// No byte of a segment file can be changed without being noticed or being harmless, and reading
// never does anything but return records or an error.
TEST_F(LogRecoveryTest, EveryByteOfAFile) {
  Random random(TestSeed());
  OpenLog();
  AppendRandom(random, 4);
  ASSERT_TRUE(log_->Flush().ok());
  AppendRandom(random, 2);
  CloseLog();
  const SimulatedDisk whole = device_->Image();
  const absl::StatusOr<uint64_t> size = (*directory_->OpenFile(kFile, {}))->Size();
  for (size_t i = 0; i < *size; i += 1 + random.Below(9)) {
    Restore(whole);
    FlipBits(kFile, i, static_cast<uint8_t>(1 + random.Below(255)));
    std::vector<std::string> read = ReadAll();
    ASSERT_EQ(read, Payloads(read.size())) << i;
    ASSERT_TRUE(read.size() == written_.size() || absl::IsDataLoss(status_)) << i << status_;
  }
}

TEST_F(LogRecoveryTest, GarbageNeverCrashes) {
  Random random(TestSeed());
  OpenLog();
  AppendRandom(random, 10);
  CloseLog();
  const SimulatedDisk whole = device_->Image();
  const absl::StatusOr<uint64_t> size = (*directory_->OpenFile(kFile, {}))->Size();
  for (int round = 0; round < 300; ++round) {
    Restore(whole);
    for (uint64_t i = 1 + random.Below(20); i > 0; --i) {
      Overwrite(kFile, random.Below(*size), random.Bytes(random.Below(64)));
    }
    if (random.OneIn(3)) {
      std::unique_ptr<File> file = *directory_->OpenFile(kFile, {});
      ASSERT_TRUE(file->Truncate(random.Below(*size)).ok());
    }
    std::vector<std::string> read = ReadAll();
    ASSERT_EQ(read, Payloads(read.size()));
  }
}

}  // namespace
}  // namespace moraine
