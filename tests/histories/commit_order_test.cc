// 200,000 random transactions, each history checked in two ways: replayed in the order of the commit
// positions, every answer compared, and by the history checker, which knows nothing of positions;
// with pages leaving memory, leaves splitting and the power failing (random_history.h). The program
// //tests/histories:soak does the same for as long as it is told.
// Flags: --transactions=N, --seed=N.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/histories/list_history.h"
#include "tests/histories/random_history.h"
#include "tests/support/seeds.h"

namespace moraine {
namespace {

TEST(CommitOrderTest, EveryAnswerIsThatOfTheSerialOrder) {
  uint64_t total = TestFlag("transactions", 200'000 / kSanitizerSlowdown);
  // Keys of a tree, and bytes of values: from nothing but conflicts to more than the memory holds.
  constexpr struct {
    uint64_t keys;
    uint64_t padding;
  } kShapes[] = {{4, 0}, {12, 0}, {60, 200}, {1500, 0}, {8000, 2500}};
  Random random(TestSeed());
  RandomHistoryCounts counts;
  uint64_t begun = 0;
  for (uint64_t i = 0; begun < total; ++i) {
    RandomHistoryOptions options;
    options.seed = random.Next();
    options.keys = kShapes[i % std::size(kShapes)].keys;
    options.padding = kShapes[i % std::size(kShapes)].padding;
    options.transactions = std::min<uint64_t>(5000, total);
    RandomHistory history(options);
    ASSERT_EQ(history.Run(), "");
    begun += options.transactions * options.eras;
    counts.Add(history.counts());
  }
  std::printf(
      "%llu committed, %llu refused, %llu lost by cuts, %llu pages evicted, %llu loaded, at most "
      "%llu\n",
      static_cast<unsigned long long>(counts.committed),
      static_cast<unsigned long long>(counts.refused), static_cast<unsigned long long>(counts.lost),
      static_cast<unsigned long long>(counts.evicted),
      static_cast<unsigned long long>(counts.loaded),
      static_cast<unsigned long long>(counts.most_pages));
  EXPECT_GT(counts.committed, total / 4);
  EXPECT_GT(counts.refused, total / 20);
  EXPECT_GT(counts.lost, 0u);
  EXPECT_GT(counts.evicted, total / 200);
  EXPECT_GT(counts.loaded, total / 200);
  // A tenth of the transactions does not get to the shape with the most keys.
  EXPECT_GT(counts.most_pages, kSanitizerSlowdown == 1 ? 20u : 5u);
}

// The second opinion is one: it notices what the replay would notice.
TEST(CommitOrderTest, TheCheckerSeesASkewAndHalfATransaction) {
  auto append = [](std::string key, uint64_t element) {
    Step step;
    step.kind = Step::Kind::kMerge;
    step.tree = kListTree;
    step.key = std::move(key);
    step.value = ListElement(element);
    return step;
  };
  auto get = [](std::string key, std::string answer) {
    Step step;
    step.tree = kListTree;
    step.key = std::move(key);
    step.answer = std::move(answer);
    return step;
  };
  std::vector<Committed> skew(2);
  skew[0].steps = {get("a", "none"), append("b", 1)};
  skew[1].steps = {get("b", "none"), append("a", 2)};
  std::string wrong =
      CheckLists({skew, nullptr, std::nullopt, nullptr}, history::Level::kSerializable);
  EXPECT_NE(wrong.find("G2-item"), std::string::npos) << wrong;

  std::vector<Committed> whole(1);
  whole[0].position = 8;
  whole[0].steps = {append("a", 1), append("b", 2)};
  ReplayMaps left;
  left[kListTree] = {{"a", "1,"}, {"b", "2,"}};
  EXPECT_EQ(CheckLists({whole, nullptr, 8, &left}, history::Level::kSerializable), "");
  left[kListTree] = {{"a", "1,"}};
  Committed looker;
  looker.position = 8;
  looker.steps = {get("b", "none")};
  whole.push_back(looker);
  left[kListTree] = {{"a", "1,"}, {"b", ""}};
  EXPECT_NE(CheckLists({whole, nullptr, 8, &left}, history::Level::kSerializable), "");
}

}  // namespace
}  // namespace moraine
