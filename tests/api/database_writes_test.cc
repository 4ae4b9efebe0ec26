// Conditional writes: compare-and-swap, get-and-set, fetch-and-update, pops and merges, alone and
// from several threads at once.
#include <cstring>
#include <set>
#include <thread>

#include "tests/api/database_fixture.h"
#include <moraine/database.h>

namespace moraine {
namespace {

class DatabaseWritesTest : public DatabaseFixture {
 protected:
  CompareAndSwapResult Swap(std::optional<std::string_view> expected,
                            std::optional<std::string_view> desired) {
    auto result = database_->CompareAndSwap(tree_, "k", expected, desired, Durability::kNone);
    EXPECT_TRUE(result.ok()) << result.status();
    return *std::move(result);
  }
};

TEST_F(DatabaseWritesTest, CompareAndSwapTellsEmptyFromAbsent) {
  EXPECT_FALSE(Swap("", "x").swapped);
  EXPECT_EQ(Swap("", "x").actual, std::nullopt);
  EXPECT_TRUE(Swap(std::nullopt, "").swapped);
  const CompareAndSwapResult mismatch = Swap(std::nullopt, "x");
  EXPECT_FALSE(mismatch.swapped);
  EXPECT_EQ(mismatch.actual, Value(""));
  EXPECT_TRUE(Swap("", "full").swapped);
  EXPECT_EQ(Text(database_->Get(tree_, "k")), "full");
  EXPECT_TRUE(Swap("full", std::nullopt).swapped);
  EXPECT_EQ(Text(database_->Get(tree_, "k")), "(absent)");
  EXPECT_TRUE(Swap(std::nullopt, std::nullopt).swapped);
}

TEST_F(DatabaseWritesTest, GetAndSetReturnsWhatWasThere) {
  EXPECT_EQ(Text(database_->GetAndSet(tree_, "k", "1")), "(absent)");
  EXPECT_EQ(Text(database_->GetAndSet(tree_, "k", "2")), "1");
  EXPECT_EQ(Text(database_->GetAndSet(tree_, "k", std::nullopt)), "2");
  EXPECT_EQ(Text(database_->Get(tree_, "k")), "(absent)");
}

TEST_F(DatabaseWritesTest, PopsTakeFromEitherEndOfARange) {
  for (const char* key : {"a", "b", "c", "d"}) Put(key, "v");
  EXPECT_EQ(Text(database_->PopFirst(tree_)), "a=v");
  EXPECT_EQ(Text(database_->PopLast(tree_)), "d=v");
  EXPECT_EQ(Text(database_->PopLast(tree_, Between(Unbounded(), Excluding("c")))), "b=v");
  EXPECT_EQ(Text(database_->PopFirst(tree_, Prefix("x"))), "(absent)");
  EXPECT_EQ(List(database_->Scan(tree_)), (Strings{"c=v"}));
}

TEST_F(DatabaseWritesTest, MergeNeedsAnOperator) {
  EXPECT_EQ(database_->Merge(tree_, "k", "x").code(), absl::StatusCode::kFailedPrecondition);
  const Tree words = *database_->CreateTree("words", {.merge_operator = "append"});
  ASSERT_TRUE(database_->Merge(words, "k", "ab").ok());
  ASSERT_TRUE(database_->Merge(words, "k", "cd").ok());
  EXPECT_EQ(Text(database_->Get(words, "k")), "abcd");
}

// Counts operands instead of keeping them.
class CountOperator : public MergeOperator {
 public:
  std::string_view name() const override { return "count"; }
  std::string Merge(std::string_view, std::optional<std::string_view> existing,
                    std::span<const std::string_view> operands) const override {
    size_t count = 0;
    if (existing.has_value()) count = std::stoul(std::string(*existing));
    for (const std::string_view operand : operands) count += operand.size();
    return std::to_string(count);
  }
};

TEST_F(DatabaseWritesTest, AnOwnOperatorIsUsedAlsoAfterReopening) {
  Options options;
  options.merge_operators.push_back(std::make_shared<CountOperator>());
  Reopen(options);
  Tree sizes = *database_->CreateTree("sizes", {.merge_operator = "count"});
  ASSERT_TRUE(database_->Merge(sizes, "k", "abc").ok());
  Reopen(options);
  sizes = *database_->OpenTree("sizes");
  ASSERT_TRUE(database_->Merge(sizes, "k", "de").ok());
  EXPECT_EQ(Text(database_->Get(sizes, "k")), "5");
}

TEST_F(DatabaseWritesTest, NoUpdateIsLostBetweenThreads) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 250;
  const auto increment = [](std::optional<std::string_view> value) -> std::optional<std::string> {
    return std::to_string(value.has_value() ? std::stoi(std::string(*value)) + 1 : 1);
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kRounds; ++i) {
        EXPECT_TRUE(database_->FetchAndUpdate(tree_, "n", increment, Durability::kNone).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Text(database_->Get(tree_, "n")), std::to_string(kThreads * kRounds));
}

TEST_F(DatabaseWritesTest, NoRecordIsPoppedTwice) {
  constexpr int kThreads = 4;
  constexpr int kRecords = 400;
  for (int i = 0; i < kRecords; ++i) Put("job/" + std::to_string(i), "");
  std::vector<Strings> popped(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      while (true) {
        auto record = database_->PopFirst(tree_, All(), Durability::kNone);
        ASSERT_TRUE(record.ok()) << record.status();
        if (!record->has_value()) return;
        popped[t].push_back((*record)->key);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::multiset<std::string> all;
  for (const Strings& part : popped) all.insert(part.begin(), part.end());
  EXPECT_EQ(all.size(), kRecords);
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), kRecords);
}

}  // namespace
}  // namespace moraine
