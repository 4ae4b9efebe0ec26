// Single steps of paging: what is read from disk, what is not, what may leave memory and what is
// written how.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/tree/paging_fixture.h"

namespace moraine {
namespace {

class TreePagingTest : public testing::Test {
 protected:
  TreePagingTest()
      : operators_(BuiltInMergeOperators()),
        pager_(world_),
        tree_(world_.NewTree(5, operators_.front().get())) {}

  // Fills the tree, writes everything and takes every page but the root out of memory.
  void FillAndEvict(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) PutInto(*tree_, Numbered(i), std::to_string(i));
    EvictEverything();
  }
  void EvictEverything() {
    pager_.FlushAll(*tree_);
    pager_.EvictAll(*tree_);
    for (PageId page : pager_.Pages())
      EXPECT_TRUE(page == tree_->root() || StateOf(page) == PageState::kEvicted) << page.value();
  }
  PageState StateOf(PageId page) { return world_.table().Load(page).state(); }
  uint64_t pieces_read() { return pager_.pieces().stats().pieces; }
  uint64_t submissions() { return pager_.pieces().stats().submissions; }
  // The only page that is not evicted, beside the root.
  PageId OnlyPage() {
    PageId found;
    for (PageId page : pager_.Pages()) {
      if (page == tree_->root() || StateOf(page) == PageState::kEvicted) continue;
      EXPECT_EQ(found, kNoPage);
      found = page;
    }
    return found;
  }
  uint32_t PiecesOf(PageId page) {
    EpochGuard guard(world_.heap().Local());
    return DiskCopy::Of(world_.table().LoadDisk(page)).count;
  }

  TreeWorld world_;
  std::vector<std::shared_ptr<const MergeOperator>> operators_;  // the first one adds
  TestPager pager_;
  std::unique_ptr<Tree> tree_;
};

TEST_F(TreePagingTest, ABlindWriteReadsNothingAndItsReaderOnlyWhatItNeeds) {
  FillAndEvict(40);  // two levels
  PutInto(*tree_, Numbered(7), "new");
  EXPECT_EQ(pieces_read(), 0u);
  PageId page = OnlyPage();
  EXPECT_EQ(StateOf(page), PageState::kPartial);
  EXPECT_EQ(GetFrom(*tree_, Numbered(7)), "new");
  ASSERT_TRUE(tree_->Write(VersionKind::kDelete, Numbered(8), "").ok());
  EXPECT_EQ(GetFrom(*tree_, Numbered(8)), std::nullopt);
  EXPECT_EQ(pieces_read(), 0u) << "a decided put or delete is the answer";
  ASSERT_TRUE(tree_->Write(VersionKind::kMerge, Numbered(6), "100").ok());
  EXPECT_EQ(pieces_read(), 0u);
  EXPECT_EQ(GetFrom(*tree_, Numbered(6)), "106") << "an operand needs what lies below";
  EXPECT_EQ(pieces_read(), 1u);
  EXPECT_EQ(GetFrom(*tree_, Numbered(7)), "new");
  EXPECT_EQ(GetFrom(*tree_, Numbered(5)), "5");
  EXPECT_EQ(pieces_read(), 1u);
  ExpectSound(*tree_);
}

TEST_F(TreePagingTest, FragmentsGatherUntilThePageMustBeWrittenWhole) {
  FillAndEvict(40);
  uint32_t most = 0;
  uint64_t loads = 0;
  for (int round = 0; round < 30; ++round) {
    ASSERT_TRUE(tree_->Write(VersionKind::kMerge, Numbered(3), "1").ok());
    PageId page = OnlyPage();
    uint64_t before = submissions();
    EXPECT_TRUE(pager_.Flush(*tree_, page));
    loads += submissions() - before;
    most = std::max(most, PiecesOf(page));
    if (StateOf(page) != PageState::kEvicted) {
      EXPECT_EQ(tree_->Evict(page), EvictResult::kEvicted);
      EXPECT_EQ(StateOf(page), PageState::kEvicted);
    }
  }
  EXPECT_EQ(most, kMostPieces);
  EXPECT_EQ(loads, 30u / kMostPieces);
  EXPECT_EQ(GetFrom(*tree_, Numbered(3)), "33");
}

TEST_F(TreePagingTest, APageThatIsReadIsWrittenWholeSooner) {
  FillAndEvict(40);
  uint32_t most = 0;
  for (int round = 0; round < 20; ++round) {
    ASSERT_TRUE(tree_->Write(VersionKind::kMerge, Numbered(3), "1").ok());
    PageId page = OnlyPage();
    EXPECT_EQ(GetFrom(*tree_, Numbered(3)), std::to_string(4 + round));
    EXPECT_EQ(GetFrom(*tree_, Numbered(3)), std::to_string(4 + round));
    EXPECT_TRUE(pager_.Flush(*tree_, page));
    most = std::max(most, PiecesOf(page));
    EXPECT_EQ(tree_->Evict(page), EvictResult::kEvicted);
  }
  EXPECT_LE(most, 3u);
}

TEST_F(TreePagingTest, AnEvictedPageHasAWordItNeverHadBefore) {
  FillAndEvict(40);
  PutInto(*tree_, Numbered(7), "7");
  PageId page = OnlyPage();
  std::vector<MemWord> seen;
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(pager_.Flush(*tree_, page));
    ASSERT_EQ(StateOf(page), PageState::kEvicted);
    for (MemWord word : seen) EXPECT_NE(world_.table().Load(page), word);
    seen.push_back(world_.table().Load(page));
    PutInto(*tree_, Numbered(7), "7");
  }
}

TEST_F(TreePagingTest, ManyKeysAreReadInOneSubmissionForEachLevel) {
  FillAndEvict(3000);
  std::vector<std::string> keys;
  for (uint64_t i = 0; i < 100; ++i) keys.push_back(Numbered(i * 41));
  std::vector<std::string_view> views(keys.begin(), keys.end());
  std::map<size_t, std::string> found;
  EXPECT_EQ(tree_->MultiGet(views, ReadPoint(),
                            [&](size_t index, std::string_view value) { found[index] = value; }),
            absl::OkStatus());
  for (uint64_t i = 0; i < 100; ++i) {
    if (i * 41 < 3000) {
      EXPECT_EQ(found[i], std::to_string(i * 41));
    } else {
      EXPECT_FALSE(found.contains(i)) << i;
    }
  }
  uint64_t submitted = submissions();
  // The root is there already.
  EXPECT_EQ(submitted, tree_->Stats().height - 1);
}

TEST_F(TreePagingTest, AScanReadsMoreLeavesAtOnceTheLongerItGoesOn) {
  TreeWorldOptions options;
  options.inner_bytes = 8192;
  TreeWorld world(options);
  TestPager pager(world);
  std::unique_ptr<Tree> tree = world.NewTree(1);
  for (uint64_t i = 0; i < 3000; ++i) PutInto(*tree, Numbered(i), std::to_string(i));
  pager.FlushAll(*tree);
  EXPECT_GT(pager.EvictAll(*tree), 100u);
  EXPECT_EQ(ScanOf(*tree, ReadPoint()).size(), 3000u);
  uint64_t pages = pager.pieces().stats().pages;
  EXPECT_GT(pages, 100u);
  EXPECT_LT(pager.pieces().stats().submissions, 8 + pages / 16) << "one leaf at a time";
}

TEST_F(TreePagingTest, WhatIsNotWrittenStays) {
  for (uint64_t i = 0; i < 40; ++i) PutInto(*tree_, Numbered(i), "v");
  for (PageId page : pager_.Pages()) {
    EXPECT_EQ(tree_->Evict(page),
              page == tree_->root() ? EvictResult::kPinned : EvictResult::kDirty);
  }
  EvictEverything();
  EXPECT_EQ(GetFrom(*tree_, Numbered(3)), "v");
  PageId page = OnlyPage();
  // Layers over a clean base stay when the base goes.
  PutInto(*tree_, Numbered(3), "w");
  EXPECT_EQ(tree_->Evict(page), EvictResult::kEvicted);
  EXPECT_EQ(StateOf(page), PageState::kPartial);
  EXPECT_EQ(tree_->Evict(page), EvictResult::kDirty);
  EXPECT_EQ(GetFrom(*tree_, Numbered(3)), "w");
  EXPECT_EQ(GetFrom(*tree_, Numbered(2)), "v");
}

TEST_F(TreePagingTest, APageThatWasSplitOffGoesWithThePageOnItsLeft) {
  FillAndEvict(40);
  // Splits the leaf of key 10 by filling it.
  for (uint64_t i = 0; i < 60; ++i) PutInto(*tree_, Numbered(10) + Numbered(i), "value");
  EXPECT_EQ(GetFrom(*tree_, Numbered(10)), "10");
  for (uint64_t i = 0; i < 60; ++i) PutInto(*tree_, Numbered(10) + Numbered(i), "value");
  std::vector<PageId> fresh;  // leaves
  for (PageId page : pager_.Pages()) {
    EpochGuard guard(world_.heap().Local());
    bool leaf = page.value() >= world_.table().leaf_extent().begin;
    if (leaf && world_.table().LoadDisk(page).none()) fresh.push_back(page);
  }
  ASSERT_FALSE(fresh.empty());
  PageId other;
  ASSERT_EQ(pager_.Capture(*tree_, fresh.back(), {}, &other), Tree::CaptureResult::kCaptured);
  EXPECT_NE(other, fresh.back());
  pager_.Publish(*tree_);
  for (PageId page : fresh) EXPECT_EQ(PiecesOf(page), 1u) << page.value();
  EXPECT_EQ(ScanOf(*tree_, ReadPoint()).size(), 100u);
}

// With no page left for the parent level, splits stay unposted: nothing tells a blind writer to go
// right, so the page on their left must not leave memory.
TEST(TreePagingWithoutPagesTest, APageWhoseSplitIsNotPostedStays) {
  for (uint32_t capacity : {64u, 96u, 128u, 160u}) {
    TreeWorldOptions options;
    options.table_capacity = capacity;
    options.leaf_bytes = 256;
    TreeWorld world(options);
    TestPager pager(world);
    std::unique_ptr<Tree> tree = world.NewTree(1);
    constexpr uint64_t kCount = 400;
    for (uint64_t i = 0; i < kCount; ++i) PutInto(*tree, Numbered(i), "old");
    for (int round = 0; round < 3; ++round) {
      pager.FlushAll(*tree);
      // Later on a flush alone empties the pages that were only written.
      size_t evicted = pager.EvictAll(*tree);
      if (round == 0) {
        EXPECT_GT(evicted, 0u);
      }
      for (uint64_t i = round; i < kCount; i += 3) PutInto(*tree, Numbered(i), std::to_string(i));
    }
    for (uint64_t i = 0; i < kCount; ++i) EXPECT_EQ(GetFrom(*tree, Numbered(i)), std::to_string(i));
    EXPECT_EQ(ScanOf(*tree, ReadPoint()).size(), kCount);
    ExpectSound(*tree);
  }
}

TEST_F(TreePagingTest, ADroppedTreeNamesEveryPageOnce) {
  FillAndEvict(2000);
  PutInto(*tree_, Numbered(7), "seven");
  tree_->MarkDropped();
  std::map<uint32_t, int> released;
  std::vector<PageId> pages = pager_.Pages();
  EXPECT_EQ(tree_->ReleasePages([&](PageId page) {
    ++released[page.value()];
    EpochGuard guard(world_.heap().Local());
    if (const DiskRefs* refs = world_.table().LoadDisk(page).refs())
      world_.heap().Local().Retire(const_cast<DiskRefs*>(refs), refs->bytes());
    world_.table().Free(page);
  }),
            absl::OkStatus());
  EXPECT_EQ(released.size(), pages.size());
  for (PageId page : pages) EXPECT_EQ(released[page.value()], 1) << page.value();
  EXPECT_EQ(world_.table().allocated_count(), 0u);
}

TEST_F(TreePagingTest, ADamagedPieceIsReportedAndNothingElseHappens) {
  FillAndEvict(40);
  PieceMemory::Pieces pieces = pager_.pieces().Copy();
  PieceMemory::Pieces damaged = pieces;
  for (auto& [address, piece] : damaged) piece.payload[offsetof(BlockHeader, count)] ^= 0x20;
  pager_.pieces().Restore(damaged);
  EXPECT_TRUE(absl::IsDataLoss(tree_->Get(Numbered(7), {}, [](std::string_view) {}).status()));
  PutInto(*tree_, Numbered(7), "new");
  EXPECT_EQ(GetFrom(*tree_, Numbered(7)), "new");
  pager_.pieces().Restore(pieces);
  EXPECT_EQ(GetFrom(*tree_, Numbered(6)), "6");
  EXPECT_EQ(GetFrom(*tree_, Numbered(7)), "new");
}

}  // namespace
}  // namespace moraine
