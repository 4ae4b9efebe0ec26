// One transaction at a time, and what it says to others: own writes, limits, savepoints, ends.
#include "txn/transaction.h"

#include <string>

#include "gtest/gtest.h"

#include "tests/txn/txn_fixture.h"

namespace moraine {
namespace {

class TransactionTest : public testing::Test {
 protected:
  TxnWorld world_;
  Tree& plain_ = world_.plain();
  Tree& sums_ = world_.sums();
};

TEST_F(TransactionTest, ReadsItsOwnWritesAndNobodyElseDoes) {
  world_.Put(plain_, "a", "1");
  world_.Put(plain_, "b", "2");
  auto t = world_.Begin();
  ASSERT_TRUE(t->Put(plain_, "a", "10").ok());
  ASSERT_TRUE(t->Delete(plain_, "b").ok());
  ASSERT_TRUE(t->Put(plain_, "c", "").ok());
  EXPECT_EQ(GetIn(*t, plain_, "a"), "10");
  EXPECT_EQ(GetIn(*t, plain_, "b"), std::nullopt);
  EXPECT_EQ(GetIn(*t, plain_, "c"), "");
  EXPECT_EQ(ScanIn(*t, plain_), (Rows{{"a", "10"}, {"c", ""}}));
  EXPECT_EQ(world_.Latest(plain_, "a"), "1");
  EXPECT_EQ(world_.Latest(plain_, "c"), std::nullopt);
  absl::StatusOr<Lsn> position = t->Commit(Durability::kSync);
  ASSERT_TRUE(position.ok()) << position.status();
  EXPECT_GE(position->value(), t->read_position().value());
  EXPECT_EQ(world_.Latest(plain_, "a"), "10");
  EXPECT_EQ(world_.Latest(plain_, "b"), std::nullopt);
  EXPECT_EQ(world_.Latest(plain_, "c"), "");
}

TEST_F(TransactionTest, AllReadsAreOfOneInstant) {
  world_.Put(plain_, "a", "1");
  auto t = world_.Begin();
  world_.Put(plain_, "a", "2");
  world_.Put(plain_, "b", "2");
  EXPECT_EQ(GetIn(*t, plain_, "a"), "1");
  EXPECT_EQ(ScanIn(*t, plain_), (Rows{{"a", "1"}}));
  // Nothing written: nothing to conflict with.
  EXPECT_TRUE(t->Commit(Durability::kNone).ok());
}

TEST_F(TransactionTest, MergesFoldOverTheTreeAndOverOwnWrites) {
  world_.Put(sums_, "a", "100");
  auto t = world_.Begin();
  ASSERT_TRUE(t->Merge(sums_, "a", "1").ok());
  ASSERT_TRUE(t->Merge(sums_, "a", "2").ok());
  ASSERT_TRUE(t->Merge(sums_, "new", "5").ok());
  ASSERT_TRUE(t->Put(sums_, "put", "7").ok());
  ASSERT_TRUE(t->Merge(sums_, "put", "1").ok());
  ASSERT_TRUE(t->Delete(sums_, "gone").ok());
  ASSERT_TRUE(t->Merge(sums_, "gone", "3").ok());
  Rows expected{{"a", "103"}, {"gone", "3"}, {"new", "5"}, {"put", "8"}};
  EXPECT_EQ(GetIn(*t, sums_, "a"), "103");
  EXPECT_EQ(ScanIn(*t, sums_), expected);
  ASSERT_TRUE(t->Commit(Durability::kNone).ok());
  EXPECT_EQ(ReadAll(world_.engine(), sums_).value(), expected);
  EXPECT_EQ(world_.Begin()->Merge(plain_, "a", "1").code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(TransactionTest, MergesOfTwoTransactionsDoNotConflict) {
  for (Isolation isolation : {Isolation::kSerializable, Isolation::kSnapshot}) {
    auto first = world_.Begin(isolation);
    auto second = world_.Begin(isolation);
    ASSERT_TRUE(first->Merge(sums_, "n", "1").ok());
    ASSERT_TRUE(second->Merge(sums_, "n", "10").ok());
    EXPECT_TRUE(second->Commit(Durability::kNone).ok());
    EXPECT_TRUE(first->Commit(Durability::kNone).ok());
  }
  EXPECT_EQ(world_.Latest(sums_, "n"), "22");
}

TEST_F(TransactionTest, AMergedKeyThatWasReadConflicts) {
  auto t = world_.Begin();
  EXPECT_EQ(GetIn(*t, sums_, "n"), std::nullopt);
  ASSERT_TRUE(t->Put(plain_, "x", "n was absent").ok());
  auto other = world_.Begin();
  ASSERT_TRUE(other->Merge(sums_, "n", "1").ok());
  ASSERT_TRUE(other->Commit(Durability::kNone).ok());
  EXPECT_TRUE(ConflictOf(t->Commit(Durability::kNone).status()));
}

TEST_F(TransactionTest, CompareAndSwapSeesOwnWrites) {
  auto t = world_.Begin();
  auto none = [](std::optional<std::string_view>) { ADD_FAILURE(); };
  EXPECT_TRUE(t->CompareAndSwap(plain_, "a", std::nullopt, "1", none).value());
  EXPECT_TRUE(t->CompareAndSwap(plain_, "a", "1", "2", none).value());
  std::optional<std::string> actual;
  EXPECT_FALSE(t->CompareAndSwap(plain_, "a", "1", "3", [&](std::optional<std::string_view> is) {
                  actual = is;
                }).value());
  EXPECT_EQ(actual, "2");
  EXPECT_TRUE(t->CompareAndSwap(plain_, "a", "2", std::nullopt, none).value());
  EXPECT_EQ(GetIn(*t, plain_, "a"), std::nullopt);
}

TEST_F(TransactionTest, DeleteRangeTakesOwnWritesTooAndIsExact) {
  for (const char* key : {"a", "b", "c", "d"}) world_.Put(plain_, key, "old");
  auto t = world_.Begin();
  ASSERT_TRUE(t->Put(plain_, "bb", "own").ok());
  ASSERT_TRUE(t->Put(plain_, "d", "own").ok());
  EXPECT_EQ(t->DeleteRange(plain_, {"b", "d"}).value(), 3u);
  EXPECT_EQ(ScanIn(*t, plain_), (Rows{{"a", "old"}, {"d", "own"}}));
  ASSERT_TRUE(t->Commit(Durability::kNone).ok());
  EXPECT_EQ(ReadAll(world_.engine(), plain_).value(), (Rows{{"a", "old"}, {"d", "own"}}));
}

TEST_F(TransactionTest, ARangeThatWasDeletedEmptyStillCounts) {
  auto t = world_.Begin();
  EXPECT_EQ(t->DeleteRange(plain_, {"b", "d"}).value(), 0u);
  ASSERT_TRUE(t->Put(plain_, "x", "1").ok());
  world_.Put(plain_, "c", "late");
  EXPECT_TRUE(ConflictOf(t->Commit(Durability::kNone).status()));
}

TEST_F(TransactionTest, GetForUpdateSaysEarlyThatItIsTooLate) {
  world_.Put(plain_, "a", "1");
  for (Isolation isolation : {Isolation::kSerializable, Isolation::kSnapshot}) {
    auto late = world_.Begin(isolation);
    auto in_time = world_.Begin(isolation);
    auto ignore = [](std::string_view) {};
    EXPECT_TRUE(in_time->GetForUpdate(plain_, "a", ignore).value());
    ASSERT_TRUE(in_time->Put(plain_, "b", "1").ok());
    world_.Put(plain_, "a", "2");
    EXPECT_TRUE(ConflictOf(late->GetForUpdate(plain_, "a", ignore).status()));
    EXPECT_TRUE(ConflictOf(in_time->Commit(Durability::kNone).status()));
  }
}

TEST_F(TransactionTest, AConflictNamesTheKeyTheTreeAndTheWinner) {
  auto t = world_.Begin();
  EXPECT_TRUE(ScanIn(*t, plain_, {"k", "m"}).empty());
  ASSERT_TRUE(t->Put(sums_, "x", "1").ok());
  auto winner = world_.Begin();
  ASSERT_TRUE(winner->Put(plain_, std::string("l\0\xff", 3), "1").ok());
  Lsn position = winner->Commit(Durability::kNone).value();
  absl::Status status = t->Commit(Durability::kNone).status();
  EXPECT_TRUE(absl::IsAborted(status));
  std::optional<Conflict> conflict = ConflictOf(status);
  ASSERT_TRUE(conflict);
  EXPECT_EQ(conflict->tree, &plain_);
  EXPECT_EQ(conflict->key, std::string("l\0\xff", 3));
  EXPECT_EQ(conflict->winner, position);
  EXPECT_NE(status.message().find(R"(key "l\x00\xff" of the range ["k", "m"))"), std::string::npos)
      << status;
}

TEST_F(TransactionTest, SavepointsNestAndGiveBackWhatWasThere) {
  world_.Put(sums_, "a", "1");
  auto t = world_.Begin();
  ASSERT_TRUE(t->Merge(sums_, "a", "10").ok());
  EXPECT_EQ(t->SetSavepoint().value(), 0u);
  ASSERT_TRUE(t->Merge(sums_, "a", "100").ok());
  ASSERT_TRUE(t->Put(sums_, "b", "5").ok());
  EXPECT_EQ(t->SetSavepoint().value(), 1u);
  ASSERT_TRUE(t->Delete(sums_, "a").ok());
  ASSERT_TRUE(t->Merge(sums_, "b", "1").ok());
  EXPECT_EQ(ScanIn(*t, sums_), (Rows{{"b", "6"}}));
  ASSERT_TRUE(t->RollBackTo(1).ok());
  EXPECT_EQ(ScanIn(*t, sums_), (Rows{{"a", "111"}, {"b", "5"}}));
  ASSERT_TRUE(t->Delete(sums_, "a").ok());
  ASSERT_TRUE(t->RollBackTo(0).ok());
  EXPECT_EQ(ScanIn(*t, sums_), (Rows{{"a", "11"}}));
  EXPECT_EQ(t->RollBackTo(1).code(), absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(t->Put(sums_, "c", "1").ok());
  ASSERT_TRUE(t->ReleaseSavepoint(0).ok());
  EXPECT_EQ(t->RollBackTo(0).code(), absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(t->Commit(Durability::kNone).ok());
  EXPECT_EQ(ReadAll(world_.engine(), sums_).value(), (Rows{{"a", "11"}, {"c", "1"}}));
}

TEST_F(TransactionTest, WhatWasReadBeforeARollBackStillCounts) {
  auto t = world_.Begin();
  ASSERT_TRUE(t->SetSavepoint().ok());
  EXPECT_EQ(GetIn(*t, plain_, "a"), std::nullopt);
  ASSERT_TRUE(t->RollBackTo(0).ok());
  ASSERT_TRUE(t->Put(plain_, "b", "1").ok());
  world_.Put(plain_, "a", "1");
  EXPECT_TRUE(ConflictOf(t->Commit(Durability::kNone).status()));
}

TEST_F(TransactionTest, GrowingBeyondTheLimitFailsAtTheCallAndNothingIsLost) {
  TransactionOptions options;
  options.most_bytes = 20'000;
  auto t = Transaction::Begin(world_.engine(), options).value();
  absl::Status status;
  int count = 0;
  for (; status.ok() && count < 1000; ++count)
    status = t->Put(plain_, "key" + std::to_string(count), std::string(1000, 'v'));
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_GT(count, 5);
  EXPECT_NE(status.message().find("20000"), std::string::npos) << status;
  // Going on in smaller steps is up to the caller.
  ASSERT_TRUE(t->Commit(Durability::kNone).ok());
  EXPECT_EQ(ReadAll(world_.engine(), plain_).value().size(), static_cast<size_t>(count - 1));
}

TEST_F(TransactionTest, ReadingCountsTowardsTheLimit) {
  TransactionOptions options;
  options.most_bytes = 20'000;
  auto t = Transaction::Begin(world_.engine(), options).value();
  absl::Status status;
  auto ignore = [](std::string_view) {};
  for (int i = 0; status.ok() && i < 10'000; ++i)
    status = t->Get(plain_, "key" + std::to_string(i), ignore).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  auto again = Transaction::Begin(world_.engine(), options).value();
  for (int i = 0; i < 10'000; ++i)  // the same few keys take no more room
    ASSERT_TRUE(again->Get(plain_, "key" + std::to_string(i % 10), ignore).ok());
}

TEST_F(TransactionTest, MisuseIsRefused) {
  auto reader = world_.Begin(Isolation::kReadOnly);
  EXPECT_EQ(reader->Put(plain_, "a", "1").code(), absl::StatusCode::kFailedPrecondition);
  auto t = world_.Begin();
  EXPECT_EQ(t->Put(plain_, std::string(kMostKeyBytes + 1, 'k'), "1").code(),
            absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(t->Put(plain_, "a", "1").ok());
  auto cursor = t->NewCursor(plain_, {}).value();
  ASSERT_TRUE(t->Commit(Durability::kNone).ok());
  EXPECT_EQ(t->Commit(Durability::kNone).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(t->Put(plain_, "a", "1").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(cursor->SeekToFirst().code(), absl::StatusCode::kFailedPrecondition);
  auto dropped = world_.Begin();
  ASSERT_TRUE(dropped->Put(plain_, "a", "2").ok());
  dropped.reset();
  auto aborted = world_.Begin();
  ASSERT_TRUE(aborted->Put(plain_, "a", "3").ok());
  aborted->Abort();
  EXPECT_FALSE(aborted->Commit(Durability::kNone).ok());
  EXPECT_EQ(world_.Latest(plain_, "a"), "1");
}

TEST_F(TransactionTest, ADroppedTreeFailsTheCommitWhole) {
  Tree* doomed = world_.engine().CreateTree("doomed", {}).value();
  auto t = world_.Begin();
  ASSERT_TRUE(t->Put(plain_, "a", "1").ok());
  ASSERT_TRUE(t->Put(*doomed, "a", "1").ok());
  ASSERT_TRUE(world_.engine().DropTree("doomed").ok());
  EXPECT_EQ(t->Commit(Durability::kNone).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(world_.Latest(plain_, "a"), std::nullopt);
}

TEST_F(TransactionTest, MultiGetMixesOwnAndOthers) {
  world_.Put(plain_, "a", "1");
  auto t = world_.Begin();
  ASSERT_TRUE(t->Put(plain_, "b", "2").ok());
  std::vector<std::string_view> keys = {"b", "x", "a"};
  auto values = t->MultiGet(plain_, keys).value();
  EXPECT_EQ(values, (std::vector<std::optional<std::string>>{"2", std::nullopt, "1"}));
}

// The log fails after the writes took effect: neither "done" nor "not done" would be true.
TEST(FailingLogTest, TheOutcomeIsUnknownAndLaterCommitsAreRefused) {
  SimulatedIo io{{}};
  auto engine = Engine::Open("db", SmallEngineOptions(&io)).value();
  Tree& tree = *engine->CreateTree("t", {}).value();
  FaultRule rule;
  rule.first_operation = io.operation_count();
  rule.persistent = true;
  io.AddFault(rule);
  auto t = Transaction::Begin(*engine, {}).value();
  ASSERT_TRUE(t->Put(tree, "a", "1").ok());
  absl::Status status = t->Commit(Durability::kSync).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnknown) << status;
  EXPECT_EQ(ReadValue(*engine, tree, "a").value(), "1");  // visible, as the error says
  auto later = Transaction::Begin(*engine, {}).value();
  ASSERT_TRUE(later->Put(tree, "b", "1").ok());
  EXPECT_EQ(later->Commit(Durability::kNone).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReadValue(*engine, tree, "b").value(), std::nullopt);
}

}  // namespace
}  // namespace moraine
