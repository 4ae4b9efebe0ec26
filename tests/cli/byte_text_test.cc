// Escaped text reads back as the same bytes, for all bytes.
#include "tools/cli/byte_text.h"

#include "gtest/gtest.h"

#include "nlohmann/json.hpp"

namespace moraine::cli {
namespace {

std::string EveryByte() {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  return bytes;
}

TEST(ByteTextTest, HexadecimalReadsBack) {
  EXPECT_EQ(HexEncode(std::string("\0\xab\xff", 3)), "00abff");
  EXPECT_EQ(HexDecode("00ABff").value(), std::string("\0\xab\xff", 3));
  EXPECT_EQ(HexDecode(HexEncode(EveryByte())).value(), EveryByte());
  EXPECT_FALSE(HexDecode("0").ok());
  EXPECT_FALSE(HexDecode("0x").ok());
}

TEST(ByteTextTest, EscapedLinesReadBackAndStayOneField) {
  const std::string text = EscapeLine(EveryByte());
  EXPECT_EQ(text.find_first_of("\t\n\r"), std::string::npos);
  EXPECT_EQ(UnescapeLine(text).value(), EveryByte());
  EXPECT_EQ(UnescapeLine("\\x41\\xff").value(), "A\xff");
  EXPECT_FALSE(UnescapeLine("\\").ok());
  EXPECT_FALSE(UnescapeLine("\\q").ok());
  EXPECT_FALSE(UnescapeLine("\\x4").ok());
}

TEST(ByteTextTest, JsonIsTextWhereItCanBe) {
  EXPECT_EQ(ToJson("gr\u00fc\u00dfe").dump(), "\"gr\u00fc\u00dfe\"");
  EXPECT_EQ(ToJson("\xff").dump(), "{\"hex\":\"ff\"}");
}

TEST(ByteTextTest, QuotesAreShortAndPrintable) {
  EXPECT_EQ(Quote("pen"), "\"pen\"");
  EXPECT_EQ(Quote("a\nb"), "\"a\\x0ab\"");
  EXPECT_EQ(Quote("\xff"), "0xff");
  EXPECT_LT(Quote(std::string(1000, 'x')).size(), 100);
}

}  // namespace
}  // namespace moraine::cli
