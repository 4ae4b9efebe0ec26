// Checks round trips, and that no truncation of any structure is read past its end or accepted. The
// input of each truncation is its own heap block, so that AddressSanitizer sees one byte too many.
#include "storage/base/coding.h"

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"

namespace moraine {
namespace {

// One encoded field and how to read it back.
struct Field {
  enum class Kind { kFixed8, kFixed16, kFixed32, kFixed64, kVarint, kBytes, kLengthPrefixed } kind;
  uint64_t number = 0;
  std::string bytes;
};

void Encode(const Field& field, std::string* out) {
  char buffer[kMaxVarint64Bytes];
  switch (field.kind) {
    case Field::Kind::kFixed8:
      out->append(buffer, PutFixed(buffer, static_cast<uint8_t>(field.number)));
      break;
    case Field::Kind::kFixed16:
      out->append(buffer, PutFixed(buffer, static_cast<uint16_t>(field.number)));
      break;
    case Field::Kind::kFixed32:
      out->append(buffer, PutFixed(buffer, static_cast<uint32_t>(field.number)));
      break;
    case Field::Kind::kFixed64:
      out->append(buffer, PutFixed(buffer, field.number));
      break;
    case Field::Kind::kVarint:
      out->append(buffer, PutVarint(buffer, field.number));
      break;
    case Field::Kind::kLengthPrefixed:
      out->append(buffer, PutVarint(buffer, field.bytes.size()));
      out->append(field.bytes);
      break;
    case Field::Kind::kBytes:
      out->append(field.bytes);
      break;
  }
}

// Reads the field back and says whether it is the same.
bool Matches(const Field& field, ByteReader* reader) {
  switch (field.kind) {
    case Field::Kind::kFixed8:
      return reader->Fixed<uint8_t>() == static_cast<uint8_t>(field.number);
    case Field::Kind::kFixed16:
      return reader->Fixed<uint16_t>() == static_cast<uint16_t>(field.number);
    case Field::Kind::kFixed32:
      return reader->Fixed<uint32_t>() == static_cast<uint32_t>(field.number);
    case Field::Kind::kFixed64:
      return reader->Fixed<uint64_t>() == field.number;
    case Field::Kind::kVarint:
      return reader->Varint() == field.number;
    case Field::Kind::kLengthPrefixed:
      return reader->LengthPrefixed() == field.bytes;
    case Field::Kind::kBytes:
      return reader->Bytes(field.bytes.size()) == field.bytes;
  }
  return false;
}

std::vector<Field> RandomStructure(Random& random) {
  std::vector<Field> fields(1 + random.Below(8));
  for (Field& field : fields) {
    field.kind = static_cast<Field::Kind>(random.Below(7));
    field.number = random.Skewed(64);
    field.bytes = random.Bytes(random.Below(20));
  }
  return fields;
}

TEST(ByteReaderTest, RandomStructuresComeBackWhole) {
  Random random(TestSeed());
  for (int round = 0; round < 20'000; ++round) {
    const std::vector<Field> fields = RandomStructure(random);
    std::string encoded;
    for (const Field& field : fields) Encode(field, &encoded);
    ByteReader reader(encoded);
    for (const Field& field : fields) ASSERT_TRUE(Matches(field, &reader));
    ASSERT_TRUE(reader.AtEnd());
  }
}

TEST(ByteReaderTest, EveryTruncationFailsAndStaysFailed) {
  Random random(TestSeed());
  for (int round = 0; round < 2'000; ++round) {
    const std::vector<Field> fields = RandomStructure(random);
    std::string encoded;
    for (const Field& field : fields) Encode(field, &encoded);
    for (size_t length = 0; length < encoded.size(); ++length) {
      auto exact = std::make_unique<char[]>(length);
      std::memcpy(exact.get(), encoded.data(), length);
      ByteReader reader(std::string_view(exact.get(), length));
      for (const Field& field : fields) Matches(field, &reader);
      ASSERT_FALSE(reader.ok()) << "length " << length << " of " << encoded.size();
      ASSERT_FALSE(reader.AtEnd());
      ASSERT_EQ(reader.remaining(), 0u);
      ASSERT_EQ(reader.Fixed<uint64_t>(), 0u);
      ASSERT_EQ(reader.Varint(), 0u);
      ASSERT_TRUE(reader.LengthPrefixed().empty());
      ASSERT_FALSE(reader.ok());
    }
  }
}

TEST(ByteReaderTest, RandomBytesAreNeverReadPastTheirEnd) {
  Random random(TestSeed());
  for (int round = 0; round < 50'000; ++round) {
    const std::string noise = random.Bytes(random.Below(32));
    auto exact = std::make_unique<char[]>(noise.size());
    std::memcpy(exact.get(), noise.data(), noise.size());
    ByteReader reader(std::string_view(exact.get(), noise.size()));
    for (const Field& field : RandomStructure(random)) Matches(field, &reader);
    ASSERT_LE(reader.remaining(), noise.size());
  }
}

TEST(VarintTest, EveryWidthRoundTripsAtItsBounds) {
  for (unsigned bits = 0; bits <= 64; ++bits) {
    const uint64_t top = bits == 64 ? std::numeric_limits<uint64_t>::max() : (uint64_t{1} << bits);
    for (uint64_t value : {top - 1, top, top + 1}) {
      char buffer[kMaxVarint64Bytes];
      const char* end = PutVarint(buffer, value);
      const size_t bytes = static_cast<size_t>(end - buffer);
      EXPECT_EQ(bytes, VarintBytes(value));
      ByteReader reader(std::string_view(buffer, bytes));
      EXPECT_EQ(reader.Varint(), value);
      EXPECT_TRUE(reader.AtEnd());
    }
  }
  EXPECT_EQ(VarintBytes(std::numeric_limits<uint32_t>::max()), kMaxVarint32Bytes);
  EXPECT_EQ(VarintBytes(std::numeric_limits<uint64_t>::max()), kMaxVarint64Bytes);
}

TEST(VarintTest, ValuesBeyond64BitsAreRefused) {
  ByteReader too_long("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
  EXPECT_EQ(too_long.Varint(), 0u);
  EXPECT_FALSE(too_long.ok());
  ByteReader too_large("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02");
  EXPECT_EQ(too_large.Varint(), 0u);
  EXPECT_FALSE(too_large.ok());
}

TEST(ByteReaderTest, HugeLengthIsRefusedWithoutOverflow) {
  char buffer[kMaxVarint64Bytes + 1];
  for (uint64_t length : {std::numeric_limits<uint64_t>::max(), uint64_t{1} << 63, uint64_t{2}}) {
    char* end = PutVarint(buffer, length);
    *end++ = 'x';
    ByteReader reader(std::string_view(buffer, static_cast<size_t>(end - buffer)));
    EXPECT_TRUE(reader.LengthPrefixed().empty());
    EXPECT_FALSE(reader.ok());
  }
}

TEST(ByteReaderTest, EmptyInputIsAtItsEnd) {
  ByteReader reader{std::string_view()};
  EXPECT_TRUE(reader.AtEnd());
  EXPECT_TRUE(reader.Bytes(0).empty());
  EXPECT_TRUE(reader.AtEnd());
}

TEST(CodingTest, FixedIsLittleEndianAndMayBeUnaligned) {
  char buffer[9] = {};
  EXPECT_EQ(PutFixed(buffer + 1, uint32_t{0x01020304}), buffer + 5);
  EXPECT_EQ(std::string_view(buffer + 1, 4), std::string_view("\x04\x03\x02\x01"));
  EXPECT_EQ(GetFixed<uint32_t>(buffer + 1), 0x01020304u);
}

TEST(CodingTest, PutBytesAcceptsNothing) {
  char buffer[1] = {'a'};
  EXPECT_EQ(PutBytes(buffer, std::string_view()), buffer);
  EXPECT_EQ(buffer[0], 'a');
}

}  // namespace
}  // namespace moraine
