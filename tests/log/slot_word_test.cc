// The slot word keeps its three fields apart at their limits, and no published word is zero.
#include "storage/log/slot_word.h"

#include <gtest/gtest.h>

#include "tests/support/seeds.h"

namespace moraine {
namespace {

TEST(SlotWordTest, DefaultIsUnpublished) {
  EXPECT_FALSE(SlotWord().published());
  EXPECT_EQ(SlotWord().bits(), 0u);
}

TEST(SlotWordTest, PublishedEvenWhenAllElseIsZero) {
  EXPECT_TRUE(SlotWord(0, 0, RecordType::kVoid).published());
}

TEST(SlotWordTest, LimitsDoNotMix) {
  SlotWord word(0xffffffff, 0, RecordType::kVoid);
  EXPECT_EQ(word.payload_bytes(), 0u);
  EXPECT_EQ(word.type(), RecordType::kVoid);
  word = SlotWord(0, static_cast<uint32_t>(kMostPayloadBytes), RecordType::kCommit);
  EXPECT_EQ(word.checksum(), 0u);
  EXPECT_EQ(word.payload_bytes(), kMostPayloadBytes);
  EXPECT_EQ(word.type(), RecordType::kCommit);
}

TEST(SlotWordTest, RoundTripsThroughBits) {
  Random random(TestSeed());
  for (int i = 0; i < 10'000; ++i) {
    uint32_t checksum = static_cast<uint32_t>(random.Next());
    uint32_t payload_bytes = static_cast<uint32_t>(random.Below(kMostPayloadBytes + 1));
    RecordType type = static_cast<RecordType>(1 + random.Below(kLastRecordType));
    SlotWord word = SlotWord::FromBits(SlotWord(checksum, payload_bytes, type).bits());
    ASSERT_EQ(word.checksum(), checksum);
    ASSERT_EQ(word.payload_bytes(), payload_bytes);
    ASSERT_EQ(word.type(), type);
    ASSERT_EQ(word.record_bytes(), RecordBytes(payload_bytes));
  }
}

TEST(RecordFormatTest, SizesAreRoundedUpToWords) {
  EXPECT_EQ(RecordBytes(0), 24u);
  EXPECT_EQ(RecordBytes(1), 32u);
  EXPECT_EQ(RecordBytes(8), 32u);
  EXPECT_EQ(RecordBytes(9), 40u);
}

TEST(RecordFormatTest, ChecksumDependsOnEveryField) {
  uint32_t salt = RecordSalt({1, 2});
  uint32_t one = RecordChecksum(salt, 4096, 8, RecordType::kOne, 7);
  EXPECT_NE(one, RecordChecksum(RecordSalt({1, 3}), 4096, 8, RecordType::kOne, 7));
  EXPECT_NE(one, RecordChecksum(salt, 4104, 8, RecordType::kOne, 7));
  EXPECT_NE(one, RecordChecksum(salt, 4096, 9, RecordType::kOne, 7));
  EXPECT_NE(one, RecordChecksum(salt, 4096, 8, RecordType::kBatch, 7));
  EXPECT_NE(one, RecordChecksum(salt, 4096, 8, RecordType::kOne, 8));
}

}  // namespace
}  // namespace moraine
