// Opening and closing, trees, and what survives reopening.
#include "tests/api/database_fixture.h"
#include <moraine/database.h>

namespace moraine {
namespace {

class DatabaseTest : public DatabaseFixture {};

TEST_F(DatabaseTest, OpenSaysWhetherThereIsADatabase) {
  EXPECT_EQ(Database::Open(directory_ + "/none").status().code(), absl::StatusCode::kNotFound);
  database_.reset();
  EXPECT_EQ(Database::Open(path(), {.error_if_exists = true}).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Database::Open(path(), {.create_if_missing = true, .read_only = true}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(DatabaseTest, WritesOfEveryDurabilitySurviveClosing) {
  ASSERT_TRUE(database_->Put(tree_, "s", "sync", Durability::kSync).ok());
  ASSERT_TRUE(database_->Put(tree_, "g", "group", Durability::kGroup).ok());
  ASSERT_TRUE(database_->Put(tree_, "n", "none", Durability::kNone).ok());
  Reopen();
  EXPECT_EQ(List(database_->Scan(tree_)), (Strings{"g=group", "n=none", "s=sync"}));
}

TEST_F(DatabaseTest, AReadOnlyDatabaseReadsAndRefusesWrites) {
  Put("k", "v");
  Reopen({.read_only = true});
  EXPECT_EQ(Text(database_->Get(tree_, "k")), "v");
  EXPECT_EQ(database_->Put(tree_, "k", "w").code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(DatabaseTest, TreesAreCreatedOpenedRenamedAndDropped) {
  EXPECT_EQ(database_->OpenTree("stock").status().code(), absl::StatusCode::kNotFound);
  const Tree stock = *database_->CreateTree("stock", {.merge_operator = "add"});
  EXPECT_EQ(database_->CreateTree("stock").status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(*database_->OpenTree("stock"), stock);
  EXPECT_TRUE(database_->OpenTree("other", {.create_if_missing = true}).ok());
  ASSERT_TRUE(database_->Put(stock, "pen", "12").ok());
  ASSERT_TRUE(database_->RenameTree("stock", "goods").ok());
  EXPECT_EQ(Text(database_->Get(*database_->OpenTree("goods"), "pen")), "12");
  const auto trees = database_->ListTrees();
  ASSERT_TRUE(trees.ok()) << trees.status();
  Strings names;
  for (const TreeDescription& tree : *trees) {
    names.push_back(tree.name + ":" + tree.merge_operator);
  }
  EXPECT_EQ(names, (Strings{"default:", "goods:add", "other:"}));
  ASSERT_TRUE(database_->DropTree("goods").ok());
  EXPECT_EQ(database_->Get(stock, "pen").status().code(), absl::StatusCode::kNotFound);
  Reopen();
  EXPECT_EQ(database_->ListTrees()->size(), 2);
}

TEST_F(DatabaseTest, TheDefaultTreeStays) {
  EXPECT_EQ(database_->DropTree("default").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(database_->RenameTree("default", "x").code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(DatabaseTest, AClosedDatabaseRefusesEverything) {
  ASSERT_TRUE(database_->Close().ok());
  EXPECT_TRUE(database_->Close().ok());
  const auto refused = absl::StatusCode::kFailedPrecondition;
  EXPECT_EQ(database_->Put(tree_, "k", "v").code(), refused);
  EXPECT_EQ(database_->Get(tree_, "k").status().code(), refused);
  EXPECT_EQ(database_->TakeSnapshot().status().code(), refused);
  EXPECT_EQ(database_->Scan(tree_).status().code(), refused);
  EXPECT_EQ(database_->Flush().code(), refused);
}

TEST_F(DatabaseTest, SizesThatCannotBeStoredAreRefused) {
  EXPECT_EQ(database_->Put(tree_, std::string(5000, 'k'), "v").code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(database_->CreateTree("").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(DatabaseTest, CareRunsBesideUse) {
  Put("k", "v");
  EXPECT_TRUE(database_->Flush().ok());
  EXPECT_TRUE(database_->Checkpoint().ok());
  const auto stats = database_->Stats();
  ASSERT_TRUE(stats.ok()) << stats.status();
  EXPECT_EQ(stats->records, 1);
  EXPECT_EQ(stats->bytes_user, 2);
  const auto report = database_->Verify();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->clean());
  EXPECT_GT(report->pages, 0);
}

}  // namespace
}  // namespace moraine
