// Cursors at every boundary between leaves, both ways, before and behind every key.
#include "storage/tree/tree_cursor.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"
#include "tests/tree/tree_fixture.h"

namespace moraine {
namespace {

using Content = std::map<std::string, std::string>;

void ExpectAt(const TreeCursor& cursor, const Content& content, Content::const_iterator expected) {
  ASSERT_EQ(cursor.Valid(), expected != content.end());
  if (!cursor.Valid()) return;
  ASSERT_EQ(cursor.key(), expected->first);
  ASSERT_EQ(cursor.value(), expected->second);
}

// The last key <= `key`, or end().
Content::const_iterator LastAtMost(const Content& content, const std::string& key) {
  auto at = content.upper_bound(key);
  return at == content.begin() ? content.end() : std::prev(at);
}

class TreeCursorTest : public testing::Test {
 protected:
  TreeCursorTest() : tree_(world_.NewTree(1)) {}
  void Put(const std::string& key, const std::string& value) {
    PutInto(*tree_, key, value);
    content_[key] = value;
  }
  void Erase(const std::string& key) {
    ASSERT_TRUE(tree_->Write(VersionKind::kDelete, key, "").ok());
    content_.erase(key);
  }
  // Every fence, every key, and what lies right before and behind them.
  std::vector<std::string> Targets() {
    std::vector<std::string> targets = {"", std::string(1, '\0'), "\xff\xff\xff"};
    auto around = [&](const std::string& key) {
      targets.push_back(key);
      targets.push_back(key + '\0');
      if (!key.empty()) targets.push_back(key.substr(0, key.size() - 1));
    };
    for (const std::string& leaf : LeavesOf(*tree_, ReadPoint()))
      around(std::string(BlockView(leaf.data()).low_fence()));
    for (const auto& [key, value] : content_) around(key);
    return targets;
  }
  void ExpectSeeksAgree(ReadPoint point, const Content& content) {
    for (const std::string& target : Targets()) {
      TreeCursor cursor(tree_.get(), point);
      ASSERT_EQ(cursor.Seek(target), absl::OkStatus());
      ExpectAt(cursor, content, content.lower_bound(target));
      if (cursor.Valid()) {
        ASSERT_EQ(cursor.Previous(), absl::OkStatus());
        auto at = content.lower_bound(target);
        ExpectAt(cursor, content, at == content.begin() ? content.end() : std::prev(at));
      }
      ASSERT_EQ(cursor.SeekForPrevious(target), absl::OkStatus());
      ExpectAt(cursor, content, LastAtMost(content, target));
      if (cursor.Valid()) {
        ASSERT_EQ(cursor.Next(), absl::OkStatus());
        ExpectAt(cursor, content, content.upper_bound(target));
      }
      if (HasFatalFailure()) FAIL() << "target " << target;
    }
  }
  void ExpectWalksAgree(ReadPoint point, const Content& content) {
    EXPECT_EQ(ScanOf(*tree_, point), content);
    TreeCursor cursor(tree_.get(), point);
    ASSERT_EQ(cursor.SeekToLast(), absl::OkStatus());
    for (auto at = content.rbegin(); at != content.rend(); ++at) {
      ASSERT_TRUE(cursor.Valid());
      ASSERT_EQ(cursor.key(), at->first);
      ASSERT_EQ(cursor.Previous(), absl::OkStatus());
    }
    EXPECT_FALSE(cursor.Valid());
  }

  TreeWorld world_;
  std::unique_ptr<Tree> tree_;
  Content content_;
};

TEST_F(TreeCursorTest, AnEmptyTreeHasNoPosition) {
  TreeCursor cursor(tree_.get(), ReadPoint());
  EXPECT_FALSE(cursor.Valid());
  EXPECT_EQ(cursor.Next().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(cursor.Previous().code(), absl::StatusCode::kFailedPrecondition);
  ExpectSeeksAgree(ReadPoint(), content_);
  ExpectWalksAgree(ReadPoint(), content_);
}

TEST_F(TreeCursorTest, EveryBoundaryIsCrossedBothWays) {
  Random random(TestSeed());
  for (uint64_t i = 0; i < 1000 / kSanitizerSlowdown; ++i) {
    std::string key = Numbered(2 * random.Below(2000));
    if (random.OneIn(2)) key += random.Bytes(random.Below(5));
    Put(key, std::to_string(i));
  }
  ExpectSound(*tree_);
  ExpectSeeksAgree(ReadPoint(), content_);
  ExpectWalksAgree(ReadPoint(), content_);
}

TEST_F(TreeCursorTest, LeavesThatBecameEmptyAreSkipped) {
  for (uint64_t i = 0; i < 600; ++i) Put(Numbered(i), "v");
  for (uint64_t i = 100; i < 500; ++i) Erase(Numbered(i));
  ExpectSeeksAgree(ReadPoint(), content_);
  ExpectWalksAgree(ReadPoint(), content_);
  while (!content_.empty()) Erase(content_.begin()->first);
  ExpectSeeksAgree(ReadPoint(), content_);
  ExpectWalksAgree(ReadPoint(), content_);
}

TEST_F(TreeCursorTest, ASnapshotIsWalkedWhileTheTreeChangesUnderTheCursor) {
  Random random(Random::Derive(TestSeed(), 1));
  for (uint64_t i = 0; i < 400; ++i) Put(Numbered(2 * i), std::to_string(i));
  TestSnapshot snapshot(world_);
  Content at_snapshot = content_;
  TreeCursor cursor(tree_.get(), snapshot.point());
  ASSERT_EQ(cursor.SeekToFirst(), absl::OkStatus());
  for (const auto& [key, value] : at_snapshot) {
    ASSERT_TRUE(cursor.Valid());
    ASSERT_EQ(cursor.key(), key);
    ASSERT_EQ(cursor.value(), value);
    for (int i = 0; i < 5; ++i) Put(Numbered(random.Below(900)), "new");
    if (random.OneIn(2)) Erase(key);
    ASSERT_EQ(cursor.Next(), absl::OkStatus());
  }
  EXPECT_FALSE(cursor.Valid());
  ExpectWalksAgree(snapshot.point(), at_snapshot);
  ExpectSeeksAgree(snapshot.point(), at_snapshot);
  ExpectWalksAgree(ReadPoint(), content_);
}

TEST_F(TreeCursorTest, ACursorMaySeekToItsOwnKey) {
  for (uint64_t i = 0; i < 300; ++i) Put(Numbered(i), "v");
  TreeCursor cursor(tree_.get(), ReadPoint());
  ASSERT_EQ(cursor.Seek(Numbered(150)), absl::OkStatus());
  ASSERT_EQ(cursor.Seek(cursor.key()), absl::OkStatus());
  EXPECT_EQ(cursor.key(), Numbered(150));
  ASSERT_EQ(cursor.SeekForPrevious(cursor.key()), absl::OkStatus());
  EXPECT_EQ(cursor.key(), Numbered(150));
}

}  // namespace
}  // namespace moraine
