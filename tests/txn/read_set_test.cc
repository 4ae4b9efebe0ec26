// Read sets in the form that validation gets: sorted, joined, without repetition.
#include "txn/read_set.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/txn/txn_fixture.h"

namespace moraine {
namespace {

std::vector<std::string> TextOf(ReadSet& reads) {
  std::vector<std::string> text;
  for (const ReadItem& item : reads.Items()) {
    std::string low(item.low);
    switch (item.kind) {
      case ReadKind::kKey:
        text.push_back(low);
        break;
      case ReadKind::kRange:
        text.push_back(low + ".." + std::string(item.high));
        break;
      case ReadKind::kRest:
        text.push_back(low + "..");
        break;
    }
  }
  return text;
}

class ReadSetTest : public testing::Test {
 protected:
  void Walk(std::string_view from, std::string_view to) {
    reads_.ExtendBelow(reads_.NewWalk(world_.plain(), from), to);
  }
  TxnWorld world_;
  ReadSet reads_;
};

TEST_F(ReadSetTest, KeysAreListedOnceInOrder) {
  for (const char* key : {"b", "a", "b", "", "a"}) reads_.AddKey(world_.plain(), key);
  EXPECT_EQ(TextOf(reads_), (std::vector<std::string>{"", "a", "b"}));
}

TEST_F(ReadSetTest, RepeatedKeysTakeNoRoom) {
  for (int i = 0; i < 100'000; ++i) reads_.AddKey(world_.plain(), "key" + std::to_string(i % 10));
  EXPECT_LT(reads_.size_bytes(), 10'000u);
  EXPECT_EQ(TextOf(reads_).size(), 10u);
}

TEST_F(ReadSetTest, IntervalsThatTouchBecomeOne) {
  Walk("f", "h");
  Walk("a", "c");
  Walk("c", "d");
  Walk("b", "c");
  Walk("g", "g");  // empty
  EXPECT_EQ(TextOf(reads_), (std::vector<std::string>{"a..d", "f..h"}));
  reads_.ExtendToEnd(reads_.NewWalk(world_.plain(), "g"));
  Walk("x", "z");
  EXPECT_EQ(TextOf(reads_), (std::vector<std::string>{"a..d", "f.."}));
}

TEST_F(ReadSetTest, AWalkGrowsBothWaysAndNeverShrinks) {
  ReadSet::Walk& walk = reads_.NewWalk(world_.plain(), "m");
  reads_.ExtendThrough(walk, "p");
  reads_.ExtendThrough(walk, "n");
  reads_.ExtendDownTo(walk, "k");
  reads_.ExtendDownTo(walk, "l");
  EXPECT_EQ(TextOf(reads_), (std::vector<std::string>{"k..p" + std::string(1, '\0')}));
  reads_.ExtendToEnd(walk);
  EXPECT_EQ(TextOf(reads_), (std::vector<std::string>{"k.."}));
}

}  // namespace
}  // namespace moraine
