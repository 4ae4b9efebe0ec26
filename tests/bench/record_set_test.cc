// Checks that records are what the benchmark believes: distinct keys of hexadecimal digits, the
// same for the same seed, and values in which any changed byte is noticed.
#include "bench/record_set.h"

#include <cstdio>
#include <set>
#include <string>

#include "gtest/gtest.h"

namespace moraine::bench {
namespace {

TEST(RecordSetTest, KeysAreTheHexDigitsOfTheMixedIndex) {
  const RecordSet records(7, 1000, 100);
  for (uint64_t index = 0; index < 1000; ++index) {
    char expected[kKeyBytes + 1];
    std::snprintf(expected, sizeof(expected), "%016lx",
                  static_cast<unsigned long>(Mix(index ^ Mix(7))));
    KeyBuffer buffer;
    EXPECT_EQ(records.Key(index, &buffer), expected);
  }
}

TEST(RecordSetTest, KeysAreDistinct) {
  const RecordSet records(1, 20000, 100);
  std::set<std::string> keys;
  KeyBuffer buffer;
  for (uint64_t index = 0; index < records.count(); ++index) {
    keys.emplace(records.Key(index, &buffer));
  }
  EXPECT_EQ(keys.size(), records.count());
}

TEST(RecordSetTest, EveryChangedByteOfAValueIsNoticed) {
  for (const size_t value_bytes : {size_t{32}, size_t{100}, size_t{101}, size_t{1000}}) {
    const RecordSet records(3, 10, value_bytes);
    std::string value;
    records.FillValue(4, 17, &value);
    ASSERT_EQ(value.size(), value_bytes);
    EXPECT_TRUE(records.CheckValue(4, value));
    EXPECT_EQ(RecordSet::VersionOf(value), 17U);
    for (size_t at = 0; at < value.size(); ++at) {
      // A changed version of the shortest values is another valid version: there is no random
      // byte that depends on it.
      if (value_bytes == 32 && at >= 8 && at < 16) continue;
      std::string damaged = value;
      damaged[at] ^= 0x40;
      EXPECT_FALSE(records.CheckValue(4, damaged)) << value_bytes << " bytes, byte " << at;
    }
  }
}

TEST(RecordSetTest, ValueOfAnotherRecordOrLengthIsNoticed) {
  const RecordSet records(3, 10, 100);
  std::string value;
  records.FillValue(4, 0, &value);
  EXPECT_FALSE(records.CheckValue(5, value));
  EXPECT_FALSE(records.CheckValue(4, value.substr(1)));
  EXPECT_FALSE(records.CheckValue(4, ""));
}

TEST(RecordSetTest, SecondHalfIsConstantAndFirstIsNot) {
  const RecordSet records(3, 10, 100);
  std::string one;
  std::string two;
  records.FillValue(1, 1, &one);
  records.FillValue(1, 2, &two);
  EXPECT_EQ(one.substr(50), two.substr(50));
  EXPECT_EQ(one.substr(50), std::string(50, one[50]));
  EXPECT_NE(one.substr(16, 34), two.substr(16, 34));
}

TEST(RandomStreamTest, BelowStaysBelowAndReachesBothEnds) {
  RandomStream random(9);
  std::set<uint64_t> seen;
  for (int turn = 0; turn < 200; ++turn) seen.insert(random.Below(5));
  EXPECT_EQ(seen, (std::set<uint64_t>{0, 1, 2, 3, 4}));
}

}  // namespace
}  // namespace moraine::bench
