// The rules by which segments are used, named and freed, without files; and where pieces are placed.
#include "storage/segments/segment_map.h"

#include <vector>

#include "gtest/gtest.h"

#include "storage/segments/stream_buffer.h"
#include "tests/support/seeds.h"

namespace moraine {
namespace {

constexpr SegmentGeometry kGeometry{64 << 10, 512 << 10};

class SegmentMapTest : public testing::Test {
 protected:
  SegmentMapTest() { map_.AddSpace(0, 16); }
  uint64_t BeginWithPiece(Stream stream = Stream::kHot, uint32_t run = 1) {
    const uint64_t index = *map_.FindFree(run);
    map_.Begin(index, stream, run);
    map_.AddLive(index, 1000);
    map_.SetUsed(index, 8192);
    return index;
  }
  std::vector<uint64_t> Named() {
    std::vector<uint64_t> indices;
    for (const SegmentRecord& record : map_.NameUsed().segments) indices.push_back(record.index);
    return indices;
  }

  SegmentMap map_{kGeometry};
};

using Indices = std::vector<uint64_t>;

TEST_F(SegmentMapTest, LowestFirstAndRunsWithinAFile) {
  EXPECT_EQ(BeginWithPiece(), 0);
  EXPECT_EQ(BeginWithPiece(), 1);
  EXPECT_EQ(BeginWithPiece(Stream::kLarge, 7), 8);  // 2 to 8 would cross into the second file
  EXPECT_EQ(BeginWithPiece(Stream::kLarge, 6), 2);
  EXPECT_EQ(BeginWithPiece(), 15);
  EXPECT_FALSE(map_.FindFree(1).has_value());
  EXPECT_EQ(map_.end_of_use(), 16);
}

TEST_F(SegmentMapTest, OnlyUnnamedSegmentsAreFreed) {
  const uint64_t index = BeginWithPiece();
  map_.Seal(index, false);
  EXPECT_EQ(Named(), Indices{index});
  EXPECT_TRUE(map_.Drain().empty());
  map_.RemoveLive(index, 1000);
  map_.BeginState();
  EXPECT_EQ(Named(), Indices{});
  EXPECT_EQ(map_.Drain(), Indices{index});
  EXPECT_NE(*map_.FindFree(1), index);  // reads may go on
  map_.Free(index);
  EXPECT_EQ(*map_.FindFree(1), index);
}

TEST_F(SegmentMapTest, WhatDiedAfterTheCopyIsNamed) {
  const uint64_t index = BeginWithPiece();
  map_.Seal(index, false);
  map_.BeginState();
  map_.RemoveLive(index, 1000);
  EXPECT_EQ(Named(), Indices{index});
  EXPECT_TRUE(map_.Drain().empty());
  map_.BeginState();
  EXPECT_EQ(Named(), Indices{});
  EXPECT_EQ(map_.Drain(), Indices{index});
}

TEST_F(SegmentMapTest, WithoutTheMarkWhatDiedSinceTheStateBeforeIsNamed) {
  const uint64_t index = BeginWithPiece();
  map_.Seal(index, false);
  map_.RemoveLive(index, 1000);
  EXPECT_EQ(Named(), Indices{index});
  EXPECT_EQ(Named(), Indices{});
}

TEST_F(SegmentMapTest, ABadSegmentIsNotUsedAgain) {
  const uint64_t index = BeginWithPiece(Stream::kLarge, 2);
  map_.Seal(index, true);
  map_.RemoveLive(index, 1000);
  map_.BeginState();
  Named();
  EXPECT_EQ(map_.Drain(), Indices{index});
  map_.Free(index);
  EXPECT_EQ(*map_.FindFree(1), index + 2);
}

TEST_F(SegmentMapTest, SpaceComesAndGoes) {
  const uint64_t index = BeginWithPiece();
  EXPECT_EQ(map_.FreeBelow(16), 15);
  map_.RemoveSpace(2, 14);
  EXPECT_EQ(map_.size(), 2);
  EXPECT_EQ(map_.end_of_use(), index + 1);
  map_.AddSpace(2, 3);
  EXPECT_EQ(map_.FreeBelow(5), 4);
}

TEST(PlacePieceTest, SmallPiecesStayInOneBlock) {
  Random random(TestSeed());
  for (int i = 0; i < 100000; ++i) {
    const uint64_t fill = random.Below(100000);
    const uint64_t bytes = 1 + random.Skewed(16);
    const bool base = random.OneIn(2);
    const uint64_t place = PlacePiece(fill, bytes, base);
    EXPECT_GE(place, fill);
    EXPECT_LT(place, fill + kIoAlignment + kSectorBytes);
    EXPECT_EQ(place % kPieceUnit, 0);
    EXPECT_TRUE(place % kSectorBytes == 0 || (!base && bytes <= kIoAlignment));
    const uint64_t blocks = (place + bytes - 1) / kIoAlignment - place / kIoAlignment + 1;
    EXPECT_EQ(blocks, (bytes + kIoAlignment - 1) / kIoAlignment);
  }
}

}  // namespace
}  // namespace moraine
