// Databases larger than their memory: everything that was written is read back, by key and by scan,
// latest and as of snapshots, while the budget holds; reopening reads no more than it needs; pages
// are gathered from fragments.
// Flags: --seed=N.
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/engine_harness.h"
#include "tests/support/simulated_io.h"

namespace moraine {
namespace {

constexpr uint64_t kMemoryBytes = uint64_t{12} << 20;

class EnginePagingTest : public testing::Test {
 protected:
  void Open(uint64_t memory_bytes = kMemoryBytes) {
    EngineOptions options = SmallEngineOptions(&io_);
    options.memory_bytes = memory_bytes;
    options.log_ring_bytes = uint64_t{1} << 20;
    options.log_segment_bytes = uint64_t{4} << 20;
    options.checkpoint_log_bytes = uint64_t{8} << 20;
    absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open("/db", options);
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
    absl::StatusOr<Tree*> tree = engine_->OpenTree("tree");
    if (!tree.ok()) tree = engine_->CreateTree("tree", {.merge_operator = "append"});
    ASSERT_TRUE(tree.ok()) << tree.status();
    tree_ = *tree;
  }
  void Reopen() {
    ASSERT_EQ(engine_->Close(), absl::OkStatus());
    engine_.reset();
    Open();
  }
  static std::string Key(uint64_t i) {
    std::string key = std::to_string(i * 2654435761 % 1000003);
    return "key" + std::string(7 - key.size(), '0') + key + "." + std::to_string(i);
  }
  std::string Value(uint64_t i, uint64_t round) {
    // Half of it compresses.
    std::string value = "value " + std::to_string(i) + " of round " + std::to_string(round) + " ";
    value += std::string(60, 'x');
    value += Random(i * 31 + round).Bytes(60);
    return value;
  }
  void Put(uint64_t i, uint64_t round) {
    std::string key = Key(i);
    std::string value = Value(i, round);
    auto written = engine_->Write({WriteKind::kPut, tree_, key, value}, Durability::kNone);
    ASSERT_TRUE(written.ok()) << i << ": " << written.status();
    model_[key] = value;
  }
  EngineStats Stats() {
    auto stats = engine_->Stats();
    EXPECT_TRUE(stats.ok()) << stats.status();
    return *stats;
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
    ASSERT_FALSE((*cursor)->Valid());
  }
  void CheckSome(uint64_t keys, uint64_t gets) {
    for (uint64_t i = 0; i < gets; ++i) {
      std::string key = Key(random_.Below(keys));
      auto value = ReadValue(*engine_, *tree_, key);
      ASSERT_TRUE(value.ok()) << value.status();
      ASSERT_TRUE(value->has_value()) << key;
      ASSERT_EQ(**value, model_[key]) << key;
    }
  }

  SimulatedIo io_{{}};
  Random random_{TestSeed()};
  std::unique_ptr<Engine> engine_;
  Tree* tree_ = nullptr;
  std::map<std::string, std::string> model_;
};

constexpr uint64_t kKeys = 300'000 / kSanitizerSlowdown;

TEST_F(EnginePagingTest, SeveralTimesTheMemoryIsWrittenAndReadBack) {
  ASSERT_NO_FATAL_FAILURE(Open());
  for (uint64_t i = 0; i < kKeys; ++i) ASSERT_NO_FATAL_FAILURE(Put(i, 0));
  for (uint64_t i = 0; i < kKeys / 4; ++i)
    ASSERT_NO_FATAL_FAILURE(Put(random_.Below(kKeys), 1 + i));
  EngineStats stats = Stats();
  if (kSanitizerSlowdown == 1) {
    EXPECT_GT(stats.bytes_user, 3 * kMemoryBytes);
    EXPECT_GT(stats.pages_evicted, 1000u);
    EXPECT_GT(stats.fragments_flushed, 0u);
  }
  EXPECT_LE(stats.memory_bytes, kMemoryBytes + kMemoryBytes / 8 + (1 << 20));
  ASSERT_NO_FATAL_FAILURE(CheckSome(kKeys, kKeys / 10));
  ASSERT_NO_FATAL_FAILURE(CheckAll(nullptr, model_));
  ASSERT_NO_FATAL_FAILURE(Reopen());
  ASSERT_NO_FATAL_FAILURE(CheckSome(kKeys, kKeys / 10));
  ASSERT_NO_FATAL_FAILURE(CheckAll(nullptr, model_));
  auto report = engine_->Verify();
  ASSERT_TRUE(report.ok()) << report.status();
  for (const VerifyFinding& finding : report->findings)
    ADD_FAILURE() << finding.where << ": " << finding.what;
}

TEST_F(EnginePagingTest, ASnapshotKeepsItsViewWhilePagesComeAndGo) {
  constexpr uint64_t kFew = 40'000 / kSanitizerSlowdown;
  ASSERT_NO_FATAL_FAILURE(Open());
  for (uint64_t i = 0; i < kFew; ++i) ASSERT_NO_FATAL_FAILURE(Put(i, 0));
  auto snapshot = engine_->TakeSnapshot();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  const std::map<std::string, std::string> then = model_;
  for (uint64_t round = 1; round <= 4; ++round) {
    for (uint64_t i = 0; i < kFew; ++i) {
      if (random_.OneIn(2)) {
        ASSERT_NO_FATAL_FAILURE(Put(i, round));
      }
    }
    ASSERT_TRUE(engine_->Trim(1 << 20).ok());
    ASSERT_NO_FATAL_FAILURE(CheckAll(&*snapshot, then));
    ASSERT_NO_FATAL_FAILURE(CheckAll(nullptr, model_));
  }
}

TEST_F(EnginePagingTest, BlindWritesToPagesOnDiskReadNothing) {
  constexpr uint64_t kFew = 20'000 / kSanitizerSlowdown;
  ASSERT_NO_FATAL_FAILURE(Open());
  for (uint64_t i = 0; i < kFew; ++i) ASSERT_NO_FATAL_FAILURE(Put(i, 0));
  ASSERT_TRUE(engine_->Trim(1 << 20).ok());
  EngineStats before = Stats();
  ASSERT_TRUE(engine_->Trim(1 << 20).ok());  // Stats looked at every page
  before = Stats();
  ASSERT_TRUE(engine_->Trim(1 << 20).ok());
  uint64_t loaded_by_stats = Stats().pages_loaded - before.pages_loaded;
  ASSERT_TRUE(engine_->Trim(1 << 20).ok());
  before = Stats();
  ASSERT_TRUE(engine_->Trim(1 << 20).ok());
  for (uint64_t i = 0; i < 100; ++i) ASSERT_NO_FATAL_FAILURE(Put(random_.Below(kFew), 1));
  EngineStats after = Stats();
  // Inner pages aside, only the second Stats itself loads.
  EXPECT_LE(after.pages_loaded - before.pages_loaded, loaded_by_stats + 16);
  ASSERT_NO_FATAL_FAILURE(CheckAll(nullptr, model_));
}

TEST_F(EnginePagingTest, FragmentsAreGatheredInOneSubmission) {
  constexpr uint64_t kFew = 2'000;
  ASSERT_NO_FATAL_FAILURE(Open());
  for (uint64_t i = 0; i < kFew; ++i) ASSERT_NO_FATAL_FAILURE(Put(i, 0));
  ASSERT_TRUE(engine_->Trim(1 << 20).ok());
  for (uint64_t round = 1; round <= 5; ++round) {
    for (uint64_t i = 0; i < 60; ++i) ASSERT_NO_FATAL_FAILURE(Put(random_.Below(kFew), round));
    ASSERT_TRUE(engine_->Trim(1 << 20).ok());
  }
  EngineStats before = Stats();
  EXPECT_GT(before.pieces_on_disk, before.pages_on_disk) << "no page has a fragment";
  ASSERT_TRUE(engine_->Trim(1 << 20).ok());
  before = Stats();
  ASSERT_TRUE(engine_->Trim(1 << 20).ok());
  EngineStats middle = Stats();
  uint64_t pages = middle.pages_loaded - before.pages_loaded;
  EXPECT_GT(middle.pieces_loaded - before.pieces_loaded, pages);
  EXPECT_LE(middle.load_submissions - before.load_submissions, pages)
      << "a page took more than one submission";
  ASSERT_NO_FATAL_FAILURE(CheckAll(nullptr, model_));
}

TEST_F(EnginePagingTest, MergesReachPagesOnDisk) {
  ASSERT_NO_FATAL_FAILURE(Open());
  constexpr uint64_t kFew = 3'000;
  for (uint64_t round = 0; round < 12; ++round) {
    for (uint64_t i = 0; i < kFew; i += 1 + random_.Below(3)) {
      std::string key = Key(i);
      std::string operand(1, static_cast<char>('a' + round));
      auto written = engine_->Write({WriteKind::kMerge, tree_, key, operand}, Durability::kNone);
      ASSERT_TRUE(written.ok()) << written.status();
      model_[key] += operand;
    }
    ASSERT_TRUE(engine_->Trim(random_.Skewed(10)).ok());
    if (random_.OneIn(4)) {
      ASSERT_NO_FATAL_FAILURE(Reopen());
    }
  }
  ASSERT_NO_FATAL_FAILURE(CheckAll(nullptr, model_));
}

TEST_F(EnginePagingTest, ReadersAndWritersShareTooLittleMemory) {
  ASSERT_NO_FATAL_FAILURE(Open());
  constexpr uint64_t kFew = 100'000 / kSanitizerSlowdown;
  constexpr uint64_t kThreads = 4;
  for (uint64_t i = 0; i < kFew; ++i) ASSERT_NO_FATAL_FAILURE(Put(i, 0));
  // Thread t owns the keys i with i % kThreads == t, so that each knows what it must read.
  std::vector<std::map<std::string, std::string>> models(kThreads);
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      Random random(Random::Derive(TestSeed(), t));
      for (uint64_t n = 0; n < kFew / 2; ++n) {
        uint64_t i = random.Below(kFew / kThreads) * kThreads + t;
        std::string key = Key(i);
        if (random.OneIn(2)) {
          std::string value = Value(i, n + 1);
          auto written = engine_->Write({WriteKind::kPut, tree_, key, value}, Durability::kNone);
          ASSERT_TRUE(written.ok()) << written.status();
          models[t][key] = value;
        } else {
          auto value = ReadValue(*engine_, *tree_, key);
          ASSERT_TRUE(value.ok()) << value.status();
          auto own = models[t].find(key);
          ASSERT_EQ(*value, own != models[t].end() ? own->second : model_.at(key)) << key;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& model : models) {
    for (const auto& [key, value] : model) model_[key] = value;
  }
  ASSERT_NO_FATAL_FAILURE(CheckAll(nullptr, model_));
  ASSERT_NO_FATAL_FAILURE(Reopen());
  ASSERT_NO_FATAL_FAILURE(CheckAll(nullptr, model_));
}

}  // namespace
}  // namespace moraine
