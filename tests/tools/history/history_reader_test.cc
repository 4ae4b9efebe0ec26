// What is no history is refused with the line and the reason; random damage never crashes.
#include "tools/history/history_reader.h"

#include <string>
#include <string_view>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"
#include "tests/tools/history/reading.h"
#include "tools/history/checker.h"

namespace moraine::history {
namespace {

constexpr std::string_view kGood =
    R"({"name":"T","session":7,"begin":1,"end":2,"outcome":"committed","isolation":"snapshot",)"
    R"("ops":[["append","x",1],["read",5,["a",-1]],["read","y",null],["read","z"],)"
    R"(["scan","a",null,[["b",[2]]]]]})";

TEST(HistoryReaderTest, EveryMemberAndOperationIsUnderstood) {
  absl::StatusOr<History> history = ReadText(std::string(kGood) + "\n\n{\"ops\":[]}");
  ASSERT_TRUE(history.ok()) << history.status();
  ASSERT_EQ(history->transactions().size(), 2u);
  EXPECT_EQ(history->NameOf(0), "T");
  EXPECT_EQ(history->NameOf(1), "T3");  // by its line
  const Transaction& transaction = history->transactions()[0];
  EXPECT_TRUE(transaction.snapshot_only);
  EXPECT_EQ(transaction.begin, 1u);
  EXPECT_EQ(transaction.end, 2u);
  EXPECT_EQ(history->SessionName(transaction.session), "7");
  // append x, read 5, read y, and of the scan: b found, x and y not; 5 is below it.
  EXPECT_EQ(history->operations(transaction).size(), 6u);
  const Operation& read = history->operations(transaction)[1];
  EXPECT_EQ(history->KeyName(read.key), "5");
  ASSERT_EQ(history->elements(read).size(), 2u);
  EXPECT_EQ(history->ElementText(history->elements(read)[0]), "\"a\"");
}

TEST(HistoryReaderTest, WhatIsNoHistoryIsRefusedWithItsLine) {
  for (std::string_view bad : {
           "{",
           "[]",
           "7",
           "{}",
           R"({"ops":1})",
           R"({"ops":[1]})",
           R"({"ops":[[]]})",
           R"({"ops":[["write","x",1]]})",
           R"({"ops":[["append","x"]]})",
           R"({"ops":[["append","x",1.5]]})",
           R"({"ops":[["append","x",[1]]]})",
           R"({"ops":[["append",null,1]]})",
           R"({"ops":[["read","x",1]]})",
           R"({"ops":[["read","x",[1],2]]})",
           R"({"ops":[["scan","a","b"]]})",
           R"({"ops":[["scan","a","b",[["c",[1]]]]]})",
           R"({"ops":[["scan","a","b",[1]]]})",
           R"({"ops":[],"begin":-1})",
           R"({"ops":[],"end":"later"})",
           R"({"ops":[],"outcome":"perhaps"})",
           R"({"ops":[],"isolation":"none"})",
           R"({"ops":[],"session":[1]})",
           R"({"ops":[],"extra":1})",
           "{\"ops\":[]} x",
           "\xff\xfe",
           R"({"ops":[],"begin":5,"end":4})",
           R"({"ops":[["append","x",1],["append","x",1]]})",
       }) {
    absl::StatusOr<History> history = ReadText("{\"ops\":[]}\n" + std::string(bad));
    EXPECT_TRUE(absl::IsInvalidArgument(history.status())) << bad;
    EXPECT_NE(history.status().message().find("line 2: "), absl::string_view::npos)
        << bad << ": " << history.status();
  }
  std::string deep(100'000, '[');
  EXPECT_TRUE(absl::IsInvalidArgument(ReadText(deep).status()));
}

TEST(HistoryReaderTest, SessionsDoOneTransactionAtATime) {
  EXPECT_FALSE(ReadText(R"({"session":"s","begin":1,"end":5,"ops":[]}
                           {"session":"s","begin":4,"end":6,"ops":[]})")
                   .ok());
  EXPECT_TRUE(ReadText(R"({"session":"s","begin":1,"end":5,"ops":[]}
                          {"session":"s","begin":5,"end":6,"ops":[]}
                          {"session":"t","begin":1,"end":9,"ops":[]})")
                  .ok());
}

TEST(HistoryReaderTest, DamageIsRefusedOrChecked) {
  Random random(TestSeed());
  for (uint64_t round = 0; round < TestFlag("rounds", 20'000 / kSanitizerSlowdown); ++round) {
    std::string text = std::string(kGood) + "\n" + R"({"ops":[["read","x",[1]]]})";
    for (uint64_t i = 1 + random.Below(4); i > 0; --i) {
      size_t at = random.Below(text.size());
      switch (random.Below(3)) {
        case 0:
          text[at] = static_cast<char>(random.Below(256));
          break;
        case 1:
          text.erase(at, 1 + random.Below(6));
          break;
        default:
          text.insert(at, text.substr(random.Below(text.size()), random.Below(12)));
      }
    }
    absl::StatusOr<History> history = ReadText(text);
    if (!history.ok()) continue;
    EXPECT_FALSE(CheckHistory(*history, Level::kStrict).Text(*history).empty());
  }
}

}  // namespace
}  // namespace moraine::history
