// Checks CRC32C against published vectors and the two implementations against each other, and that
// a salt tells places apart.
#include "storage/base/checksum.h"

#include <set>
#include <string>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"

namespace moraine {
namespace {

// RFC 3720, appendix B.4, and the check value of the CRC catalogues.
TEST(Crc32cTest, PublishedVectors) {
  std::string ascending(32, '\0');
  std::string descending(32, '\0');
  for (size_t i = 0; i < 32; ++i) {
    ascending[i] = static_cast<char>(i);
    descending[i] = static_cast<char>(31 - i);
  }
  EXPECT_EQ(Crc32c(""), 0u);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(Crc32c(ascending), 0x46dd794eu);
  EXPECT_EQ(Crc32c(descending), 0x113fdb5cu);
  EXPECT_EQ(Crc32cPortable("123456789"), 0xe3069283u);
}

TEST(Crc32cTest, FastFormEqualsPortableForAnyLengthAndAlignment) {
  Random random(TestSeed());
  const std::string noise = random.Bytes(40'000);
  for (int round = 0; round < 3'000; ++round) {
    const size_t begin = random.Below(64);
    const size_t length = random.OneIn(2) ? random.Below(200) : random.Below(noise.size() - begin);
    const uint32_t start = random.OneIn(2) ? 0 : static_cast<uint32_t>(random.Next());
    const std::string_view bytes(noise.data() + begin, length);
    ASSERT_EQ(Crc32c(bytes, start), Crc32cPortable(bytes, start)) << begin << " " << length;
  }
}

// The three interleaved lanes join at multiples of 3 KiB.
TEST(Crc32cTest, FastFormEqualsPortableAroundLaneBounds) {
  Random random(TestSeed());
  const std::string noise = random.Bytes(4 * 3072 + 16);
  for (size_t lanes = 1; lanes <= 4; ++lanes) {
    for (size_t length = lanes * 3072 - 9; length <= lanes * 3072 + 9; ++length) {
      const std::string_view bytes(noise.data() + 3, length);
      ASSERT_EQ(Crc32c(bytes), Crc32cPortable(bytes)) << length;
    }
  }
}

TEST(Crc32cTest, PartsContinueEachOther) {
  Random random(TestSeed());
  const std::string noise = random.Bytes(10'000);
  const uint32_t whole = Crc32c(noise);
  for (int round = 0; round < 500; ++round) {
    const size_t cut = random.Below(noise.size() + 1);
    const std::string_view bytes = noise;
    ASSERT_EQ(Crc32c(bytes.substr(cut), Crc32c(bytes.substr(0, cut))), whole);
  }
}

TEST(Crc32cTest, ExtendEqualsEightBytes) {
  const uint64_t word = 0x1122334455667788;
  const std::string bytes("\x88\x77\x66\x55\x44\x33\x22\x11");
  EXPECT_EQ(ExtendCrc32c(5, word), Crc32c(bytes, 5));
}

TEST(Crc32cTest, EveryBitFlipIsDetected) {
  Random random(TestSeed());
  std::string bytes = random.Bytes(128);
  const uint32_t good = Crc32c(bytes);
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    ASSERT_NE(Crc32c(bytes), good);
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
  }
}

TEST(ChecksumSaltTest, PlacesAndDatabasesDiffer) {
  std::set<uint32_t> salts;
  for (uint64_t high = 0; high < 3; ++high) {
    for (uint64_t low = 0; low < 3; ++low) {
      for (uint64_t segment = 0; segment < 10; ++segment) {
        for (uint64_t offset = 0; offset < 20; ++offset) {
          salts.insert(ChecksumSalt({high, low}, SegmentId(segment), offset * 512));
        }
      }
    }
  }
  EXPECT_EQ(salts.size(), 3u * 3 * 10 * 20);
}

TEST(ChecksumSaltTest, TheSameBytesElsewhereHaveAnotherChecksum) {
  const DatabaseId id{1, 2};
  const std::string block(512, 'b');
  const uint32_t here = Crc32c(block, ChecksumSalt(id, SegmentId(7), 4096));
  EXPECT_EQ(here, Crc32c(block, ChecksumSalt(id, SegmentId(7), 4096)));
  EXPECT_NE(here, Crc32c(block, ChecksumSalt(id, SegmentId(7), 8192)));
  EXPECT_NE(here, Crc32c(block, ChecksumSalt(id, SegmentId(8), 4096)));
  EXPECT_NE(here, Crc32c(block, ChecksumSalt({1, 3}, SegmentId(7), 4096)));
}

}  // namespace
}  // namespace moraine
