// Checks every allocation size: it fits its class, in the smallest class that holds it, and wastes
// an eighth at most.
#include "storage/memory/size_class.h"

#include "gtest/gtest.h"

namespace moraine {
namespace {

TEST(SizeClassTest, EverySizeGetsTheSmallestClassThatHoldsIt) {
  for (size_t bytes = 0; bytes <= kLargestClassBytes; ++bytes) {
    const uint32_t size_class = SizeClassOf(bytes);
    ASSERT_LT(size_class, kSizeClassCount);
    ASSERT_GE(SizeClassBytes(size_class), bytes);
    if (bytes > kSmallestClassBytes) {
      ASSERT_LT(SizeClassBytes(size_class - 1), bytes);
    }
    ASSERT_EQ(ChargedBytes(bytes), SizeClassBytes(size_class));
  }
}

TEST(SizeClassTest, RoundingWastesAnEighthAtMostBeyondTheSmallSizes) {
  for (size_t bytes = 128; bytes <= kLargestClassBytes; ++bytes) {
    ASSERT_LE(8 * (ChargedBytes(bytes) - bytes), bytes) << bytes;
  }
}

TEST(SizeClassTest, ClassesGrowAndKeepTheAlignment) {
  for (uint32_t size_class = SizeClassOf(1); size_class < kSizeClassCount; ++size_class) {
    ASSERT_EQ(SizeClassBytes(size_class) % 16, 0u);
    ASSERT_EQ(SizeClassOf(SizeClassBytes(size_class)), size_class);
    ASSERT_LT(SizeClassBytes(size_class - 1), SizeClassBytes(size_class));
  }
}

TEST(SizeClassTest, LargeSizesAreChargedByThePage) {
  EXPECT_EQ(ChargedBytes(kLargestClassBytes + 1), kLargestClassBytes + 4096);
  EXPECT_EQ(ChargedBytes(size_t{64} << 20), size_t{64} << 20);
  EXPECT_EQ(ChargedBytes((size_t{64} << 20) + 1), (size_t{64} << 20) + 4096);
}

}  // namespace
}  // namespace moraine
