// A batch applies to several trees at once, and its last operation on a key wins.
#include "tests/api/database_fixture.h"
#include <moraine/batch.h>

namespace moraine {
namespace {

class BatchTest : public DatabaseFixture {};

TEST_F(BatchTest, AppliesToSeveralTreesAtOneInstant) {
  const Tree other = *database_->CreateTree("other");
  Put("gone", "soon");
  const Snapshot before = *database_->TakeSnapshot();
  Batch batch;
  batch.Put(tree_, "a", "1");
  batch.Put(other, "b", "");
  batch.Delete(tree_, "gone");
  EXPECT_EQ(batch.size(), 3);
  ASSERT_TRUE(database_->Apply(batch).ok());
  EXPECT_EQ(List(database_->Scan(tree_)), (Strings{"a=1"}));
  EXPECT_EQ(List(database_->Scan(other)), (Strings{"b="}));
  EXPECT_EQ(List(before.Scan(tree_)), (Strings{"gone=soon"}));
  EXPECT_EQ(List(before.Scan(other)), (Strings{}));
}

TEST_F(BatchTest, TheLastOperationOnAKeyWins) {
  Batch batch;
  batch.Put(tree_, "k", "1");
  batch.Delete(tree_, "k");
  batch.Put(tree_, "k", "2");
  batch.Put(tree_, "d", "1");
  batch.Delete(tree_, "d");
  ASSERT_TRUE(database_->Apply(batch).ok());
  EXPECT_EQ(List(database_->Scan(tree_)), (Strings{"k=2"}));
}

TEST_F(BatchTest, IsEmptyAfterClear) {
  Batch batch;
  batch.Put(tree_, "k", "1");
  batch.Clear();
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(batch.size_bytes(), 0);
  EXPECT_TRUE(database_->Apply(batch).ok());
  EXPECT_EQ(Text(database_->Get(tree_, "k")), "(absent)");
}

TEST_F(BatchTest, AHandleThatLeadsNowhereFailsTheWholeBatch) {
  Batch batch;
  batch.Put(tree_, "k", "1");
  batch.Put(Tree(), "k", "1");
  EXPECT_EQ(database_->Apply(batch).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Text(database_->Get(tree_, "k")), "(absent)");
}

}  // namespace
}  // namespace moraine
