// A segment header comes back as it was written, and no changed byte of it goes unnoticed.
#include "storage/log/segment_format.h"

#include <string>

#include <gtest/gtest.h>

namespace moraine {
namespace {

constexpr DatabaseId kDatabase{3, 4};
constexpr size_t kUsedBytes = 72;

std::string Encoded(const LogSegmentHeader& header) {
  std::string block(kLogSegmentHeaderBytes, 'x');
  EncodeLogSegmentHeader(header, block.data());
  return block;
}

TEST(LogSegmentHeaderTest, RoundTrips) {
  LogSegmentHeader header{kDatabase, 8192, 65536, 8184, 8184};
  auto decoded = DecodeLogSegmentHeader(Encoded(header), kDatabase, 8192, "file");
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, header);
}

TEST(LogSegmentHeaderTest, EveryChangedByteIsNoticed) {
  std::string block = Encoded({kDatabase, 8192, 65536, 8192, 4096});
  for (size_t i = 0; i < kUsedBytes; ++i) {
    if (i >= 64) continue;  // unused
    for (uint8_t change : {0x01, 0x80, 0xff}) {
      std::string damaged = block;
      damaged[i] = static_cast<char>(damaged[i] ^ change);
      auto decoded = DecodeLogSegmentHeader(damaged, kDatabase, 8192, "file");
      EXPECT_TRUE(absl::IsDataLoss(decoded.status())) << i << ": " << decoded.status();
    }
  }
}

TEST(LogSegmentHeaderTest, MisplacedHeaderIsNoticed) {
  std::string block = Encoded({kDatabase, 8192, 65536, 8192, 4096});
  EXPECT_TRUE(absl::IsDataLoss(DecodeLogSegmentHeader(block, kDatabase, 12288, "file").status()));
  EXPECT_TRUE(
      absl::IsDataLoss(DecodeLogSegmentHeader(block, DatabaseId{3, 5}, 8192, "file").status()));
  EXPECT_TRUE(absl::IsDataLoss(
      DecodeLogSegmentHeader(block.substr(0, 100), kDatabase, 8192, "file").status()));
}

TEST(LogSegmentHeaderTest, ContradictoryFieldsAreRefused) {
  for (const LogSegmentHeader& header :
       {LogSegmentHeader{kDatabase, 8192, 0, 8192, 0},
        LogSegmentHeader{kDatabase, 8192, 100, 8192, 0},
        LogSegmentHeader{kDatabase, 8192, 65536, 8200, 0},
        LogSegmentHeader{kDatabase, 8192, 65536, 8192, 8200},
        LogSegmentHeader{kDatabase, 8192, ~uint64_t{4095}, 8192, 0}}) {
    EXPECT_TRUE(absl::IsDataLoss(
        DecodeLogSegmentHeader(Encoded(header), kDatabase, 8192, "file").status()));
  }
}

TEST(LogSegmentNameTest, RoundTripsAndRefusesOthers) {
  EXPECT_EQ(LogSegmentName(0x1000), "log-0000000000001000");
  EXPECT_EQ(ParseLogSegmentName("log-0000000000001000"), 0x1000u);
  EXPECT_EQ(ParseLogSegmentName(LogSegmentName(~uint64_t{0})), ~uint64_t{0});
  for (const char* name : {"log-1000", "log-000000000000100g", "log-000000000000100A",
                           "log.prepared", "lag-0000000000001000", "log-00000000000010000", ""}) {
    EXPECT_FALSE(ParseLogSegmentName(name).has_value()) << name;
  }
}

}  // namespace
}  // namespace moraine
