// Random records and random damage through every format: what is written reads back the same, and
// what is not well-formed is refused without reading past it (--seed=N repeats a run).
#include "tools/cli/record_format.h"

#include <fstream>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"

namespace moraine::cli {
namespace {

using Records = std::vector<std::pair<std::string, std::string>>;

// Mostly the bytes that formats care about.
std::string RandomText(Random& random) {
  constexpr std::string_view kSpecial("\0\t\n\r\\\",:+->{}x0 \xff\xc3\xa4", 19);
  std::string text(random.Skewed(9), ' ');
  for (char& c : text) {
    c = random.OneIn(4) ? static_cast<char>(random.Below(256))
                        : kSpecial[random.Below(kSpecial.size())];
  }
  return text;
}

std::string Written(const std::string& format, const Records& records) {
  const auto writer = NewRecordWriter(format);
  std::string text;
  writer->Begin(&text);
  for (const auto& [key, value] : records) writer->Write(key, value, &text);
  writer->End(&text);
  return text;
}

absl::StatusOr<Records> Read(const std::string& format, const std::string& text) {
  const std::string file = FreshDirectory("format") + "/records";
  std::ofstream(file, std::ios::binary) << text;
  auto input = Input::Open(file);
  if (!input.ok()) return input.status();
  const auto reader = NewRecordReader(format, **input);
  Records records;
  std::string key;
  std::string value;
  while (true) {
    const absl::StatusOr<bool> more = reader->Next(&key, &value);
    if (!more.ok()) return more.status();
    if (!*more) return records;
    records.emplace_back(key, value);
  }
}

TEST(RecordFormatTest, WhatIsWrittenReadsBack) {
  Random random(TestSeed());
  for (int round = 0; round < 50; ++round) {
    Records records;
    for (uint64_t i = random.Below(20); i > 0; --i) {
      records.emplace_back(RandomText(random), RandomText(random));
    }
    for (const std::string& format : FormatNames()) {
      const auto read = Read(format, Written(format, records));
      ASSERT_TRUE(read.ok()) << format << ": " << read.status();
      EXPECT_EQ(*read, records) << format;
    }
  }
}

TEST(RecordFormatTest, LargeFieldsCrossTheBuffer) {
  Records records;
  for (const size_t size : {size_t{262143}, size_t{262144}, size_t{262145}, size_t{1} << 21}) {
    records.emplace_back("k" + std::to_string(size), std::string(size, '"'));
  }
  for (const std::string& format : FormatNames()) {
    const auto read = Read(format, Written(format, records));
    ASSERT_TRUE(read.ok()) << format << ": " << read.status();
    EXPECT_TRUE(*read == records) << format;
  }
}

TEST(RecordFormatTest, DamageIsRefusedOrReadAsOtherRecordsButNeverCrashes) {
  Random random(TestSeed());
  for (int round = 0; round < 300; ++round) {
    const Records records = {{RandomText(random), RandomText(random)}, {"k", "v"}};
    for (const std::string& format : FormatNames()) {
      std::string text = Written(format, records);
      for (uint64_t i = 1 + random.Below(3); i > 0; --i) {
        const size_t at = random.Below(text.size());
        if (random.OneIn(2)) {
          text.erase(at, 1 + random.Below(4));
        } else {
          text[at] = static_cast<char>(random.Below(256));
        }
        if (text.empty()) break;
      }
      const auto read = Read(format, text);
      if (!read.ok()) {
        EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument);
      }
    }
  }
}

TEST(RecordFormatTest, TheEndingOfAFileChoosesTheFormat) {
  EXPECT_EQ(FormatOfPath("a.csv"), "csv");
  EXPECT_EQ(FormatOfPath("a.jsonl"), "jsonl");
  EXPECT_EQ(FormatOfPath("a.pairs"), "pairs");
  EXPECT_EQ(FormatOfPath("csv"), "tsv");
}

}  // namespace
}  // namespace moraine::cli
