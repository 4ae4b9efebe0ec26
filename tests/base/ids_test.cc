// Checks that ids are as cheap as integers and as distinct as types.
#include "storage/base/ids.h"

#include <type_traits>
#include <unordered_set>

#include "gtest/gtest.h"

namespace moraine {
namespace {

static_assert(sizeof(PageId) == 4 && sizeof(Lsn) == 8 && sizeof(TreeId) == 4);
static_assert(std::is_trivially_copyable_v<Lsn>);
static_assert(!std::is_convertible_v<uint64_t, Lsn> && !std::is_convertible_v<Lsn, uint64_t>);
static_assert(!std::is_convertible_v<Lsn, Timestamp> && !std::is_constructible_v<Timestamp, Lsn>);
static_assert(PageId() == kNoPage && TreeId() == kCatalogTree);

TEST(StrongIdTest, OrdersByValue) {
  EXPECT_LT(Lsn(1), Lsn(2));
  EXPECT_EQ(Lsn(3), Lsn(3));
  EXPECT_GT(Lsn(~uint64_t{0}), Lsn(0));
}

TEST(StrongIdTest, HashesLikeItsValue) {
  const std::unordered_set<PageId> pages = {PageId(1), PageId(2), PageId(1)};
  EXPECT_EQ(pages.size(), 2u);
  EXPECT_TRUE(pages.contains(PageId(2)));
  EXPECT_FALSE(pages.contains(PageId(3)));
}

TEST(TimestampTest, IsThePositionOfTheRecord) {
  EXPECT_EQ(TimestampOf(Lsn(4096)), Timestamp(4096));
}

}  // namespace
}  // namespace moraine
