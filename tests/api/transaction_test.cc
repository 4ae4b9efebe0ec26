// Transactions as a program uses them: through Begin and Commit, through Transact, as a ReadView.
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/api/database_fixture.h"
#include <moraine/transaction.h>

namespace moraine {
namespace {

class TransactionTest : public DatabaseFixture {};

// Knows nothing of what it reads from.
std::string Ends(const ReadView& view, const Tree& tree) {
  auto first = view.First(tree);
  auto last = view.Last(tree);
  EXPECT_TRUE(first.ok() && last.ok());
  return (*first ? (*first)->key : "") + ".." + (*last ? (*last)->key : "");
}

TEST_F(TransactionTest, IsAReadViewWithItsOwnWrites) {
  Put("b", "1");
  Put("c", "2");
  Transaction t = *database_->Begin();
  ASSERT_TRUE(t.Put(tree_, "a", "new").ok());
  ASSERT_TRUE(t.Delete(tree_, "c").ok());
  EXPECT_EQ(Ends(t, tree_), "a..b");
  EXPECT_EQ(Ends(*database_, tree_), "b..c");
  EXPECT_EQ(Text(t.Get(tree_, "a")), "new");
  EXPECT_EQ(*t.Contains(tree_, "c"), false);
  EXPECT_EQ(Text(t.After(tree_, "a")), "b=1");
  const std::vector<std::string_view> keys = {"a", "c"};
  EXPECT_EQ((*t.MultiGet(tree_, keys))[0], Value("new"));
  EXPECT_EQ((*t.MultiGet(tree_, keys))[1], std::nullopt);
  EXPECT_EQ(List(t.Scan(tree_, All(), Direction::kBackward)), (Strings{"b=1", "a=new"}));
  EXPECT_EQ(List(t.Scan(tree_, Between(Excluding("a"), Including("b")))), (Strings{"b=1"}));
  EXPECT_EQ(List(t.Scan(tree_, Between(Including("a"), Excluding("b")), Direction::kBackward)),
            (Strings{"a=new"}));
  EXPECT_EQ(*t.DeleteRange(tree_, Prefix("b")), 1u);
  ASSERT_TRUE(t.Commit().ok());
  EXPECT_EQ(List(database_->Scan(tree_)), (Strings{"a=new"}));
}

TEST_F(TransactionTest, TransactRunsAgainUntilNobodyInterferes) {
  const Tree counters = *database_->OpenTree("counters", {.create_if_missing = true});
  constexpr int kEach = 200 / static_cast<int>(kSanitizerSlowdown);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        TransactionOptions options;
        options.durability = Durability::kNone;
        options.most_tries = 1'000'000;
        const absl::Status done = database_->Transact(
            [&](Transaction& transaction) -> absl::Status {
              auto count = transaction.Get(counters, "n");
              if (!count.ok()) return count.status();
              const int n = *count ? std::stoi((*count)->ToString()) : 0;
              return transaction.Put(counters, "n", std::to_string(n + 1));
            },
            options);
        ASSERT_TRUE(done.ok()) << done;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Text(database_->Get(counters, "n")), std::to_string(4 * kEach));
}

TEST_F(TransactionTest, AConflictSaysWhereItWas) {
  Put("k", "1");
  Transaction t = *database_->Begin();
  ASSERT_TRUE(t.Get(tree_, "k").ok());
  ASSERT_TRUE(t.Put(tree_, "other", "x").ok());
  Transaction faster = *database_->Begin();
  ASSERT_TRUE(faster.Put(tree_, "k", "2").ok());
  const uint64_t winner = *faster.Commit();
  const absl::Status lost = t.Commit().status();
  const std::optional<Conflict> conflict = ConflictOf(lost);
  ASSERT_TRUE(conflict.has_value()) << lost;
  EXPECT_EQ(conflict->tree, tree_);
  EXPECT_EQ(conflict->key, "k");
  EXPECT_EQ(conflict->winner, winner);
  EXPECT_EQ(ExitCodeOf(lost), kExitConflict);
  EXPECT_FALSE(ConflictOf(absl::AbortedError("mine")).has_value());
  EXPECT_EQ(Text(database_->Get(tree_, "other")), "(absent)");
}

TEST_F(TransactionTest, TransactHasBounds) {
  TransactionOptions options;
  options.most_tries = 3;
  int tries = 0;
  const absl::Status status = database_->Transact(
      [&](Transaction& t) -> absl::Status {
        ++tries;
        if (auto read = t.Get(tree_, "k"); !read.ok()) return read.status();
        Put("k", std::to_string(tries));
        return t.Put(tree_, "x", "1");
      },
      options);
  EXPECT_EQ(tries, 3);
  EXPECT_TRUE(ConflictOf(status).has_value()) << status;
  options.isolation = Isolation::kSnapshot;  // k is not written, so it may change
  EXPECT_TRUE(database_
                  ->Transact(
                      [&](Transaction& t) -> absl::Status {
                        if (auto read = t.Get(tree_, "k"); !read.ok()) return read.status();
                        Put("k", "again");
                        return t.Put(tree_, "x", "1");
                      },
                      options)
                  .ok());
}

TEST_F(TransactionTest, TheBodyDoesNotCommit) {
  const absl::Status status = database_->Transact([&](Transaction& t) -> absl::Status {
    if (absl::Status put = t.Put(tree_, "a", "1"); !put.ok()) return put;
    return t.Commit().status();
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Text(database_->Get(tree_, "a")), "(absent)");
}

TEST_F(TransactionTest, SavepointsAndCompareAndSwap) {
  Transaction t = *database_->Begin();
  EXPECT_TRUE(t.CompareAndSwap(tree_, "a", std::nullopt, "1")->swapped);
  const size_t savepoint = *t.SetSavepoint();
  auto mismatch = t.CompareAndSwap(tree_, "a", "2", "3");
  EXPECT_FALSE(mismatch->swapped);
  EXPECT_EQ(mismatch->actual, Value("1"));
  EXPECT_TRUE(t.CompareAndSwap(tree_, "a", "1", std::nullopt)->swapped);
  EXPECT_EQ(Text(t.Get(tree_, "a")), "(absent)");
  ASSERT_TRUE(t.RollBackTo(savepoint).ok());
  EXPECT_EQ(Text(t.GetForUpdate(tree_, "a")), "1");
  ASSERT_TRUE(t.ReleaseSavepoint(savepoint).ok());
  ASSERT_TRUE(t.Commit(Durability::kGroup).ok());
  Reopen();
  EXPECT_EQ(Text(database_->Get(tree_, "a")), "1");
}

TEST_F(TransactionTest, MisuseIsRefused) {
  Transaction none;
  EXPECT_EQ(none.Put(tree_, "a", "1").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(none.Get(tree_, "a").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(none.read_position(), 0u);
  Transaction t = *database_->Begin();
  EXPECT_EQ(t.Put(Tree(), "a", "1").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(t.Merge(tree_, "a", "1").code(), absl::StatusCode::kFailedPrecondition);
  Transaction moved = std::move(t);
  EXPECT_EQ(t.Put(tree_, "a", "1").code(),  // NOLINT(bugprone-use-after-move): documented
            absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(moved.Put(tree_, "a", "1").ok());
  Scan scan = moved.Scan(tree_);
  moved.Abort();
  for (auto [key, value] : scan) ADD_FAILURE() << key;
  EXPECT_EQ(scan.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(moved.Commit().ok());
  moved = Transaction();
  Transaction reader = *database_->Begin({.isolation = Isolation::kReadOnly});
  EXPECT_EQ(reader.Put(tree_, "a", "1").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Text(database_->Get(tree_, "a")), "(absent)");
}

TEST_F(TransactionTest, ReadOnlyDatabasesRead) {
  Put("a", "1");
  Options options;
  options.read_only = true;
  Reopen(options);
  Transaction t = *database_->Begin();
  EXPECT_EQ(Text(t.Get(tree_, "a")), "1");
  EXPECT_TRUE(t.Commit().ok());
  Transaction writer = *database_->Begin();
  ASSERT_TRUE(writer.Put(tree_, "b", "1").ok());
  EXPECT_EQ(writer.Commit().status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(TransactionTest, TheLimitIsAPartOfTheMemory) {
  Options options;
  options.memory_bytes = uint64_t{64} << 20;
  Reopen(options);
  Transaction t = *database_->Begin();
  absl::Status status;
  int megabytes = 0;
  const std::string value(1 << 20, 'v');
  for (; status.ok() && megabytes < 64; ++megabytes)
    status = t.Put(tree_, std::to_string(megabytes), value);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_LE(megabytes, 8);
}

}  // namespace
}  // namespace moraine
