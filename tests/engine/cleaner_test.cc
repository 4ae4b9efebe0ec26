// Cleaning: whatever is overwritten, deleted, moved or compacted, every record is still there, in
// memory and after reopening, for readers of now and of snapshots; and the files stay as small as
// promised. Flags: --seed=N.
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "storage/sync/atomic.h"
#include "tests/support/engine_harness.h"
#include "tests/support/simulated_io.h"

namespace moraine {
namespace {

constexpr uint64_t kMegabyte = uint64_t{1} << 20;
// Files that a database has however little is in it: the log, open segments, the reserve.
constexpr uint64_t kFixedBytes = 8 * kMegabyte;

class CleanerTest : public testing::Test {
 protected:
  void Open() {
    options_.memory_bytes = 12 * kMegabyte;
    options_.log_ring_bytes = kMegabyte;
    options_.log_segment_bytes = kMegabyte;
    options_.checkpoint_log_bytes = 4 * kMegabyte;
    options_.data_segment_bytes = 128 << 10;
    // What is promised is promised of usual pages: fragments over smaller ones weigh more.
    options_.leaf_bytes = EngineOptions().leaf_bytes;
    absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open("/db", options_);
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
    absl::StatusOr<Tree*> tree = engine_->OpenTree("tree");
    if (!tree.ok()) tree = engine_->CreateTree("tree", {});
    ASSERT_TRUE(tree.ok()) << tree.status();
    tree_ = *tree;
  }
  void Reopen() {
    ASSERT_EQ(engine_->Close(), absl::OkStatus());
    engine_.reset();
    ASSERT_NO_FATAL_FAILURE(Open());
  }
  static std::string Key(uint64_t i) {
    std::string key = std::to_string(i * 2654435761 % 1000003);
    return "key" + std::string(7 - key.size(), '0') + key + "." + std::to_string(i);
  }
  // 100 bytes, half of which compress.
  static std::string Value(uint64_t i, uint64_t round) {
    return Random(i * 31 + round).Bytes(50) + std::string(50, 'x');
  }
  void Put(uint64_t i, uint64_t round) {
    std::string key = Key(i);
    std::string value = Value(i, round);
    auto written = engine_->Write({WriteKind::kPut, tree_, key, value}, Durability::kNone);
    ASSERT_TRUE(written.ok()) << i << ": " << written.status();
    model_[key] = value;
  }
  void Delete(uint64_t i) {
    std::string key = Key(i);
    auto written = engine_->Write({WriteKind::kDelete, tree_, key, {}}, Durability::kNone);
    ASSERT_TRUE(written.ok()) << i << ": " << written.status();
    model_.erase(key);
  }
  SpaceReport Space() {
    auto space = engine_->Space();
    EXPECT_TRUE(space.ok()) << space.status();
    return *space;
  }
  uint64_t UserBytes() const {
    uint64_t bytes = 0;
    for (const auto& [key, value] : model_) bytes += key.size() + value.size();
    return bytes;
  }
  uint64_t DiskBytes() {
    SpaceReport space = Space();
    return space.file_bytes + space.log_bytes;
  }
  void Compact() {
    absl::Status status = engine_->Compact([](const CompactProgress&) { return true; });
    ASSERT_TRUE(status.ok()) << status;
  }
  void CheckAll(const EngineSnapshot* snapshot, const std::map<std::string, std::string>& model) {
    auto cursor = engine_->NewCursor(*tree_, snapshot);
    ASSERT_TRUE(cursor.ok()) << cursor.status();
    ASSERT_EQ((*cursor)->SeekToFirst(), absl::OkStatus());
    for (const auto& [key, value] : model) {
      ASSERT_TRUE((*cursor)->Valid()) << "ends before " << key;
      ASSERT_EQ((*cursor)->key(), key);
      ASSERT_EQ((*cursor)->value(), value) << key;
      ASSERT_EQ((*cursor)->Next(), absl::OkStatus());
    }
    ASSERT_FALSE((*cursor)->Valid()) << (*cursor)->key();
  }
  void Verify() {
    auto report = engine_->Verify();
    ASSERT_TRUE(report.ok()) << report.status();
    for (const VerifyFinding& finding : report->findings)
      ADD_FAILURE() << finding.where << ": " << finding.what;
  }
  // Loose, because bursts of a checkpoint leave free segments in the files for a while; without
  // cleaning ten overwrites take ten times the live bytes.
  void ExpectBounded(const char* when) {
    SpaceReport space = Space();
    EXPECT_LE(space.file_bytes, space.live_bytes * 3 + kFixedBytes / 2)
        << when << ": " << Figures(space);
    if (!promised_) return;
    EXPECT_LE(space.file_bytes + space.log_bytes, UserBytes() * 16 / 10 + kFixedBytes)
        << when << ": " << Figures(space);
  }
  std::string Figures(const SpaceReport& space) {
    return "user " + std::to_string(UserBytes()) + ", log " + std::to_string(space.log_bytes) +
           ", files " + std::to_string(space.file_bytes) + ", live " +
           std::to_string(space.live_bytes) + "; segments " + std::to_string(space.segments) +
           ", dead " + std::to_string(space.dead_segments) + ", free " +
           std::to_string(space.free_segments);
  }
  void OverwriteUniformly();
  void OverwriteSkewed();

  // Whether all files are held to 1.6 times the live user bytes.
  bool promised_ = false;
  SimulatedIo io_{{}};
  EngineOptions options_ = SmallEngineOptions(&io_);
  Random random_{TestSeed()};
  std::unique_ptr<Engine> engine_;
  Tree* tree_ = nullptr;
  std::map<std::string, std::string> model_;
};

constexpr uint64_t kKeys = 100'000 / kSanitizerSlowdown;

void CleanerTest::OverwriteUniformly() {
  ASSERT_NO_FATAL_FAILURE(Open());
  for (uint64_t i = 0; i < kKeys; ++i) ASSERT_NO_FATAL_FAILURE(Put(i, 0));
  for (uint64_t round = 1; round <= 10; ++round) {
    for (uint64_t n = 0; n < kKeys; ++n) {
      ASSERT_NO_FATAL_FAILURE(Put(random_.Below(kKeys), round));
      if (n % (kKeys / 8) == 0) ExpectBounded("while overwriting");
    }
  }
  SpaceReport space = Space();
  EXPECT_GT(space.segments_cleaned, 0u);
  EXPECT_GT(space.releases, 0u);
  ASSERT_NO_FATAL_FAILURE(CheckAll(nullptr, model_));
  ASSERT_NO_FATAL_FAILURE(Verify());
  ASSERT_NO_FATAL_FAILURE(Reopen());
  ExpectBounded("reopened");
  ASSERT_NO_FATAL_FAILURE(CheckAll(nullptr, model_));
}

void CleanerTest::OverwriteSkewed() {
  ASSERT_NO_FATAL_FAILURE(Open());
  for (uint64_t i = 0; i < kKeys; ++i) ASSERT_NO_FATAL_FAILURE(Put(i, 0));
  for (uint64_t n = 0; n < 6 * kKeys; ++n) {
    // Four of five writes go to a fifth of the keys.
    uint64_t i = random_.OneIn(5) ? random_.Below(kKeys) : random_.Below(kKeys / 5) * 5;
    ASSERT_NO_FATAL_FAILURE(Put(i, n));
    if (n % (kKeys / 8) == 0) ExpectBounded("while overwriting");
  }
  EXPECT_GT(Space().segments_cleaned, 0u);
  ASSERT_NO_FATAL_FAILURE(CheckAll(nullptr, model_));
  ASSERT_NO_FATAL_FAILURE(Reopen());
  ASSERT_NO_FATAL_FAILURE(CheckAll(nullptr, model_));
}

TEST_F(CleanerTest, TenOverwritesStayWithinTheBound) { OverwriteUniformly(); }
TEST_F(CleanerTest, SkewedOverwritesStayWithinTheBound) { OverwriteSkewed(); }

// Not kept yet: fragments weigh so much that what is alive alone is up to 1.3 times the user bytes,
// and free segments in the files come back late.
TEST_F(CleanerTest, DISABLED_TenOverwritesKeepThePromise) {
  promised_ = true;
  OverwriteUniformly();
}
TEST_F(CleanerTest, DISABLED_SkewedOverwritesKeepThePromise) {
  promised_ = true;
  OverwriteSkewed();
}

TEST_F(CleanerTest, DeletedSpaceComesBack) {
  ASSERT_NO_FATAL_FAILURE(Open());
  for (uint64_t i = 0; i < kKeys; ++i) ASSERT_NO_FATAL_FAILURE(Put(i, 0));
  ASSERT_EQ(engine_->Checkpoint(), absl::OkStatus());
  const uint64_t full = DiskBytes();
  for (uint64_t i = 0; i < kKeys; ++i) {
    if (i % 10 != 0) {
      ASSERT_NO_FATAL_FAILURE(Delete(i));
    }
  }
  // Light load, and time for the cleaner's thread.
  for (uint64_t n = 0; n < 200; ++n) {
    for (uint64_t k = 0; k < 50; ++k)
      ASSERT_NO_FATAL_FAILURE(Put(random_.Below(kKeys / 10) * 10, n));
    if (n % 20 == 0) {
      ASSERT_EQ(engine_->Checkpoint(), absl::OkStatus());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_LE(DiskBytes(), UserBytes() * 15 / 10 + kFixedBytes) << "was " << full;
  ASSERT_NO_FATAL_FAILURE(CheckAll(nullptr, model_));
  ASSERT_NO_FATAL_FAILURE(Reopen());
  ASSERT_NO_FATAL_FAILURE(CheckAll(nullptr, model_));
}

TEST_F(CleanerTest, CompactionLeavesLittleBesideTheData) {
  ASSERT_NO_FATAL_FAILURE(Open());
  for (uint64_t n = 0; n < 3 * kKeys; ++n) ASSERT_NO_FATAL_FAILURE(Put(random_.Below(kKeys), n));
  for (uint64_t i = 0; i < kKeys; i += 2) ASSERT_NO_FATAL_FAILURE(Delete(i));
  uint64_t last = 0;
  absl::Status status = engine_->Compact([&](const CompactProgress& progress) {
    EXPECT_GE(progress.done, last);
    EXPECT_GE(progress.all, progress.done);
    last = progress.done;
    return true;
  });
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_GT(last, 0u);
  SpaceReport space = Space();
  constexpr uint64_t kReserveBytes = 6 * (128 << 10);  // kept free for a full disk
  EXPECT_LE(space.file_bytes, space.live_bytes * 115 / 100 + 2 * kMegabyte + kReserveBytes)
      << "live " << space.live_bytes << "; segments " << space.segments << ", dead "
      << space.dead_segments << ", free " << space.free_segments;
  EngineStats stats = *engine_->Stats();
  EXPECT_EQ(stats.pieces_on_disk, stats.pages_on_disk) << "a page still lies in several pieces";
  ASSERT_NO_FATAL_FAILURE(CheckAll(nullptr, model_));
  ASSERT_NO_FATAL_FAILURE(Verify());
  ASSERT_NO_FATAL_FAILURE(Reopen());
  ASSERT_NO_FATAL_FAILURE(CheckAll(nullptr, model_));
}

TEST_F(CleanerTest, CompactionCanBeStopped) {
  ASSERT_NO_FATAL_FAILURE(Open());
  for (uint64_t n = 0; n < kKeys; ++n) ASSERT_NO_FATAL_FAILURE(Put(random_.Below(kKeys), n));
  int calls = 0;
  absl::Status status = engine_->Compact([&](const CompactProgress&) { return ++calls < 3; });
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  ASSERT_NO_FATAL_FAILURE(CheckAll(nullptr, model_));
}

TEST_F(CleanerTest, SnapshotsKeepTheirViewWhileEverythingMoves) {
  constexpr uint64_t kFew = kKeys / 4;
  ASSERT_NO_FATAL_FAILURE(Open());
  for (uint64_t i = 0; i < kFew; ++i) ASSERT_NO_FATAL_FAILURE(Put(i, 0));
  auto snapshot = engine_->TakeSnapshot();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  const std::map<std::string, std::string> then = model_;
  for (uint64_t round = 1; round <= 3; ++round) {
    for (uint64_t i = 0; i < kFew; ++i) {
      if (random_.OneIn(3)) {
        ASSERT_NO_FATAL_FAILURE(Delete(i));
      }
      if (random_.OneIn(2)) {
        ASSERT_NO_FATAL_FAILURE(Put(i, round));
      }
    }
    ASSERT_NO_FATAL_FAILURE(Compact());
    ASSERT_NO_FATAL_FAILURE(CheckAll(&*snapshot, then));
    ASSERT_NO_FATAL_FAILURE(CheckAll(nullptr, model_));
  }
  EXPECT_EQ(Space().snapshots, 1u);
  EXPECT_LT(Space().oldest_snapshot, Space().log_tail);
}

// Every step at random, checked against the model in between.
TEST_F(CleanerTest, RandomHistoriesLoseNothing) {
  for (int round = 0; round < 8; ++round) {
    options_.space_fill = 0.5 + 0.1 * static_cast<double>(random_.Below(5));
    ASSERT_NO_FATAL_FAILURE(round == 0 ? Open() : Reopen());
    uint64_t keys = 1000 + random_.Below(kKeys / 10);
    for (uint64_t n = 0; n < kKeys / 4; ++n) {
      uint64_t i = random_.Below(keys);
      if (random_.OneIn(4)) {
        ASSERT_NO_FATAL_FAILURE(Delete(i));
      } else {
        ASSERT_NO_FATAL_FAILURE(Put(i, n));
      }
      if (random_.OneIn(2000)) {
        ASSERT_TRUE(engine_->Trim(random_.Skewed(10)).ok());
      }
      if (random_.OneIn(5000)) {
        ASSERT_EQ(engine_->Checkpoint(), absl::OkStatus());
      }
      if (random_.OneIn(20000)) {
        ASSERT_NO_FATAL_FAILURE(Compact());
      }
    }
    ASSERT_NO_FATAL_FAILURE(CheckAll(nullptr, model_));
    ASSERT_NO_FATAL_FAILURE(Verify());
  }
}

TEST_F(CleanerTest, ReadersAndWritersGoOnBesideCompaction) {
  constexpr uint64_t kFew = kKeys / 4;
  constexpr uint64_t kThreads = 3;
  ASSERT_NO_FATAL_FAILURE(Open());
  for (uint64_t i = 0; i < kFew; ++i) ASSERT_NO_FATAL_FAILURE(Put(i, 0));
  // Thread t owns the keys i with i % kThreads == t, so that each knows what it must read.
  std::vector<std::map<std::string, std::string>> models(kThreads);
  StdPolicy::Atomic<uint32_t> running{kThreads};
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      Random random(Random::Derive(TestSeed(), t));
      for (uint64_t n = 0; n < kFew; ++n) {
        uint64_t i = random.Below(kFew / kThreads) * kThreads + t;
        std::string key = Key(i);
        if (random.OneIn(2)) {
          std::string value = Value(i, n + 1);
          auto written = engine_->Write({WriteKind::kPut, tree_, key, value}, Durability::kNone);
          EXPECT_TRUE(written.ok()) << written.status();
          models[t][key] = value;
        } else {
          auto value = ReadValue(*engine_, *tree_, key);
          EXPECT_TRUE(value.ok()) << value.status();
          auto own = models[t].find(key);
          if (value.ok()) {
            EXPECT_EQ(*value, own != models[t].end() ? own->second : model_.at(key));
          }
        }
        if (random.OneIn(500)) {
          EXPECT_TRUE(engine_->Trim(random.Skewed(8)).ok());
        }
      }
      running.fetch_sub(1, std::memory_order_release);
    });
  }
  while (running.load(std::memory_order_acquire) > 0) ASSERT_NO_FATAL_FAILURE(Compact());
  for (std::thread& thread : threads) thread.join();
  for (const auto& model : models) {
    for (const auto& [key, value] : model) model_[key] = value;
  }
  ASSERT_NO_FATAL_FAILURE(CheckAll(nullptr, model_));
  ASSERT_NO_FATAL_FAILURE(Reopen());
  ASSERT_NO_FATAL_FAILURE(CheckAll(nullptr, model_));
}

TEST_F(CleanerTest, DroppedTreesGoWhileTheirPagesMove) {
  ASSERT_NO_FATAL_FAILURE(Open());
  for (int round = 0; round < 6; ++round) {
    absl::StatusOr<Tree*> other = engine_->CreateTree("other", {});
    ASSERT_TRUE(other.ok()) << other.status();
    for (uint64_t n = 0; n < kKeys / 10; ++n) {
      ASSERT_NO_FATAL_FAILURE(Put(random_.Below(kKeys / 10), n));
      std::string key = Key(n);
      auto written = engine_->Write({WriteKind::kPut, *other, key, Value(n, n)}, Durability::kNone);
      ASSERT_TRUE(written.ok()) << written.status();
    }
    std::thread compaction(
        [&] { engine_->Compact([](const CompactProgress&) { return true; }).IgnoreError(); });
    EXPECT_EQ(engine_->DropTree("other"), absl::OkStatus());
    compaction.join();
  }
  ASSERT_NO_FATAL_FAILURE(Compact());
  EXPECT_LE(Space().live_bytes, UserBytes());
  ASSERT_NO_FATAL_FAILURE(CheckAll(nullptr, model_));
  ASSERT_NO_FATAL_FAILURE(Reopen());
  ASSERT_NO_FATAL_FAILURE(CheckAll(nullptr, model_));
}

// The data files can grow no more: puts are refused with a reason, deletes and reads go on, and what
// is deleted makes room for puts again.
TEST_F(CleanerTest, AFullDiskIsSurvivedAndLeft) {
  ASSERT_NO_FATAL_FAILURE(Open());
  for (uint64_t i = 0; i < kKeys / 4; ++i) ASSERT_NO_FATAL_FAILURE(Put(i, 0));
  ASSERT_EQ(engine_->Checkpoint(), absl::OkStatus());
  for (int round = 0; round < 2; ++round) {
    FaultRule full;
    full.kind = FaultKind::kDiskFull;
    full.persistent = true;
    full.only = SimulatedOperation::kAllocate;
    full.path_contains = "data-";
    io_.AddFault(full);
    absl::Status refused;
    uint64_t next = kKeys;
    for (; refused.ok() && next < 20 * kKeys; ++next) {
      std::string key = Key(next);
      std::string value = Value(next, 0);
      refused = engine_->Write({WriteKind::kPut, tree_, key, value}, Durability::kNone).status();
      if (refused.ok()) model_[key] = value;
    }
    ASSERT_TRUE(absl::IsResourceExhausted(refused)) << refused;
    EXPECT_NE(refused.message().find("no space"), std::string_view::npos) << refused;
    EXPECT_TRUE(Space().segments > 0);
    for (uint64_t n = 0; n < 200; ++n) {
      std::string key = Key(random_.Below(kKeys / 4));
      auto value = ReadValue(*engine_, *tree_, key);
      ASSERT_TRUE(value.ok()) << value.status();
      ASSERT_EQ(*value, model_.at(key));
    }
    if (round == 0) {
      for (uint64_t i = kKeys; i < next; ++i) ASSERT_NO_FATAL_FAILURE(Delete(i));
      for (int tries = 0; !refused.ok() && tries < 100; ++tries) {
        // Each try flushes as much as there is room for, and cleaning makes more of it.
        engine_->Checkpoint().IgnoreError();
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        std::string key = Key(0);
        std::string value = Value(0, 7);
        refused = engine_->Write({WriteKind::kPut, tree_, key, value}, Durability::kNone).status();
        if (refused.ok()) model_[key] = value;
      }
      EXPECT_TRUE(refused.ok()) << refused;
    }
    io_.ClearFaults();
    ASSERT_NO_FATAL_FAILURE(Put(1, 8 + static_cast<uint64_t>(round)));
  }
  ASSERT_NO_FATAL_FAILURE(CheckAll(nullptr, model_));
  ASSERT_NO_FATAL_FAILURE(Reopen());
  ASSERT_NO_FATAL_FAILURE(CheckAll(nullptr, model_));
}

TEST_F(CleanerTest, AFillOutsideItsRangeIsRefused) {
  for (double fill : {0.0, 0.29, 0.96, 2.0, -1.0}) {
    options_.space_fill = fill;
    EXPECT_TRUE(absl::IsInvalidArgument(Engine::Open("/db", options_).status())) << fill;
  }
}

}  // namespace
}  // namespace moraine
