// Splits: trees of tiny pages in every order of insertion, by several threads, and out of pages.
#include <algorithm>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"
#include "tests/tree/tree_fixture.h"

namespace moraine {
namespace {

void ExpectHolds(Tree& tree, uint64_t count) {
  std::map<std::string, std::string> all = ScanOf(tree, ReadPoint());
  EXPECT_EQ(all.size(), count);
  for (uint64_t i = 0; i < count; ++i) {
    ASSERT_EQ(GetFrom(tree, Numbered(i)), std::to_string(i)) << i;
    ASSERT_EQ(all[Numbered(i)], std::to_string(i)) << i;
  }
  EXPECT_EQ(GetFrom(tree, ""), std::nullopt);
  EXPECT_EQ(GetFrom(tree, Numbered(count)), std::nullopt);
  TreeStats stats = tree.Stats();
  EXPECT_EQ(stats.records, count);
}

TEST(TreeStructureTest, EveryOrderOfInsertionGrowsASoundTree) {
  Random random(TestSeed());
  uint64_t count = 6000 / kSanitizerSlowdown;
  std::vector<uint64_t> ascending(count);
  for (uint64_t i = 0; i < count; ++i) ascending[i] = i;
  std::vector<uint64_t> descending(ascending.rbegin(), ascending.rend());
  std::vector<uint64_t> shuffled = ascending;
  for (size_t i = count; i > 1; --i) std::swap(shuffled[i - 1], shuffled[random.Below(i)]);
  uint64_t ascending_pages = 0;
  for (const std::vector<uint64_t>* order : {&ascending, &descending, &shuffled}) {
    TreeWorld world;
    std::unique_ptr<Tree> tree = world.NewTree(1);
    for (uint64_t i : *order) PutInto(*tree, Numbered(i), std::to_string(i));
    EXPECT_GE(ExpectSound(*tree), kSanitizerSlowdown == 1 ? 4u : 3u);
    ExpectHolds(*tree, count);
    uint64_t pages = tree->Stats().pages;
    EXPECT_EQ(pages, world.table().allocated_count()) << "pages that no walk reaches";
    if (order == &ascending) ascending_pages = pages;
    EXPECT_LE(ascending_pages, pages) << "ascending keys fill pages best";
    tree.reset();
    EXPECT_EQ(world.table().allocated_count(), 0u);
  }
}

TEST(TreeStructureTest, KeysAndValuesOfManySizesSplitToo) {
  Random random(Random::Derive(TestSeed(), 1));
  TreeWorld world;
  std::unique_ptr<Tree> tree = world.NewTree(1);
  std::map<std::string, std::string> model;
  for (uint64_t i = 0; i < 3000 / kSanitizerSlowdown; ++i) {
    std::string key = random.Bytes(random.Skewed(7));
    if (random.OneIn(3)) key = std::string(random.Below(90), 'p') + key;
    if (random.OneIn(5) && !model.empty()) {
      auto at = model.lower_bound(key);
      if (at == model.end()) continue;
      ASSERT_TRUE(tree->Write(VersionKind::kDelete, at->first, "").ok());
      model.erase(at);
      continue;
    }
    std::string value = random.Bytes(random.Skewed(9));
    PutInto(*tree, key, value);
    model[key] = value;
  }
  ExpectSound(*tree);
  EXPECT_EQ(ScanOf(*tree, ReadPoint()), model);
  for (const auto& [key, value] : model) ASSERT_EQ(GetFrom(*tree, key), value);
}

TEST(TreeStructureTest, ThreadsThatInsertTogetherLoseNothing) {
  TreeWorld world;
  std::unique_ptr<Tree> tree = world.NewTree(1);
  uint64_t per_thread = 4000 / kSanitizerSlowdown;
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      // Two threads append beside each other, two insert backwards among them.
      for (uint64_t i = 0; i < per_thread; ++i) {
        uint64_t number = (t < 2 ? i : per_thread - 1 - i) * 4 + t;
        PutInto(*tree, Numbered(number), std::to_string(number));
        if (i % 16 != 0) continue;
        ASSERT_EQ(GetFrom(*tree, Numbered(number)), std::to_string(number));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ExpectSound(*tree);
  ExpectHolds(*tree, 4 * per_thread);
  EXPECT_EQ(tree->Stats().pages, world.table().allocated_count());
}

// The root ran out of ids for its two halves, and its own id was given back instead of theirs:
// the next descent began at a page that was no more.
TEST(TreeStructureTest, ATableWithoutPagesLeavesTheTreeWhole) {
  // Chains that cannot be folded make every write slower.
  uint64_t count = kSanitizerSlowdown == 1 ? 2000 : 500;
  for (uint32_t capacity : {64u, 96u, 128u, 160u, 192u, 320u}) {
    TreeWorldOptions options;
    options.table_capacity = capacity;  // one inner page of 32
    options.leaf_bytes = 256;
    TreeWorld world(options);
    std::unique_ptr<Tree> tree = world.NewTree(1);
    for (uint64_t i = 0; i < count; ++i) PutInto(*tree, Numbered(i), std::to_string(i));
    ExpectSound(*tree);
    ExpectHolds(*tree, count);
    EXPECT_EQ(tree->Stats().pages, world.table().allocated_count()) << capacity;
    tree.reset();
    EXPECT_EQ(world.table().allocated_count(), 0u);
  }
}

TEST(TreeStructureTest, ADroppedTreeRefusesAndGivesItsPagesBack) {
  TreeWorld world;
  std::unique_ptr<Tree> tree = world.NewTree(1);
  for (uint64_t i = 0; i < 500; ++i) PutInto(*tree, Numbered(i), "v");
  tree->MarkDropped();
  EXPECT_EQ(tree->Write(VersionKind::kPut, "a", "b").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(tree->Get("a", ReadPoint(), [](std::string_view) {}).status().code(),
            absl::StatusCode::kNotFound);
  TreeCursor cursor(tree.get(), ReadPoint());
  EXPECT_EQ(cursor.SeekToFirst().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(cursor.SeekToLast().code(), absl::StatusCode::kNotFound);
  tree->FreePagesExclusive();
  EXPECT_EQ(world.table().allocated_count(), 0u);
}

}  // namespace
}  // namespace moraine
