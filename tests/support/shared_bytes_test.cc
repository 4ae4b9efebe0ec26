// SharedBytes against std::string: any sequence of writes, resizes and copies reads the same, and a
// change to one copy never shows in another.
#include "tests/support/shared_bytes.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"

namespace moraine {
namespace {

std::string Text(const SharedBytes& bytes) {
  std::string text(bytes.size(), '?');
  bytes.Read(0, text.data(), text.size());
  return text;
}

TEST(SharedBytesTest, BehavesLikeAString) {
  Random random(TestSeed());
  SharedBytes bytes;
  std::string model;
  std::vector<std::pair<SharedBytes, std::string>> copies;
  uint64_t owner = 1;
  for (int step = 0; step < 3'000; ++step) {
    const uint64_t offset = random.Skewed(20);
    if (random.OneIn(8)) {
      bytes.Resize(offset, owner);
      model.resize(offset);
    } else {
      const std::string text = random.Bytes(random.Skewed(14));
      if (!text.empty() && model.size() < offset + text.size()) model.resize(offset + text.size());
      if (!text.empty()) {
        bytes.Write(offset, text, owner);
        model.replace(offset, text.size(), text);
      }
    }
    ASSERT_EQ(bytes.size(), model.size());
    if (!random.OneIn(50)) continue;
    ASSERT_EQ(Text(bytes), model) << "step " << step;
    copies.emplace_back(bytes, model);
    ++owner;
  }
  for (const auto& [copy, text] : copies) EXPECT_TRUE(Text(copy) == text);
}

TEST(SharedBytesTest, EqualContentsHaveEqualHashes) {
  SharedBytes sparse;
  sparse.Resize(1 << 20, 1);
  SharedBytes full;
  full.Write(0, std::string(1 << 20, '\0'), 1);
  EXPECT_EQ(sparse.Hash(), full.Hash());
  full.Write(777'777, "x", 1);
  EXPECT_NE(sparse.Hash(), full.Hash());
  full.Write(777'777, std::string_view("\0", 1), 1);
  EXPECT_EQ(sparse.Hash(), full.Hash());
  full.Resize((1 << 20) - 1, 1);
  EXPECT_NE(sparse.Hash(), full.Hash());
}

TEST(SharedBytesTest, CutBytesDoNotComeBack) {
  SharedBytes bytes;
  bytes.Write(0, std::string(600'000, 'a'), 1);
  for (uint64_t size : {300'001, 262'144, 8'192, 100, 0}) {
    bytes.Resize(size, 1);
    bytes.Resize(600'000, 1);
    EXPECT_EQ(Text(bytes), std::string(size, 'a') + std::string(600'000 - size, '\0'));
  }
}

}  // namespace
}  // namespace moraine
