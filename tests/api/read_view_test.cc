// Reads through the public interface: points, neighbours and scans of both directions, compared
// with a std::map over random keys and bounds (--seed=N repeats a run).
#include <cstdint>
#include <map>
#include <random>
#include <ranges>

#include "tests/api/database_fixture.h"
#include "tests/support/seeds.h"
#include <moraine/database.h>

namespace moraine {
namespace {

class ReadViewTest : public DatabaseFixture {};

TEST_F(ReadViewTest, AnEmptyValueIsNotAnAbsentKey) {
  Put("empty", "");
  EXPECT_EQ(Text(database_->Get(tree_, "empty")), "");
  EXPECT_EQ(Text(database_->Get(tree_, "missing")), "(absent)");
  EXPECT_TRUE(*database_->Contains(tree_, "empty"));
  EXPECT_FALSE(*database_->Contains(tree_, "missing"));
}

TEST_F(ReadViewTest, TheReuseFormLeavesTheStringAloneWhenAbsent) {
  Put("k", "value");
  std::string value = "before";
  EXPECT_FALSE(*database_->Get(tree_, "missing", &value));
  EXPECT_EQ(value, "before");
  EXPECT_TRUE(*database_->Get(tree_, "k", &value));
  EXPECT_EQ(value, "value");
}

TEST_F(ReadViewTest, KeysAndValuesAreBytes) {
  const std::string key("\0\xff\n\t", 4);
  const std::string value(size_t{1} << 20, '\xfe');
  Put(key, value);
  EXPECT_EQ(Text(database_->Get(tree_, key)), value);
}

TEST_F(ReadViewTest, MultiGetKeepsTheOrderAndTellsAbsentKeys) {
  Put("a", "1");
  Put("b", "");
  const std::vector<std::string_view> keys = {"b", "x", "a", "b"};
  const auto values = database_->MultiGet(tree_, keys);
  ASSERT_TRUE(values.ok()) << values.status();
  EXPECT_EQ((*values)[0], Value(""));
  EXPECT_EQ((*values)[1], std::nullopt);
  EXPECT_EQ((*values)[2], Value("1"));
  EXPECT_EQ((*values)[3], Value(""));
}

TEST_F(ReadViewTest, NeighboursWithAndWithoutTheKeyItself) {
  for (const char* key : {"b", "d", "f"}) Put(key, "v");
  EXPECT_EQ(Text(database_->First(tree_)), "b=v");
  EXPECT_EQ(Text(database_->Last(tree_)), "f=v");
  EXPECT_EQ(Text(database_->Before(tree_, "d")), "b=v");
  EXPECT_EQ(Text(database_->AtOrBefore(tree_, "d")), "d=v");
  EXPECT_EQ(Text(database_->AtOrAfter(tree_, "d")), "d=v");
  EXPECT_EQ(Text(database_->After(tree_, "d")), "f=v");
  EXPECT_EQ(Text(database_->Before(tree_, "b")), "(absent)");
  EXPECT_EQ(Text(database_->After(tree_, "f")), "(absent)");
  EXPECT_EQ(Text(database_->AtOrAfter(tree_, "e")), "f=v");
  EXPECT_EQ(Text(database_->AtOrBefore(tree_, "e")), "d=v");
}

TEST_F(ReadViewTest, AScanIsARangeThatViewsCanTake) {
  for (const char* key : {"a", "pa", "pb", "pc", "q"}) Put(key, "v");
  Scan scan = database_->Scan(tree_, Prefix("p"));
  Strings keys;
  for (auto [key, value] : scan | std::views::take(2)) keys.emplace_back(key);
  EXPECT_EQ(keys, (Strings{"pa", "pb"}));
  EXPECT_TRUE(scan.status().ok());
  EXPECT_EQ(std::ranges::distance(database_->Scan(tree_) | std::views::drop(1)), 4);
}

TEST_F(ReadViewTest, AScanThatCannotRunSaysWhy) {
  Scan scan = database_->Scan(Tree());
  EXPECT_TRUE(scan.begin() == scan.end());
  EXPECT_EQ(scan.status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(ReadViewTest, AScanOfADatabaseStaysAtItsInstant) {
  Put("a", "1");
  Put("c", "3");
  Scan scan = database_->Scan(tree_);
  Put("b", "2");
  EXPECT_EQ(List(std::move(scan)), (Strings{"a=1", "c=3"}));
}

TEST_F(ReadViewTest, ScansMatchAMapForRandomBounds) {
  std::mt19937_64 random(TestSeed());
  const auto random_key = [&random] {
    std::string key(random() % 4, ' ');
    for (char& c : key) c = "ab\xff"[random() % 3];
    return key;
  };
  std::map<std::string, std::string> model;
  for (int i = 0; i < 60; ++i) {
    const std::string key = random_key();
    if (key.empty()) continue;
    model[key] = std::to_string(i);
    Put(key, model[key]);
  }
  for (int round = 0; round < 500; ++round) {
    const Range range{{static_cast<Bound::Kind>(random() % 3), random_key()},
                      {static_cast<Bound::Kind>(random() % 3), random_key()}};
    Strings expected;
    for (const auto& [key, value] : model) {
      if (range.Contains(key)) expected.push_back(key + "=" + value);
    }
    EXPECT_EQ(List(database_->Scan(tree_, range)), expected);
    std::ranges::reverse(expected);
    EXPECT_EQ(List(database_->Scan(tree_, range, Direction::kBackward)), expected);
  }
}

}  // namespace
}  // namespace moraine
