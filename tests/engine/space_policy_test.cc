// When cleaning begins, what is cleaned first, and what a byte costs, without a store.
#include "storage/space_policy.h"

#include <vector>

#include "gtest/gtest.h"

namespace moraine {
namespace {

constexpr uint64_t kSegmentBytes = uint64_t{2} << 20;

SegmentStoreStats Stats(uint64_t segments, uint64_t live_segments, uint64_t dead = 0,
                        uint64_t free = 0) {
  SegmentStoreStats stats;
  stats.segment_bytes = kSegmentBytes;
  stats.segments = segments;
  stats.live_bytes = live_segments * kSegmentBytes;
  stats.dead_segments = dead;
  stats.free_segments = free;
  stats.next_sequence = 10'000;
  return stats;
}

SegmentInfo Segment(uint64_t sequence, double live) {
  SegmentInfo segment;
  segment.sequence = sequence;
  segment.used_bytes = kSegmentBytes;
  segment.live_bytes = static_cast<uint64_t>(live * kSegmentBytes);
  return segment;
}

TEST(SpacePolicyTest, NothingToDoBelowTheTarget) {
  const SpacePolicy policy(0.8);
  EXPECT_EQ(policy.Next(Stats(1000, 800)), SpaceStep::kNothing);
  EXPECT_EQ(policy.Next(Stats(0, 0)), SpaceStep::kNothing);
  EXPECT_EQ(policy.Price(Stats(1000, 800)), 0);
}

TEST(SpacePolicyTest, CleansAboveTheTarget) {
  EXPECT_EQ(SpacePolicy(0.8).Next(Stats(1100, 800)), SpaceStep::kClean);
  EXPECT_EQ(SpacePolicy(0.7).Next(Stats(1100, 800)), SpaceStep::kNothing);
}

TEST(SpacePolicyTest, DeadSegmentsAreReleasedFirst) {
  EXPECT_EQ(SpacePolicy(0.8).Next(Stats(1100, 800, 200)), SpaceStep::kRelease);
  // Too few for a checkpoint of their own; and they do not count against the target.
  EXPECT_EQ(SpacePolicy(0.8).Next(Stats(1040, 800, 40)), SpaceStep::kNothing);
}

TEST(SpacePolicyTest, AFullDiskIsCleanedBelowTheTarget) {
  SegmentStoreStats stats = Stats(1000, 850);
  stats.low_space = true;
  EXPECT_EQ(SpacePolicy(0.8).Next(stats), SpaceStep::kClean);
  stats.dead_segments = 1;
  EXPECT_EQ(SpacePolicy(0.8).Next(stats), SpaceStep::kRelease);
}

TEST(SpacePolicyTest, FilesThatAreMostlyFreeAreEvacuated) {
  EXPECT_EQ(SpacePolicy(0.8).Next(Stats(100, 80, 0, 900)), SpaceStep::kEvacuate);
  EXPECT_EQ(SpacePolicy(0.8).Next(Stats(1000, 800, 0, 100)), SpaceStep::kNothing);
}

TEST(SpacePolicyTest, ThePriceRisesSmoothlyToTwo) {
  const SpacePolicy policy(0.8);
  double before = 0;
  for (uint64_t segments = 1000; segments < 1400; ++segments) {
    const double price = policy.Price(Stats(segments, 800));
    EXPECT_GE(price, before);
    EXPECT_LT(price - before, 0.1);
    before = price;
  }
  EXPECT_EQ(before, 2);
}

TEST(SpacePolicyTest, OldAndEmptyGoesFirst) {
  const std::vector<SegmentInfo> segments = {Segment(9'990, 0.5), Segment(100, 0.5),
                                             Segment(100, 0.1), Segment(9'990, 0.1)};
  const auto victims = SpacePolicy::Victims(segments, Stats(4, 2), 0.9, 4);
  ASSERT_EQ(victims.size(), 4u);
  EXPECT_EQ(victims[0].sequence, 100u);
  EXPECT_LT(victims[0].live_bytes, kSegmentBytes / 4);
  EXPECT_EQ(victims[1].sequence, 100u);
  EXPECT_EQ(victims[2].sequence, 9'990u);
  EXPECT_LT(victims[2].live_bytes, kSegmentBytes / 4);
}

TEST(SpacePolicyTest, WhatCannotBeCleanedIsNoVictim) {
  std::vector<SegmentInfo> segments(6, Segment(100, 0.2));
  segments[0].open = true;
  segments[1].dead = true;
  segments[2].run = 2;
  segments[3].stream = Stream::kLarge;
  segments[4].live_bytes = kSegmentBytes * 95 / 100;
  segments[5].sequence = 7;
  const auto victims = SpacePolicy::Victims(segments, Stats(6, 2), 0.9, 10);
  ASSERT_EQ(victims.size(), 1u);
  EXPECT_EQ(victims[0].sequence, 7u);
}

}  // namespace
}  // namespace moraine
