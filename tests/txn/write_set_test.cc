// A write set against a copy of itself: rolling back gives back the state at the savepoint, down to
// the count of its bytes.
#include "txn/write_set.h"

#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"
#include "tests/txn/txn_fixture.h"

namespace moraine {
namespace {

// What a write set would apply, as text.
std::vector<std::string> TextOf(const WriteSet& writes) {
  std::vector<std::string> text;
  for (const WriteOperation& write : writes.Operations())
    text.push_back(std::to_string(static_cast<int>(write.kind)) + std::string(write.key) + "=" +
                   std::string(write.value));
  return text;
}

TEST(WriteSetTest, RollingBackGivesBackEveryState) {
  TxnWorld world;
  const MergeOperator& add = *world.engine().MergeOperatorOf(world.sums());
  Random random(TestSeed());
  for (int round = 0; round < 300; ++round) {
    WriteSet writes;
    std::vector<std::vector<std::string>> states;  // at each savepoint
    std::vector<uint64_t> sizes;
    for (int step = 0; step < 60; ++step) {
      std::string key = std::to_string(random.Below(6));
      switch (random.Below(8)) {
        case 0:
          EXPECT_EQ(writes.SetSavepoint(), states.size());
          states.push_back(TextOf(writes));
          sizes.push_back(writes.size_bytes());
          break;
        case 1:
          if (states.empty()) break;
          states.resize(1 + random.Below(states.size()));
          sizes.resize(states.size());
          writes.RollBackTo(states.size() - 1);
          ASSERT_EQ(TextOf(writes), states.back());
          ASSERT_EQ(writes.size_bytes(), sizes.back());
          break;
        case 2: {
          if (states.empty() || random.Below(3) != 0) break;
          std::vector<std::string> before = TextOf(writes);
          states.resize(random.Below(states.size()));
          sizes.resize(states.size());
          writes.Release(states.size());
          ASSERT_EQ(TextOf(writes), before);
          break;
        }
        case 3:
        case 4:
          writes.Put(world.sums(), key, std::to_string(step));
          break;
        case 5:
          writes.Delete(world.sums(), key);
          break;
        default:
          writes.Merge(world.sums(), key, "1", add);
      }
    }
  }
}

TEST(WriteSetTest, TheCostOfAWriteBoundsItsGrowth) {
  TxnWorld world;
  WriteSet writes;
  writes.SetSavepoint();
  for (int i = 0; i < 20; ++i) {
    std::string key = "key" + std::to_string(i % 7);
    std::string value(static_cast<size_t>(i) * 10, 'v');
    uint64_t before = writes.size_bytes();
    writes.Put(world.plain(), key, value);
    EXPECT_LE(writes.size_bytes(), before + WriteSet::CostOf(key, value));
  }
}

}  // namespace
}  // namespace moraine
