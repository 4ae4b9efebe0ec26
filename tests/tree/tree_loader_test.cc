// Trees built bottom up from leaves that another tree gave away: found again key by key, several
// inner levels high, and refused when a leaf is missing, out of place or damaged.
#include "storage/tree/tree_loader.h"

#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"
#include "tests/tree/tree_fixture.h"

namespace moraine {
namespace {

class TreeLoaderTest : public testing::Test {
 protected:
  // The leaves of a tree of `count` keys of random lengths, some deleted again, as of now.
  std::vector<std::string> MakeLeaves(uint64_t count) {
    std::unique_ptr<Tree> tree = source_.NewTree(1);
    Random random(TestSeed());
    for (uint64_t i = 0; i < count; ++i) {
      std::string key = Numbered(i) + random.Bytes(random.Below(20));
      PutInto(*tree, key, random.Bytes(random.Below(60)));
      if (!random.OneIn(8)) continue;
      EXPECT_TRUE(tree->Write(VersionKind::kDelete, key, "").ok());
    }
    TestSnapshot snapshot(source_);
    content_ = ScanOf(*tree, snapshot.point());
    return LeavesOf(*tree, snapshot.point());
  }
  // What loading says.
  absl::Status Load(const std::vector<std::string>& leaves, Tree* tree) {
    Tree::Loader loader(tree);
    for (const std::string& leaf : leaves) {
      if (absl::Status status = loader.Add(leaf); !status.ok()) return status;
    }
    return loader.Finish();
  }
  absl::Status LoadAnew(const std::vector<std::string>& leaves) {
    TreeWorldOptions options;
    options.with_log = false;
    TreeWorld world(options);
    std::unique_ptr<Tree> tree = world.NewTree(1);
    absl::Status status = Load(leaves, tree.get());
    tree.reset();
    EXPECT_EQ(world.table().allocated_count(), 0u) << "a refused load gives its pages back";
    return status;
  }

  TreeWorld source_;
  std::map<std::string, std::string> content_;
};

TEST_F(TreeLoaderTest, ManyLeavesComeBackWholeOverSeveralLevels) {
  std::vector<std::string> leaves = MakeLeaves(5000 / kSanitizerSlowdown);
  TreeWorldOptions options;
  options.with_log = false;
  TreeWorld world(options);
  std::unique_ptr<Tree> tree = world.NewTree(1);
  ASSERT_EQ(Load(leaves, tree.get()), absl::OkStatus());
  EXPECT_GE(ExpectSound(*tree), kSanitizerSlowdown == 1 ? 4u : 3u);
  EXPECT_EQ(tree->Stats().pages, world.table().allocated_count());
  EXPECT_EQ(tree->Stats().records, content_.size());
  EXPECT_EQ(ScanOf(*tree, ReadPoint()), content_);
  for (const auto& [key, value] : content_) ASSERT_EQ(GetFrom(*tree, key), value);
  // It is a tree like any other.
  world.StartLog();
  for (int i = 0; i < 1000; ++i) {
    PutInto(*tree, Numbered(static_cast<uint64_t>(i) * 3), "new");
    content_[Numbered(static_cast<uint64_t>(i) * 3)] = "new";
  }
  ExpectSound(*tree);
  EXPECT_EQ(ScanOf(*tree, ReadPoint()), content_);
}

TEST_F(TreeLoaderTest, EveryNumberOfLeavesMakesATree) {
  std::vector<std::string> leaves = MakeLeaves(900);
  ASSERT_GE(leaves.size(), 40u);
  // The last leaf has no high fence, so trees of few leaves are made of trees of few keys.
  for (uint64_t count = 0; count < 60; count += 3) {
    content_.clear();
    std::vector<std::string> few = MakeLeaves(count);
    TreeWorldOptions options;
    options.with_log = false;
    TreeWorld world(options);
    std::unique_ptr<Tree> tree = world.NewTree(1);
    ASSERT_EQ(Load(few, tree.get()), absl::OkStatus()) << few.size();
    ExpectSound(*tree);
    EXPECT_EQ(ScanOf(*tree, ReadPoint()), content_);
  }
}

TEST_F(TreeLoaderTest, GapsRepetitionsAndWrongOrderAreRefused) {
  std::vector<std::string> leaves = MakeLeaves(600);
  ASSERT_GE(leaves.size(), 10u);
  EXPECT_EQ(LoadAnew(leaves), absl::OkStatus());
  EXPECT_EQ(LoadAnew({}).code(), absl::StatusCode::kDataLoss) << "no leaf at all";
  for (size_t i = 0; i < leaves.size(); ++i) {
    std::vector<std::string> gap = leaves;
    gap.erase(gap.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_EQ(LoadAnew(gap).code(), absl::StatusCode::kDataLoss) << "without leaf " << i;
    std::vector<std::string> twice = leaves;
    twice.insert(twice.begin() + static_cast<ptrdiff_t>(i), leaves[i]);
    EXPECT_EQ(LoadAnew(twice).code(), absl::StatusCode::kDataLoss) << "leaf twice " << i;
    if (i == 0) continue;
    std::vector<std::string> swapped = leaves;
    std::swap(swapped[i - 1], swapped[i]);
    EXPECT_EQ(LoadAnew(swapped).code(), absl::StatusCode::kDataLoss) << "swapped " << i;
  }
}

TEST_F(TreeLoaderTest, DamagedAndInnerBlocksAreRefused) {
  std::vector<std::string> leaves = MakeLeaves(100);
  std::vector<std::string> cut = leaves;
  cut[1].resize(cut[1].size() - 8);
  EXPECT_EQ(LoadAnew(cut).code(), absl::StatusCode::kDataLoss);
  std::vector<std::string> inner = leaves;
  inner[1][offsetof(BlockHeader, level)] = 1;
  EXPECT_EQ(LoadAnew(inner).code(), absl::StatusCode::kDataLoss);
}

TEST_F(TreeLoaderTest, ABudgetTooSmallIsRefusedClearly) {
  std::vector<std::string> leaves = MakeLeaves(15000);
  TreeWorldOptions options;
  options.with_log = false;
  options.memory_bytes = 64 << 10;
  TreeWorld world(options);
  std::unique_ptr<Tree> tree = world.NewTree(1);
  EXPECT_EQ(Load(leaves, tree.get()).code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace moraine
