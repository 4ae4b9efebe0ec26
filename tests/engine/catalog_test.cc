// The catalog: its entries, and trees that were made, renamed and dropped, over reopenings with and
// without a checkpoint.
#include "storage/catalog.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "storage/engine.h"
#include "tests/support/engine_harness.h"
#include "tests/support/seeds.h"
#include "tests/support/simulated_io.h"

namespace moraine {
namespace {

TEST(TreeEntryTest, EntriesRoundTripAndDamagedOnesAreDataLoss) {
  for (uint32_t id : {0u, 1u, 127u, 128u, 0xffffffffu}) {
    for (const char* merge : {"", "add", "a longer name of an operator"}) {
      std::string value = EncodeTreeEntry({"name", TreeId(id), merge});
      absl::StatusOr<TreeInfo> info = DecodeTreeEntry("name", value);
      ASSERT_TRUE(info.ok()) << info.status();
      EXPECT_EQ(info->name, "name");
      EXPECT_EQ(info->id, TreeId(id));
      EXPECT_EQ(info->merge_operator, merge);
      for (size_t size = 0; size < value.size(); ++size) {
        EXPECT_EQ(DecodeTreeEntry("name", value.substr(0, size)).status().code(),
                  absl::StatusCode::kDataLoss);
      }
      EXPECT_FALSE(DecodeTreeEntry("name", value + "x").ok());
    }
  }
  // 2^32 as a varint: an id that does not fit is refused, not cut.
  EXPECT_EQ(
      DecodeTreeEntry("name", std::string_view("\x80\x80\x80\x80\x10\x00", 6)).status().code(),
      absl::StatusCode::kDataLoss);
}

class Concatenate : public MergeOperator {
 public:
  std::string_view name() const override { return "concatenate"; }
  std::string Merge(std::string_view, std::optional<std::string_view> existing,
                    std::span<const std::string_view> operands) const override {
    std::string result(existing.value_or(""));
    for (std::string_view operand : operands) result.append("+").append(operand);
    return result;
  }
};

class CatalogTest : public testing::Test {
 protected:
  CatalogTest() : options_(SmallEngineOptions(&io_)) {
    options_.create_if_missing = true;
    Reopen(true);
  }
  absl::Status Open() {
    absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open("db", options_);
    if (!engine.ok()) return engine.status();
    engine_ = *std::move(engine);
    return absl::OkStatus();
  }
  void Reopen(bool checkpoint) {
    Close(checkpoint);
    absl::Status opened = Open();
    ASSERT_EQ(opened, absl::OkStatus());
  }
  void Close(bool checkpoint) {
    if (engine_ == nullptr) return;
    absl::Status written = checkpoint ? engine_->Checkpoint() : absl::OkStatus();
    EXPECT_EQ(written, absl::OkStatus());
    EXPECT_EQ(engine_->Close(), absl::OkStatus());
    engine_.reset();
  }
  void Write(std::string_view tree, WriteKind kind, std::string_view key, std::string_view value) {
    Tree* to = engine_->OpenTree(tree).value();
    ASSERT_TRUE(engine_->Write({kind, to, key, value}, Durability::kNone).ok());
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    const std::vector<TreeInfo> trees = engine_->ListTrees().value();
    for (const TreeInfo& info : trees) names.push_back(info.name);
    return names;
  }

  SimulatedIo io_{{}};
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(CatalogTest, NamesAndContentsFollowEveryChangeOverReopenings) {
  Random random(TestSeed());
  options_.checkpoint_on_close = false;
  std::map<std::string, std::string> model;  // name -> value of its one key
  for (int step = 0; step < 150; ++step) {
    std::string name = "tree" + std::to_string(random.Below(6));
    std::string other = "tree" + std::to_string(random.Below(6));
    bool there = model.contains(name);
    switch (random.Below(5)) {
      case 0:
        EXPECT_EQ(engine_->CreateTree(name, {}).ok(), !there);
        if (there) break;
        model[name] = std::to_string(step);
        Write(name, WriteKind::kPut, "key", model[name]);
        break;
      case 1:
        EXPECT_EQ(engine_->DropTree(name).code(),
                  there ? absl::StatusCode::kOk : absl::StatusCode::kNotFound);
        model.erase(name);
        break;
      case 2:
        EXPECT_EQ(engine_->RenameTree(name, other).ok(), there && !model.contains(other));
        if (!there || model.contains(other)) break;
        model[other] = model[name];
        model.erase(name);
        break;
      case 3:
        if (!there) break;
        model[name] = std::to_string(step);
        Write(name, WriteKind::kPut, "key", model[name]);
        break;
      default:
        Reopen(random.OneIn(2));
    }
    ASSERT_EQ(Names().size(), model.size()) << "step " << step;
    for (const auto& [known, value] : model) {
      Tree* tree = engine_->OpenTree(known).value();
      ASSERT_EQ(ReadAll(*engine_, *tree).value().size(), 1u) << known << ", step " << step;
      ASSERT_EQ(ReadValue(*engine_, *tree, "key").value(), value) << known << ", step " << step;
    }
  }
}

TEST_F(CatalogTest, ATreeMadeAfterADropIsEmpty) {
  ASSERT_TRUE(engine_->CreateTree("t", {}).ok());
  for (int i = 0; i < 300; ++i) Write("t", WriteKind::kPut, "key" + std::to_string(i), "old");
  ASSERT_EQ(engine_->DropTree("t"), absl::OkStatus());
  for (bool checkpoint : {false, true}) {
    options_.checkpoint_on_close = checkpoint;
    Reopen(checkpoint);
    ASSERT_TRUE(engine_->CreateTree("t", {}).ok());
    EXPECT_TRUE(ReadAll(*engine_, *engine_->OpenTree("t").value()).value().empty());
    Reopen(checkpoint);
    EXPECT_TRUE(ReadAll(*engine_, *engine_->OpenTree("t").value()).value().empty());
    ASSERT_EQ(engine_->DropTree("t"), absl::OkStatus());
  }
}

TEST_F(CatalogTest, AnUnknownMergeOperatorIsRefusedByName) {
  EXPECT_EQ(engine_->CreateTree("t", {.merge_operator = "concatenate"}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  for (bool checkpoint : {false, true}) {
    options_.checkpoint_on_close = checkpoint;
    options_.merge_operators = {std::make_shared<Concatenate>()};
    Reopen(checkpoint);
    std::string name = checkpoint ? "one" : "two";
    ASSERT_TRUE(engine_->CreateTree(name, {.merge_operator = "concatenate"}).ok());
    Write(name, WriteKind::kMerge, "key", "a");
    Write(name, WriteKind::kMerge, "key", "b");
    Close(checkpoint);
    options_.merge_operators.clear();
    absl::Status refused = Open();
    EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition) << refused;
    EXPECT_NE(refused.message().find("'concatenate'"), std::string::npos) << refused;
    EXPECT_NE(refused.message().find("options"), std::string::npos) << refused;
    options_.merge_operators = {std::make_shared<Concatenate>()};
    ASSERT_EQ(Open(), absl::OkStatus());
    EXPECT_EQ(ReadValue(*engine_, *engine_->OpenTree(name).value(), "key").value(), "+a+b");
  }
}

// Dropping the last tree that uses an operator is how one gets rid of it; the log may still name it.
TEST_F(CatalogTest, AnOperatorOfDroppedTreesIsNotNeededAfterACheckpoint) {
  options_.merge_operators = {std::make_shared<Concatenate>()};
  Reopen(false);
  ASSERT_TRUE(engine_->CreateTree("t", {.merge_operator = "concatenate"}).ok());
  Write("t", WriteKind::kMerge, "key", "a");
  ASSERT_EQ(engine_->DropTree("t"), absl::OkStatus());
  Close(true);
  options_.merge_operators.clear();
  EXPECT_EQ(Open(), absl::OkStatus());
}

}  // namespace
}  // namespace moraine
