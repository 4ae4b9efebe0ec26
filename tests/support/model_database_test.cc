// Checks the reference itself: positions, order within a batch, merges, scans, truncation.
#include "tests/support/model_database.h"

#include "gtest/gtest.h"

namespace moraine {
namespace {

using Kind = ModelWrite::Kind;

ModelWrite Put(std::string key, std::string value) {
  return {Kind::kPut, "tree", std::move(key), std::move(value)};
}
ModelWrite Delete(std::string key) { return {Kind::kDelete, "tree", std::move(key), ""}; }

TEST(ModelDatabaseTest, AReadSeesThePositionsBelowIt) {
  ModelDatabase model;
  model.CreateTree("tree");
  model.Apply(10, Put("a", "1"));
  model.Apply(20, Put("a", "2"));
  model.Apply(30, Delete("a"));
  EXPECT_EQ(model.Get("tree", "a", 10), std::nullopt);
  EXPECT_EQ(model.Get("tree", "a", 11), "1");
  EXPECT_EQ(model.Get("tree", "a", 20), "1");
  EXPECT_EQ(model.Get("tree", "a", 30), "2");
  EXPECT_EQ(model.Get("tree", "a"), std::nullopt);
  EXPECT_EQ(model.Get("tree", "b"), std::nullopt);
}

TEST(ModelDatabaseTest, LaterWritesOfABatchWin) {
  ModelDatabase model;
  model.CreateTree("tree", ModelMerge("append"));
  const ModelWrite writes[] = {
      Put("a", "1"), {Kind::kMerge, "tree", "a", "2"}, Put("b", "x"), Delete("b")};
  model.Apply(5, writes);
  EXPECT_EQ(model.Get("tree", "a"), "12");
  EXPECT_EQ(model.Get("tree", "b"), std::nullopt);
  EXPECT_EQ(model.Get("tree", "a", 5), std::nullopt);
}

TEST(ModelDatabaseTest, ScanIsOrderedBoundedAndSkipsTheDeleted) {
  ModelDatabase model;
  model.CreateTree("tree");
  model.Apply(1, Put("c", "3"));
  model.Apply(2, Put("a", "1"));
  model.Apply(3, Put("b", "2"));
  model.Apply(4, Delete("b"));
  using Records = std::vector<ModelRecord>;
  EXPECT_EQ(model.Scan("tree"), (Records{{"a", "1"}, {"c", "3"}}));
  EXPECT_EQ(model.Scan("tree", "", "c"), (Records{{"a", "1"}}));
  EXPECT_EQ(model.Scan("tree", "b", std::nullopt, 4), (Records{{"b", "2"}, {"c", "3"}}));
}

TEST(ModelDatabaseTest, CompareAndSetTestsTheLatestValue) {
  ModelDatabase model;
  model.CreateTree("tree");
  EXPECT_TRUE(model.CompareAndSet(1, "tree", "a", std::nullopt, "1"));
  EXPECT_FALSE(model.CompareAndSet(2, "tree", "a", std::nullopt, "2"));
  EXPECT_TRUE(model.CompareAndSet(2, "tree", "a", "1", std::nullopt));
  EXPECT_EQ(model.Get("tree", "a"), std::nullopt);
}

TEST(ModelDatabaseTest, MergesOverNothingAndOverValues) {
  const std::pair<const char*, const char*> wanted[] = {
      {"add", "9"}, {"max", "6"}, {"min", "3"}, {"append", "36"}, {"bit_or", "7"}};
  for (const auto& [name, result] : wanted) {
    ModelDatabase model;
    model.CreateTree("tree", ModelMerge(name));
    model.Apply(1, {Kind::kMerge, "tree", "n", "3"});
    EXPECT_EQ(model.Get("tree", "n"), "3");
    model.Apply(2, {Kind::kMerge, "tree", "n", "6"});
    EXPECT_EQ(model.Get("tree", "n"), result) << name;
  }
}

TEST(ModelDatabaseTest, TruncationForgetsTheTail) {
  ModelDatabase model;
  model.CreateTree("tree");
  model.Apply(1, Put("a", "1"));
  model.Apply(2, Put("a", "2"));
  model.Apply(3, Put("b", "3"));
  model.TruncateFrom(2);
  EXPECT_EQ(model.Get("tree", "a"), "1");
  EXPECT_EQ(model.Get("tree", "b"), std::nullopt);
  EXPECT_EQ(model.last_position(), 1u);
  model.Apply(2, Put("b", "4"));
  EXPECT_EQ(model.Get("tree", "b"), "4");
}

TEST(ModelDatabaseTest, DroppedTreeIsGone) {
  ModelDatabase model;
  model.CreateTree("tree");
  model.Apply(1, Put("a", "1"));
  model.DropTree("tree");
  EXPECT_FALSE(model.HasTree("tree"));
  model.CreateTree("tree");
  EXPECT_EQ(model.Get("tree", "a"), std::nullopt);
}

}  // namespace
}  // namespace moraine
