// Value owns its bytes whatever their size and wherever it is moved.
#include <string>
#include <utility>

#include "gtest/gtest.h"

#include <moraine/value.h>

namespace moraine {
namespace {

TEST(ValueTest, HoldsSizesAroundTheInlineLimit) {
  for (const size_t size : {size_t{0}, size_t{1}, Value::kInlineBytes - 1, Value::kInlineBytes,
                            Value::kInlineBytes + 1, size_t{1} << 20}) {
    std::string bytes(size, '\0');
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7);
    Value value(bytes);
    EXPECT_EQ(value.view(), bytes);
    const Value copy = value;
    Value moved = std::move(value);
    EXPECT_EQ(moved.view(), bytes);
    EXPECT_TRUE(value.empty());  // NOLINT(bugprone-use-after-move): documented to be empty
    EXPECT_EQ(copy, moved);
    bytes.assign(size, 'x');
    EXPECT_EQ(copy, moved) << "a Value must not share the bytes it was made from";
  }
}

TEST(ValueTest, AssignmentReplacesShortByLongAndBack) {
  const std::string long_bytes(500, 'l');
  Value value("short");
  value = Value(long_bytes);
  EXPECT_EQ(value, long_bytes);
  Value other("other");
  value = other;
  EXPECT_EQ(value, "other");
  EXPECT_EQ(other, "other");
  value = *&value;
  EXPECT_EQ(value, "other");
}

}  // namespace
}  // namespace moraine
