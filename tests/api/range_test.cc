// Bounds include and exclude what they say; a prefix covers exactly the keys that begin with it.
#include <string>

#include "gtest/gtest.h"

#include <moraine/range.h>

namespace moraine {
namespace {

TEST(RangeTest, BoundsIncludeOrExcludeTheirKey) {
  EXPECT_TRUE(Between(Including("b"), Including("d")).Contains("b"));
  EXPECT_TRUE(Between(Including("b"), Including("d")).Contains("d"));
  EXPECT_FALSE(Between(Excluding("b"), Excluding("d")).Contains("b"));
  EXPECT_FALSE(Between(Excluding("b"), Excluding("d")).Contains("d"));
  EXPECT_TRUE(Between(Excluding("b"), Excluding("d")).Contains("c"));
  EXPECT_TRUE(All().Contains(""));
}

TEST(RangeTest, PrefixCoversExactlyTheKeysThatBeginWithIt) {
  const std::string keys[] = {"",         "a",    "ab",       std::string("ab\0", 3),
                              "ab\xff",   "abc",  "ac",       "b",
                              "\xfe\xff", "\xff", "\xff\xff", "\xff\xff\x01"};
  for (const std::string& prefix : keys) {
    for (const std::string& key : keys) {
      EXPECT_EQ(Prefix(prefix).Contains(key), key.starts_with(prefix))
          << testing::PrintToString(prefix) << " and " << testing::PrintToString(key);
    }
  }
}

}  // namespace
}  // namespace moraine
