// The edges of the engine's contract, one by one: sizes, bounds, misuse, budgets, names.
#include <string>

#include "gtest/gtest.h"

#include "tests/support/engine_harness.h"
#include "tests/support/simulated_io.h"

namespace moraine {
namespace {

class EngineEdgesTest : public testing::Test {
 protected:
  void Open(EngineOptions options) {
    absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open("/db", options);
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
  }
  void SetUp() override {
    Open(SmallEngineOptions(&io_));
    absl::StatusOr<Tree*> tree = engine_->CreateTree("tree", {.merge_operator = "add"});
    ASSERT_TRUE(tree.ok()) << tree.status();
    tree_ = *tree;
  }
  void Reopen() {
    ASSERT_EQ(engine_->Close(), absl::OkStatus());
    engine_.reset();
    Open(SmallEngineOptions(&io_));
    tree_ = *engine_->OpenTree("tree");
  }
  absl::Status Put(std::string_view key, std::string_view value) {
    return engine_->Write({WriteKind::kPut, tree_, key, value}, Durability::kNone).status();
  }
  std::optional<std::string> Get(std::string_view key) {
    const auto value = ReadValue(*engine_, *tree_, key);
    EXPECT_TRUE(value.ok()) << value.status();
    return value.value_or(std::nullopt);
  }

  SimulatedIo io_{{}};
  std::unique_ptr<Engine> engine_;
  Tree* tree_ = nullptr;
};

TEST_F(EngineEdgesTest, LargestKeysAndEmptyOnes) {
  const std::string largest(kMostKeyBytes, 'k');
  ASSERT_TRUE(Put("", "empty").ok());
  ASSERT_TRUE(Put(largest, "largest").ok());
  ASSERT_TRUE(Put(largest.substr(1), "shorter").ok());
  ASSERT_TRUE(Put("nothing", "").ok());
  EXPECT_TRUE(absl::IsInvalidArgument(Put(largest + "k", "x")));
  Reopen();
  EXPECT_EQ(Get(""), "empty");
  EXPECT_EQ(Get(largest), "largest");
  EXPECT_EQ(Get(largest.substr(1)), "shorter");
  EXPECT_EQ(Get("nothing"), "");
}

TEST_F(EngineEdgesTest, ManyLargestKeysStayApart) {
  std::string key(kMostKeyBytes, 'k');
  for (int i = 0; i < 60; ++i) {
    key.replace(key.size() - 2, 2, std::to_string(10 + i));
    ASSERT_TRUE(Put(key, std::to_string(i)).ok());
  }
  Reopen();
  const auto all = ReadAll(*engine_, *tree_);
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all->size(), 60u);
  EXPECT_EQ(all->front().second, "0");
  EXPECT_EQ(all->back().second, "59");
}

TEST_F(EngineEdgesTest, ValuesOfManySizesComeBackWhole) {
  Random random(TestSeed());
  for (size_t size :
       {size_t{1}, size_t{4095}, size_t{4096}, size_t{20'000}, size_t{70'000}, size_t{1} << 20}) {
    const std::string value = random.Bytes(size);
    ASSERT_TRUE(Put("value", value).ok()) << size;
    EXPECT_EQ(Get("value"), value);
    Reopen();
    EXPECT_EQ(Get("value"), value);
  }
}

TEST_F(EngineEdgesTest, ValueBeyondTheLimitIsRefused) {
  const std::string value(kMostValueBytes + 1, 'v');
  EXPECT_TRUE(absl::IsInvalidArgument(Put("value", value)));
  EXPECT_EQ(Get("value"), std::nullopt);
}

TEST_F(EngineEdgesTest, SmallMemoryHoldsAndKeepsWhatIsThere) {
  ASSERT_EQ(engine_->Close(), absl::OkStatus());
  engine_.reset();
  EngineOptions options = SmallEngineOptions(&io_);
  options.memory_bytes = uint64_t{8} << 20;
  Open(options);
  tree_ = *engine_->OpenTree("tree");
  const std::string value(1000, 'v');
  constexpr uint64_t kRecords = 20'000;
  for (uint64_t i = 0; i < kRecords; ++i) {
    const absl::Status status = Put("key" + std::to_string(i), value);
    ASSERT_TRUE(status.ok()) << i << ": " << status;
  }
  EXPECT_EQ(Get("key0"), value);
  EXPECT_EQ(Get("key" + std::to_string(kRecords)), std::nullopt);
  const auto stats = engine_->Stats();
  ASSERT_TRUE(stats.ok());
  EXPECT_LE(stats->memory_bytes, stats->memory_limit_bytes * 9 / 8 + (uint64_t{1} << 20));
  EXPECT_EQ(stats->records, kRecords);
  EXPECT_GT(stats->pages_evicted, 0u);
  for (uint64_t i = 0; i < kRecords; ++i) {
    const std::string key = "key" + std::to_string(i);
    ASSERT_TRUE(engine_->Write({WriteKind::kDelete, tree_, key, ""}, Durability::kNone).ok()) << i;
  }
  EXPECT_EQ(Get("key1"), std::nullopt);
  EXPECT_TRUE(Put("again", value).ok());
}

TEST_F(EngineEdgesTest, ManyTreesKeepTheirRecordsApart) {
  for (int i = 0; i < 200; ++i) {
    const auto tree = engine_->CreateTree("t" + std::to_string(i), {});
    ASSERT_TRUE(tree.ok()) << tree.status();
    ASSERT_TRUE(
        engine_->Write({WriteKind::kPut, *tree, "key", std::to_string(i)}, Durability::kNone).ok());
  }
  Reopen();
  const auto trees = engine_->ListTrees();
  ASSERT_TRUE(trees.ok());
  EXPECT_EQ(trees->size(), 201u);
  for (int i = 0; i < 200; ++i) {
    Tree* tree = *engine_->OpenTree("t" + std::to_string(i));
    EXPECT_EQ(*ReadValue(*engine_, *tree, "key"), std::to_string(i));
  }
}

TEST_F(EngineEdgesTest, TreeNamesAndTheirErrors) {
  EXPECT_TRUE(absl::IsInvalidArgument(engine_->CreateTree("", {}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(engine_->CreateTree(std::string(256, 'n'), {}).status()));
  EXPECT_TRUE(engine_->CreateTree(std::string(255, 'n'), {}).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(engine_->CreateTree("tree", {}).status()));
  EXPECT_TRUE(absl::IsNotFound(engine_->OpenTree("missing").status()));
  EXPECT_TRUE(absl::IsNotFound(engine_->DropTree("missing")));
  EXPECT_TRUE(absl::IsNotFound(engine_->RenameTree("missing", "other")));
  EXPECT_TRUE(absl::IsAlreadyExists(engine_->RenameTree("tree", std::string(255, 'n'))));
  ASSERT_TRUE(Put("key", "value").ok());
  ASSERT_TRUE(engine_->RenameTree("tree", "renamed").ok());
  EXPECT_TRUE(absl::IsNotFound(engine_->OpenTree("tree").status()));
  ASSERT_TRUE(engine_->RenameTree("renamed", "tree").ok());
  Reopen();
  EXPECT_EQ(Get("key"), "value");
}

TEST_F(EngineEdgesTest, DroppedTreeRefusesAndComesBackEmpty) {
  ASSERT_TRUE(Put("key", "value").ok());
  ASSERT_TRUE(engine_->DropTree("tree").ok());
  EXPECT_TRUE(absl::IsNotFound(Put("key", "value")));
  EXPECT_TRUE(absl::IsNotFound(ReadValue(*engine_, *tree_, "key").status()));
  tree_ = *engine_->CreateTree("tree", {});
  EXPECT_EQ(Get("key"), std::nullopt);
  Reopen();
  EXPECT_EQ(Get("key"), std::nullopt);
}

TEST_F(EngineEdgesTest, CursorAtTheBounds) {
  const auto empty = engine_->NewCursor(*tree_, nullptr);
  ASSERT_TRUE(empty.ok());
  for (const absl::Status& status : {(*empty)->SeekToFirst(), (*empty)->SeekToLast(),
                                     (*empty)->Seek("a"), (*empty)->SeekForPrevious("z")}) {
    EXPECT_TRUE(status.ok());
    EXPECT_FALSE((*empty)->Valid());
  }
  for (const char* key : {"b", "d", "f"}) ASSERT_TRUE(Put(key, key).ok());
  const auto cursor = engine_->NewCursor(*tree_, nullptr);
  ASSERT_TRUE(cursor.ok());
  EXPECT_TRUE((*cursor)->SeekForPrevious("a").ok());
  EXPECT_FALSE((*cursor)->Valid());
  EXPECT_TRUE((*cursor)->Seek("g").ok());
  EXPECT_FALSE((*cursor)->Valid());
  EXPECT_TRUE((*cursor)->Seek("c").ok());
  EXPECT_EQ((*cursor)->key(), "d");
  EXPECT_TRUE((*cursor)->SeekForPrevious("e").ok());
  EXPECT_EQ((*cursor)->key(), "d");
  EXPECT_TRUE((*cursor)->SeekForPrevious("d").ok());
  EXPECT_EQ((*cursor)->key(), "d");
  EXPECT_TRUE((*cursor)->Previous().ok());
  EXPECT_EQ((*cursor)->key(), "b");
  EXPECT_TRUE((*cursor)->Previous().ok());
  EXPECT_FALSE((*cursor)->Valid());
  EXPECT_TRUE((*cursor)->SeekToLast().ok());
  EXPECT_EQ((*cursor)->key(), "f");
  EXPECT_TRUE((*cursor)->Next().ok());
  EXPECT_FALSE((*cursor)->Valid());
}

TEST_F(EngineEdgesTest, MisuseIsRefusedNotPunished) {
  EXPECT_FALSE(engine_->Apply({}, Durability::kNone).ok());
  const auto plain = engine_->CreateTree("plain", {});
  ASSERT_TRUE(plain.ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(
      engine_->Write({WriteKind::kMerge, *plain, "key", "1"}, Durability::kNone).status()));
  EXPECT_FALSE(engine_->CreateTree("odd", {.merge_operator = "no such operator"}).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(Engine::Open("/db", SmallEngineOptions(&io_)).status()))
      << "the lock is held";
}

// The story: Update first asked for room for a kilobyte, which the smallest log ring never has, and
// then refused every decision, however small.
TEST_F(EngineEdgesTest, UpdateWorksWithTheSmallestLogRing) {
  const auto updated = engine_->Update(
      *tree_, "key",
      [](std::optional<std::string_view>) {
        return UpdateDecision{UpdateDecision::Action::kPut, "value"};
      },
      Durability::kNone);
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_EQ(Get("key"), "value");
}

TEST_F(EngineEdgesTest, OpenOptionsDecideAboutExistence) {
  EngineOptions options = SmallEngineOptions(&io_);
  options.create_if_missing = false;
  EXPECT_TRUE(absl::IsNotFound(Engine::Open("/nowhere", options).status()));
  ASSERT_EQ(engine_->Close(), absl::OkStatus());
  engine_.reset();
  options.create_if_missing = true;
  options.error_if_exists = true;
  EXPECT_TRUE(absl::IsAlreadyExists(Engine::Open("/db", options).status()));
}

TEST_F(EngineEdgesTest, ReadOnlyReadsAndChangesNothing) {
  ASSERT_TRUE(Put("key", "value").ok());
  ASSERT_EQ(engine_->Close(), absl::OkStatus());
  engine_.reset();
  const uint64_t before = io_.Image().Hash();
  EngineOptions options = SmallEngineOptions(&io_);
  options.create_if_missing = false;
  options.read_only = true;
  Open(options);
  tree_ = *engine_->OpenTree("tree");
  EXPECT_EQ(Get("key"), "value");
  EXPECT_TRUE(absl::IsFailedPrecondition(Put("key", "other")));
  EXPECT_TRUE(absl::IsFailedPrecondition(engine_->CreateTree("new", {}).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(engine_->Checkpoint()));
  const auto all = ReadAll(*engine_, *tree_);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->size(), 1u);
  ASSERT_EQ(engine_->Close(), absl::OkStatus());
  engine_.reset();
  EXPECT_EQ(io_.Image().Hash(), before);
}

TEST_F(EngineEdgesTest, CheckpointBoundsWhatIsReplayed) {
  for (int i = 0; i < 2'000; ++i) ASSERT_TRUE(Put("key" + std::to_string(i), "value").ok());
  ASSERT_TRUE(engine_->Checkpoint().ok());
  ASSERT_TRUE(Put("late", "value").ok());
  ASSERT_TRUE(engine_->Flush().ok());
  io_.PowerCut(1);
  engine_.reset();
  Open(SmallEngineOptions(&io_));
  const auto stats = engine_->Stats();
  ASSERT_TRUE(stats.ok());
  EXPECT_LE(stats->recovered_records, 10u);
  EXPECT_EQ(stats->records, 2'001u);
}

}  // namespace
}  // namespace moraine
