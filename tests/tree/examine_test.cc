// What an examination finds in each layer of a leaf, and that it covers ranges leaf by leaf.
#include "storage/tree/examine.h"

#include <optional>
#include <string>

#include "gtest/gtest.h"

#include "storage/tree/block_builder.h"
#include "storage/tree/transaction_commit.h"
#include "tests/support/seeds.h"
#include "tests/tree/tree_fixture.h"

namespace moraine {
namespace {

class ExamineTest : public testing::Test {
 protected:
  ExamineTest() : tree_(world_.NewTree(1)) {}

  // The key that has changed since `snapshot`, if any.
  std::optional<std::string> Changed(const TestSnapshot& snapshot, ReadKind kind,
                                     std::string_view low, std::string_view high = {}) {
    ReadItem item{tree_.get(), kind, low, high};
    ReadConflict conflict;
    absl::StatusOr<bool> changed = TransactionCommit::AlreadyChanged(
        world_.environment(), std::span(&item, 1), snapshot.point().ts, &conflict);
    EXPECT_TRUE(changed.ok()) << changed.status();
    return changed.ok() && *changed ? std::optional(conflict.key) : std::nullopt;
  }
  void Delete(std::string_view key) {
    ASSERT_TRUE(tree_->Write(VersionKind::kDelete, key, {}).ok());
  }

  TreeWorld world_;
  std::unique_ptr<Tree> tree_;
};

TEST_F(ExamineTest, OnlyWritesAtOrAboveThePositionAreNews) {
  PutInto(*tree_, "b", "1");
  TestSnapshot snapshot(world_);
  EXPECT_EQ(Changed(snapshot, ReadKind::kKey, "b"), std::nullopt);
  EXPECT_EQ(Changed(snapshot, ReadKind::kRest, ""), std::nullopt);
  PutInto(*tree_, "b", "2");  // its position is that of the snapshot exactly
  EXPECT_EQ(Changed(snapshot, ReadKind::kKey, "b"), "b");
  EXPECT_EQ(Changed(snapshot, ReadKind::kKey, "a"), std::nullopt);
  EXPECT_EQ(Changed(snapshot, ReadKind::kKey, "bb"), std::nullopt);
  EXPECT_EQ(Changed(snapshot, ReadKind::kRest, "b"), "b");
  EXPECT_EQ(Changed(snapshot, ReadKind::kRest, "ba"), std::nullopt);
  EXPECT_EQ(Changed(snapshot, ReadKind::kRange, "a", "b"), std::nullopt);
  EXPECT_EQ(Changed(snapshot, ReadKind::kRange, "a", "ba"), "b");
}

TEST_F(ExamineTest, ADeleteIsNewsAlsoOfAKeyThatWasNeverThere) {
  TestSnapshot snapshot(world_);
  Delete("x");
  EXPECT_EQ(Changed(snapshot, ReadKind::kKey, "x"), "x");
  EXPECT_EQ(Changed(snapshot, ReadKind::kRange, "w", "y"), "x");
}

// The change moves from the delta through the run into blocks of pages that split, and stays news
// in each of them; tombstones too, however much is folded after them.
TEST_F(ExamineTest, FoldsAndSplitsHideNothing) {
  for (uint64_t i = 0; i < 200; ++i) PutInto(*tree_, Numbered(i * 10), "old");
  TestSnapshot snapshot(world_);
  std::string changed = Numbered(500);
  std::string removed = Numbered(1500);
  PutInto(*tree_, changed, "new");
  Delete(removed);
  TestSnapshot later(world_);
  Random random(TestSeed());
  for (uint64_t i = 0; i < 2000; ++i) {
    std::string noise = Numbered(random.Below(200) * 10 + 5);
    if (random.Below(3) == 0) {
      Delete(noise);
    } else {
      PutInto(*tree_, noise, "noise");
    }
    ASSERT_EQ(Changed(snapshot, ReadKind::kKey, changed), changed);
    ASSERT_EQ(Changed(snapshot, ReadKind::kKey, removed), removed);
    ASSERT_EQ(Changed(snapshot, ReadKind::kRange, changed, changed + "1"), changed);
    ASSERT_EQ(Changed(snapshot, ReadKind::kRange, removed, removed + "1"), removed);
    ASSERT_EQ(Changed(later, ReadKind::kKey, changed), std::nullopt);
    ASSERT_EQ(Changed(later, ReadKind::kRange, removed, removed + "1"), std::nullopt);
  }
  EXPECT_GT(ExpectSound(*tree_), 2u);
}

// A range over many leaves is looked at to its end and not beyond.
TEST_F(ExamineTest, RangesEndWhereTheySay) {
  for (uint64_t i = 0; i < 400; ++i) PutInto(*tree_, Numbered(i), "old");
  TestSnapshot snapshot(world_);
  PutInto(*tree_, Numbered(300), "new");
  for (uint64_t low = 0; low < 400; low += 7) {
    EXPECT_EQ(Changed(snapshot, ReadKind::kRange, Numbered(low), Numbered(300)), std::nullopt);
    EXPECT_EQ(Changed(snapshot, ReadKind::kRange, Numbered(low), Numbered(301)),
              low <= 300 ? std::optional(Numbered(300)) : std::nullopt);
    EXPECT_EQ(Changed(snapshot, ReadKind::kRest, Numbered(low)),
              low <= 300 ? std::optional(Numbered(300)) : std::nullopt);
  }
}

// A leaf with one version, whose fate the test decides.
class UndecidedTest : public testing::Test {
 protected:
  UndecidedTest() : block_(BlockBytes({}, {}), '\0') {
    BuildBlock({}, {}, block_.data());
    char* at = memory_ + sizeof(Version);
    *at = 'k';
    version_ = new (memory_) Version;
    version_->key_bytes = 1;
    version_->fingerprint = FingerprintOf("k");
    version_->kind = VersionKind::kPut;
    delta_ = new (delta_memory_) Delta;
    delta_->base = block_.data();
    delta_->count = 1;
    delta_->versions[0] = version_;
  }
  void Set(TsWord word) {
    // order: relaxed: one thread
    version_->ts.store(word.bits(), std::memory_order_relaxed);
  }
  Examination Look(std::string_view key, const StatusObject* self) {
    ReadItem item{nullptr, ReadKind::kKey, key, {}};
    return ExamineLeaf({block_.data(), nullptr, delta_}, item, key, {80, 160, self});
  }

  std::string block_;
  alignas(8) char memory_[64] = {};
  alignas(8) char delta_memory_[64] = {};
  Version* version_;
  Delta* delta_;
  StatusObject mine_{8, 0};
  StatusObject other_{16, 0};
};

TEST_F(UndecidedTest, ASingleWriteIsPushedBehindTheExaminer) {
  Set(TsWord::Pending(0));
  EXPECT_EQ(Look("j", &mine_).finding, Examination::Finding::kClear);
  EXPECT_EQ(LoadWord(version_->ts).bound(), 0u);
  EXPECT_EQ(Look("k", &mine_).finding, Examination::Finding::kClear);
  EXPECT_EQ(LoadWord(version_->ts).bound(), 160u);
  EXPECT_EQ(Flip(version_->ts, 152), FlipResult::kBoundAbove);
}

TEST_F(UndecidedTest, AnIntentOfAnotherIsReportedAndAnOwnOneIsNot) {
  Set(TsWord::Owned(&other_));
  EXPECT_EQ(Look("k", &mine_).version, version_);
  EXPECT_EQ(Look("k", nullptr).finding, Examination::Finding::kClear);  // an early look
  EXPECT_EQ(Look("k", &other_).finding, Examination::Finding::kClear);
  EXPECT_EQ(Flip(other_.word, 120), FlipResult::kCommitted);
  EXPECT_EQ(Look("k", &mine_).ts, 120u);
  Set(TsWord::Aborted());
  EXPECT_EQ(Look("k", &mine_).finding, Examination::Finding::kClear);
}

}  // namespace
}  // namespace moraine
