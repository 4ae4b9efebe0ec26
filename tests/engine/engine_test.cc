// The engine's basic promises, one by one, on a real directory: what is written is read, in order, after a reopen too.
#include "storage/engine.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace moraine {
namespace {

std::string Numbered(int i) {
  char key[16];
  std::snprintf(key, sizeof(key), "key%08d", i);
  return key;
}

class EngineTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "/engine-" + std::to_string(getpid());
    std::filesystem::remove_all(path_);
    options_.create_if_missing = true;
    options_.memory_bytes = 256 << 20;
    Open();
    tree_ = *engine_->CreateTree("t", {});
  }
  void TearDown() override {
    engine_.reset();
    std::filesystem::remove_all(path_);
  }
  void Open() {
    engine_.reset();
    auto engine = Engine::Open(path_, options_);
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
    auto tree = engine_->OpenTree("t");
    tree_ = tree.ok() ? *tree : nullptr;
  }
  void Write(WriteKind kind, const std::string& key, const std::string& value = "",
             Durability durability = Durability::kNone) {
    auto written = engine_->Write({kind, tree_, key, value}, durability);
    ASSERT_TRUE(written.ok()) << written.status();
  }
  std::optional<std::string> Get(const std::string& key, const EngineSnapshot* snapshot = nullptr) {
    std::string value;
    auto found = engine_->Get(*tree_, key, snapshot, [&](std::string_view v) { value = v; });
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() && *found ? std::optional(value) : std::nullopt;
  }
  std::map<std::string, std::string> Scan(const EngineSnapshot* snapshot = nullptr) {
    std::map<std::string, std::string> all;
    auto cursor = *engine_->NewCursor(*tree_, snapshot);
    EXPECT_TRUE(cursor->SeekToFirst().ok());
    std::string previous;
    while (cursor->Valid()) {
      EXPECT_TRUE(all.empty() || previous < cursor->key());
      previous = cursor->key();
      all[previous] = cursor->value();
      EXPECT_TRUE(cursor->Next().ok());
    }
    return all;
  }
  void ExpectSound() {
    auto report = engine_->Verify();
    ASSERT_TRUE(report.ok()) << report.status();
    for (const VerifyFinding& finding : report->findings)
      ADD_FAILURE() << finding.where << ": " << finding.what;
  }

  std::string path_;
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
  Tree* tree_ = nullptr;
};

TEST_F(EngineTest, PutGetDelete) {
  Write(WriteKind::kPut, "a", "1", Durability::kSync);
  EXPECT_EQ(Get("a"), "1");
  EXPECT_EQ(Get("b"), std::nullopt);
  Write(WriteKind::kPut, "a", "");
  EXPECT_EQ(Get("a"), "");
  Write(WriteKind::kDelete, "a");
  EXPECT_EQ(Get("a"), std::nullopt);
}

TEST_F(EngineTest, ManyKeysSurviveSplitsScansAndReopening) {
  std::map<std::string, std::string> expected;
  uint64_t state = 12345;
  for (int i = 0; i < 40000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    std::string key = Numbered(static_cast<int>(state >> 40) % 20000);
    if (state % 7 == 0) {
      Write(WriteKind::kDelete, key);
      expected.erase(key);
    } else {
      std::string value(state % 150, static_cast<char>('a' + i % 26));
      Write(WriteKind::kPut, key, value);
      expected[key] = value;
    }
  }
  EXPECT_EQ(Scan(), expected);
  for (const auto& [key, value] : expected) ASSERT_EQ(Get(key), value) << key;
  ExpectSound();
  options_.checkpoint_on_close = false;
  Open();
  EXPECT_EQ(Scan(), expected);
  options_.checkpoint_on_close = true;
  Open();
  EXPECT_EQ(Scan(), expected);
  Open();
  EXPECT_EQ(Scan(), expected);
  EXPECT_EQ(engine_->Stats()->records, expected.size());
  ExpectSound();
}

TEST_F(EngineTest, CursorsGoBothWays) {
  for (int i = 0; i < 5000; i += 2) Write(WriteKind::kPut, Numbered(i), std::to_string(i));
  auto cursor = *engine_->NewCursor(*tree_, nullptr);
  ASSERT_TRUE(cursor->SeekToLast().ok());
  for (int i = 4998; i >= 0; i -= 2) {
    ASSERT_TRUE(cursor->Valid()) << i;
    ASSERT_EQ(cursor->key(), Numbered(i));
    ASSERT_TRUE(cursor->Previous().ok());
  }
  EXPECT_FALSE(cursor->Valid());
  for (int i = 1; i < 4998; i += 333) {
    ASSERT_TRUE(cursor->Seek(Numbered(i)).ok());
    EXPECT_EQ(cursor->key(), Numbered(i + i % 2));
    ASSERT_TRUE(cursor->SeekForPrevious(Numbered(i)).ok());
    EXPECT_EQ(cursor->key(), Numbered(i - i % 2));
  }
}

TEST_F(EngineTest, SnapshotsKeepTheirState) {
  for (int i = 0; i < 3000; ++i) Write(WriteKind::kPut, Numbered(i), "old");
  EngineSnapshot snapshot = *engine_->TakeSnapshot();
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 3000; ++i) {
      if (i % 3 == 0) {
        Write(WriteKind::kDelete, Numbered(i));
      } else {
        Write(WriteKind::kPut, Numbered(i), "new" + std::to_string(round));
      }
    }
  }
  auto old = Scan(&snapshot);
  EXPECT_EQ(old.size(), 3000u);
  for (const auto& [key, value] : old) ASSERT_EQ(value, "old") << key;
  EXPECT_EQ(Get(Numbered(0), &snapshot), "old");
  EXPECT_EQ(Scan().size(), 2000u);
  snapshot = EngineSnapshot();
  for (int i = 0; i < 3000; ++i) Write(WriteKind::kPut, Numbered(i), "last");
  EXPECT_EQ(Scan().size(), 3000u);
  ExpectSound();
}

TEST_F(EngineTest, MergesFoldOnReadAndAfterReopening) {
  Tree* counters = *engine_->CreateTree("counters", {.merge_operator = "add"});
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(
        engine_->Write({WriteKind::kMerge, counters, Numbered(i % 7), "1"}, Durability::kNone)
            .ok());
  }
  auto value = [&](int i) {
    std::string text;
    EXPECT_TRUE(
        *engine_->Get(*counters, Numbered(i), nullptr, [&](std::string_view v) { text = v; }));
    return text;
  };
  EXPECT_EQ(value(0), "143");
  EXPECT_EQ(value(6), "142");
  options_.checkpoint_on_close = false;
  Open();
  counters = *engine_->OpenTree("counters");
  EXPECT_EQ(value(0), "143");
  auto refused = engine_->Write({WriteKind::kMerge, tree_, "x", "1"}, Durability::kNone);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(EngineTest, BatchesAreAtomicAcrossTrees) {
  Tree* other = *engine_->CreateTree("other", {});
  std::vector<WriteOperation> batch = {{WriteKind::kPut, tree_, "a", "1"},
                                       {WriteKind::kPut, other, "a", "2"},
                                       {WriteKind::kPut, tree_, "a", "3"},
                                       {WriteKind::kDelete, tree_, "b", ""}};
  ASSERT_TRUE(engine_->Apply(batch, Durability::kSync).ok());
  EXPECT_EQ(Get("a"), "3");
  options_.checkpoint_on_close = false;
  Open();
  EXPECT_EQ(Get("a"), "3");
}

TEST_F(EngineTest, LargeValuesAreChunkedAndComeBack) {
  std::string large(20 << 20, 'x');
  for (size_t i = 0; i < large.size(); i += 4096) large[i] = static_cast<char>(i >> 12);
  Write(WriteKind::kPut, "large", large, Durability::kSync);
  Write(WriteKind::kPut, "small", "s", Durability::kSync);
  EXPECT_EQ(Get("large"), large);
  options_.checkpoint_on_close = false;
  Open();
  EXPECT_EQ(Get("large"), large);
  options_.checkpoint_on_close = true;
  Open();
  EXPECT_EQ(Get("large"), large);
  EXPECT_EQ(Get("small"), "s");
}

TEST_F(EngineTest, UpdatesDecideOnTheCurrentValue) {
  auto add_one = [](std::optional<std::string_view> value) -> UpdateDecision {
    int number = value ? std::stoi(std::string(*value)) : 0;
    return {UpdateDecision::Action::kPut, std::to_string(number + 1)};
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        EXPECT_TRUE(engine_->Update(*tree_, Numbered(i % 3), add_one, Durability::kNone).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  int total = 0;
  for (int i = 0; i < 3; ++i) total += std::stoi(*Get(Numbered(i)));
  EXPECT_EQ(total, 20000);
}

TEST_F(EngineTest, UpdatesMayDecideOnLargeValues) {
  std::string large(9 << 20, 'u');
  auto put_large = [&](std::optional<std::string_view> value) -> UpdateDecision {
    if (value) return {};
    return {UpdateDecision::Action::kPut, large};
  };
  auto written = engine_->Update(*tree_, "large", put_large, Durability::kSync);
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_TRUE(written->has_value());
  EXPECT_FALSE((*engine_->Update(*tree_, "large", put_large, Durability::kSync)).has_value());
  options_.checkpoint_on_close = false;
  Open();
  EXPECT_EQ(Get("large"), large);
}

TEST_F(EngineTest, DroppedTreesAreGone) {
  for (int i = 0; i < 5000; ++i) Write(WriteKind::kPut, Numbered(i), "x");
  ASSERT_TRUE(engine_->DropTree("t").ok());
  EXPECT_EQ(engine_->Write({WriteKind::kPut, tree_, "a", "b"}, Durability::kNone).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_FALSE(engine_->OpenTree("t").ok());
  Open();
  EXPECT_FALSE(engine_->OpenTree("t").ok());
}

TEST_F(EngineTest, ReadOnlyRefusesWrites) {
  Write(WriteKind::kPut, "a", "1");
  engine_.reset();
  options_.read_only = true;
  options_.create_if_missing = false;
  Open();
  EXPECT_EQ(Get("a"), "1");
  EXPECT_EQ(Scan().size(), 1u);
  EXPECT_EQ(engine_->Write({WriteKind::kPut, tree_, "a", "2"}, Durability::kNone).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(EngineTest, ConcurrentWritersAndScannersAgree) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20000; ++i) {
        std::string key = Numbered((i * 7919 + t) % 5000 * 3 + t);
        auto written =
            engine_->Write({WriteKind::kPut, tree_, key, std::to_string(i)}, Durability::kNone);
        ASSERT_TRUE(written.ok());
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    EngineSnapshot snapshot = *engine_->TakeSnapshot();
    EXPECT_EQ(Scan(&snapshot), Scan(&snapshot));
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Scan().size(), 15000u);
  ExpectSound();
}

TEST_F(EngineTest, MoreDataThanMemoryIsWrittenWithinTheBudget) {
  engine_.reset();
  std::filesystem::remove_all(path_);
  options_.memory_bytes = 32 << 20;
  Open();
  tree_ = *engine_->CreateTree("t", {});
  std::string value(1000, 'v');
  constexpr int kCount = 45000;
  for (int i = 0; i < kCount; ++i) {
    absl::Status status =
        engine_->Write({WriteKind::kPut, tree_, Numbered(i), value}, Durability::kNone).status();
    ASSERT_TRUE(status.ok()) << i << ": " << status;
  }
  EngineStats stats = *engine_->Stats();
  EXPECT_EQ(stats.records, static_cast<uint64_t>(kCount));
  EXPECT_LE(stats.memory_bytes, options_.memory_bytes + options_.memory_bytes / 8 + (1 << 20));
  EXPECT_EQ(Get(Numbered(0)), value);
  Write(WriteKind::kDelete, Numbered(0));
  EXPECT_EQ(Get(Numbered(0)), std::nullopt);
  EXPECT_EQ(Get(Numbered(kCount - 1)), value);
}

}  // namespace
}  // namespace moraine
