// A snapshot keeps showing its instant, in all trees, whatever is written later.
#include <utility>

#include "tests/api/database_fixture.h"
#include <moraine/snapshot.h>

namespace moraine {
namespace {

class SnapshotTest : public DatabaseFixture {};

TEST_F(SnapshotTest, ShowsItsInstant) {
  Put("changed", "old");
  Put("deleted", "there");
  const absl::StatusOr<Snapshot> then = database_->TakeSnapshot();
  ASSERT_TRUE(then.ok()) << then.status();
  Put("changed", "new");
  Put("added", "later");
  ASSERT_TRUE(database_->Delete(tree_, "deleted").ok());
  EXPECT_EQ(Text(then->Get(tree_, "changed")), "old");
  EXPECT_EQ(Text(then->Get(tree_, "deleted")), "there");
  EXPECT_EQ(Text(then->Get(tree_, "added")), "(absent)");
  EXPECT_EQ(List(then->Scan(tree_)), (Strings{"changed=old", "deleted=there"}));
  const std::vector<std::string_view> keys = {"changed", "added"};
  EXPECT_EQ((*then->MultiGet(tree_, keys))[0], Value("old"));
  EXPECT_EQ(Text(database_->Get(tree_, "changed")), "new");
}

TEST_F(SnapshotTest, CanBeMovedAndIsCountedWhileItLives) {
  Put("k", "v");
  {
    Snapshot first = *database_->TakeSnapshot();
    Snapshot second = std::move(first);
    EXPECT_EQ(Text(second.Get(tree_, "k")), "v");
    EXPECT_EQ(first.Get(tree_, "k").status().code(),  // NOLINT(bugprone-use-after-move): documented
              absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(database_->Stats()->snapshots, 1);
    second = *database_->TakeSnapshot();
    EXPECT_EQ(database_->Stats()->snapshots, 1);
  }
  EXPECT_EQ(database_->Stats()->snapshots, 0);
}

TEST_F(SnapshotTest, PositionsGrowWithWrites) {
  const Snapshot before = *database_->TakeSnapshot();
  Put("k", "v");
  EXPECT_LT(before.position(), database_->TakeSnapshot()->position());
}

}  // namespace
}  // namespace moraine
