// A piece comes back as it was, and damage, displacement or malice never passes for it.
#include "storage/segments/piece.h"

#include <cstring>
#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"

#include "storage/base/check.h"
#include "storage/base/coding.h"
#include "storage/segments/compression.h"
#include "tests/support/seeds.h"

namespace moraine {
namespace {

constexpr DatabaseId kDatabase{1, 2};
constexpr Address kAddress{0x12340};
constexpr size_t kChecksumOffset = 60;

struct Encoded {
  PieceLocation location;
  std::string stored;
  StoredPayload payload;
};

Encoded Encode(PieceKind kind, std::string_view payload, int level, std::string* scratch) {
  Encoded encoded;
  PieceHeader header;
  header.kind = kind;
  header.page = PageId(7);
  header.tree = TreeId(3);
  header.version = 11;
  header.from = 100;
  header.covers = 200;
  header.max_ts = 150;
  header.raw_bytes = static_cast<uint32_t>(payload.size());
  header.entries = 5;
  header.level = 1;
  encoded.payload = CompressPayload(payload, level, scratch);
  encoded.location = {kAddress, StoredBytes(kind, encoded.payload.bytes.size())};
  encoded.stored.resize(encoded.location.stored_bytes);
  EncodePieceHeader(kDatabase, kAddress, header, encoded.payload, encoded.stored.data());
  PutBytes(encoded.stored.data() + kPieceHeaderBytes, encoded.payload.bytes);
  return encoded;
}

std::string Repetitive(size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += "key" + std::to_string(text.size() % 97) + "=value;";
  text.resize(bytes);
  return text;
}

// A database in a static object is closed when the objects of its thread are gone already: pages must
// still be compressed then. Destroyed after main has ended; failure ends the test program.
struct LateUser {
  ~LateUser() {
    const std::string payload = Repetitive(8192);
    std::string compressed;
    std::string raw;
    MORAINE_CHECK(ZstdCompress(payload, 1, payload.size(), &compressed));
    MORAINE_CHECK(ZstdExpand(compressed, payload.size(), &raw) == nullptr);
    MORAINE_CHECK(raw == payload);
  }
};
const LateUser late_user;

// What a hostile writer does: damage with a checksum that fits.
void FixChecksum(std::string* stored) {
  const uint32_t payload_bytes = GetFixed<uint32_t>(stored->data() + 44);
  const std::string_view payload =
      std::string_view(*stored).substr(kPieceHeaderBytes, payload_bytes);
  const uint32_t salt = ChecksumSalt(kDatabase, SegmentId(kPieceMagic), kAddress.value());
  const uint32_t header = Crc32c(std::string_view(*stored).substr(0, kChecksumOffset), salt);
  PutFixed(stored->data() + kChecksumOffset, Crc32c(payload, header));
}

TEST(PieceTest, ComesBackAsItWas) {
  Random random(TestSeed());
  for (int round = 0; round < 300; ++round) {
    const std::string payload =
        random.OneIn(2) ? Repetitive(random.Skewed(16)) : random.Bytes(random.Skewed(14));
    const PieceKind kind = static_cast<PieceKind>(1 + random.Below(4));
    std::string scratch;
    Encoded encoded = Encode(kind, payload, random.OneIn(3) ? 0 : 1, &scratch);
    PieceHeader header;
    std::string raw;
    absl::Status status = DecodePiece(kDatabase, encoded.location, encoded.stored, &header, &raw);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(raw, payload);
    EXPECT_EQ(header.kind, kind);
    EXPECT_EQ(header.page, PageId(7));
    EXPECT_EQ(header.tree, TreeId(3));
    EXPECT_EQ(header.version, 11);
    EXPECT_EQ(header.from, 100);
    EXPECT_EQ(header.covers, 200);
    EXPECT_EQ(header.max_ts, 150);
    EXPECT_EQ(header.raw_bytes, payload.size());
    EXPECT_EQ(header.entries, 5);
    EXPECT_EQ(header.level, 1);
  }
}

TEST(PieceTest, CompressesOnlyWhenThatSavesASector) {
  std::string scratch;
  EXPECT_EQ(CompressPayload(Repetitive(8192), 1, &scratch).codec, PieceCodec::kZstd);
  EXPECT_EQ(CompressPayload(Repetitive(8192), 0, &scratch).codec, PieceCodec::kPlain);
  EXPECT_EQ(CompressPayload(Repetitive(kLeastCompressedBytes - 1), 1, &scratch).codec,
            PieceCodec::kPlain);
  Random random(TestSeed());
  EXPECT_EQ(CompressPayload(random.Bytes(8192), 1, &scratch).codec, PieceCodec::kPlain);
  // A little to save, but less than a sector: bytes that repeat behind many that do not.
  const std::string unlike = random.Bytes(8000);
  EXPECT_EQ(CompressPayload(unlike + std::string(120, 'a'), 1, &scratch).codec, PieceCodec::kPlain);
  EXPECT_EQ(CompressPayload(unlike + std::string(1200, 'a'), 1, &scratch).codec, PieceCodec::kZstd);
}

TEST(PieceTest, ABaseOccupiesWholeSectors) {
  EXPECT_EQ(StoredBytes(PieceKind::kBase, 1), 512);
  EXPECT_EQ(StoredBytes(PieceKind::kBase, 448), 512);
  EXPECT_EQ(StoredBytes(PieceKind::kBase, 449), 1024);
  EXPECT_EQ(StoredBytes(PieceKind::kFragment, 449), 513);
}

TEST(PieceTest, EveryFlippedBitIsFoundOrInThePadding) {
  for (const std::string& payload : {Repetitive(3000), Repetitive(200)}) {
    std::string scratch;
    Encoded encoded = Encode(PieceKind::kBase, payload, 1, &scratch);
    const size_t end = kPieceHeaderBytes + encoded.payload.bytes.size();
    for (size_t bit = 0; bit < encoded.stored.size() * 8; ++bit) {
      std::string damaged = encoded.stored;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      PieceHeader header;
      std::string raw;
      absl::Status status = DecodePiece(kDatabase, encoded.location, damaged, &header, &raw);
      if (bit / 8 < end) {
        EXPECT_TRUE(absl::IsDataLoss(status)) << bit << " " << status;
      } else {
        EXPECT_TRUE(status.ok()) << status;
        EXPECT_EQ(raw, payload);
      }
    }
  }
}

TEST(PieceTest, ElsewhereItIsDamaged) {
  std::string scratch;
  Encoded encoded = Encode(PieceKind::kFragment, "some entries", 1, &scratch);
  PieceHeader header;
  std::string raw;
  PieceLocation moved = encoded.location;
  moved.address = Address(kAddress.value() + kPieceUnit);
  EXPECT_TRUE(absl::IsDataLoss(DecodePiece(kDatabase, moved, encoded.stored, &header, &raw)));
  const DatabaseId other{1, 3};
  EXPECT_TRUE(
      absl::IsDataLoss(DecodePiece(other, encoded.location, encoded.stored, &header, &raw)));
  PieceLocation longer = encoded.location;
  ++longer.stored_bytes;
  encoded.stored.push_back('\0');
  EXPECT_TRUE(absl::IsDataLoss(DecodePiece(kDatabase, longer, encoded.stored, &header, &raw)));
}

TEST(PieceTest, ShortInputIsDamaged) {
  std::string scratch;
  Encoded encoded = Encode(PieceKind::kBase, Repetitive(2000), 1, &scratch);
  for (size_t bytes = 0; bytes < encoded.stored.size(); ++bytes) {
    PieceHeader header;
    std::string raw;
    const std::string copy = encoded.stored.substr(0, bytes);  // its end is a sanitizer's border
    EXPECT_TRUE(absl::IsDataLoss(DecodePiece(kDatabase, encoded.location, copy, &header, &raw)));
  }
}

TEST(PieceTest, AllocatesNoMoreThanAFrameAdmits) {
  std::string scratch;
  Encoded encoded = Encode(PieceKind::kFragment, Repetitive(5000), 1, &scratch);
  ASSERT_EQ(encoded.payload.codec, PieceCodec::kZstd);
  for (uint32_t claim : {kMostPieceBytes, kMostPieceBytes + 1, UINT32_MAX, uint32_t{4999}}) {
    std::string hostile = encoded.stored;
    PutFixed(hostile.data() + 40, claim);
    FixChecksum(&hostile);
    PieceHeader header;
    std::string raw;
    EXPECT_TRUE(absl::IsDataLoss(DecodePiece(kDatabase, encoded.location, hostile, &header, &raw)));
    EXPECT_LT(raw.capacity(), 1000);
  }
}

// Bytes written with bad intent: the checksum always fits.
TEST(PieceTest, HostileBytesAreRefusedOrHarmless) {
  const uint64_t seed = TestSeed();
  const uint64_t rounds = TestFlag("rounds", 20000) / kSanitizerSlowdown;
  for (uint64_t round = 0; round < rounds; ++round) {
    Random random(Random::Derive(seed, round));
    std::string scratch;
    const PieceKind kind = static_cast<PieceKind>(1 + random.Below(4));
    Encoded encoded = Encode(kind, Repetitive(random.Skewed(13)), 1, &scratch);
    std::string hostile = encoded.stored;
    for (uint64_t change = random.Below(4); change > 0; --change) {
      // Header fields more often than payload; what the checksum covers may be anything.
      const size_t range = random.OneIn(2) ? kPieceHeaderBytes : hostile.size();
      hostile[random.Below(range)] = static_cast<char>(random.OneIn(3) ? 0xff : random.Next());
    }
    if (GetFixed<uint32_t>(hostile.data() + 44) <= hostile.size() - kPieceHeaderBytes) {
      FixChecksum(&hostile);
    }
    PieceHeader header;
    std::string raw;
    absl::Status status = DecodePiece(kDatabase, encoded.location, hostile, &header, &raw);
    if (status.ok()) {
      EXPECT_EQ(raw.size(), header.raw_bytes);
    } else {
      EXPECT_TRUE(absl::IsDataLoss(status) || absl::IsFailedPrecondition(status)) << status;
    }
    EXPECT_LE(raw.size(), kMostPieceBytes);
  }
}

}  // namespace
}  // namespace moraine
