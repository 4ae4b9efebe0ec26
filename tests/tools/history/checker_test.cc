// Each anomaly planted alone, in the smallest history that has it: it is found, called by its name,
// explained, and forbidden at the levels that forbid it. Clean histories of the same shapes pass.
#include "tools/history/checker.h"

#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"

#include "nlohmann/json.hpp"
#include "tests/tools/history/reading.h"

namespace moraine::history {
namespace {

Report Check(std::string_view text, Level level = Level::kSerializable) {
  absl::StatusOr<History> history = ReadText(text);
  EXPECT_TRUE(history.ok()) << history.status();
  return CheckHistory(*history, level);
}

std::vector<std::string> NamesIn(const Report& report) {
  std::vector<std::string> names;
  for (const Anomaly& anomaly : report.anomalies()) names.push_back(anomaly.name);
  return names;
}

using Names = std::vector<std::string>;

struct Planted {
  std::string_view what;
  std::string_view history;
  Names found;  // in the order of their discovery
  bool snapshot_allows = false;
};

const Planted kPlanted[] = {
    {"reads that nothing was committed between",
     R"({"ops":[["read","x",[]],["append","x",1],["read","x",[1]]]}
        {"ops":[["read","x",[1]],["append","y",2]]}
        {"ops":[["read","x",[1]],["read","y",[2]]]})",
     {}},
    {"a read that misses its own append",
     R"({"ops":[["append","x",1],["read","x",[]]]})",
     {"internal"}},
    {"a read that cannot be repeated",
     R"({"ops":[["append","x",1]]}
        {"ops":[["read","x",[]],["read","x",[1]]]})",
     {"internal"}},
    {"a read of what it will append itself",
     R"({"ops":[["read","x",[1]],["append","x",1]]})",
     {"internal"}},
    {"a read of what nobody wrote", R"({"ops":[["read","x",[7]]]})", {"garbage-read"}},
    {"a write that took effect twice",
     R"({"ops":[["append","x",1]]}
        {"ops":[["read","x",[1,1]]]})",
     {"duplicate-elements"}},
    {"two reads of different orders",
     R"({"ops":[["append","x",1]]}
        {"ops":[["append","x",2]]}
        {"ops":[["read","x",[1]]]}
        {"ops":[["read","x",[2,1]]]})",
     {"incompatible-order"}},
    {"G1a",
     R"({"outcome":"aborted","ops":[["append","x",1]]}
        {"ops":[["read","x",[1]]]})",
     {"G1a"}},
    {"G1b",
     R"({"ops":[["append","x",1],["append","x",2]]}
        {"ops":[["read","x",[1]]]}
        {"ops":[["read","x",[1,2]]]})",
     {"G1b", "G-single"}},  // the reader saw one of its writes and not the other
    {"G0",
     R"({"ops":[["append","x",1],["append","y",1]]}
        {"ops":[["append","x",2],["append","y",2]]}
        {"ops":[["read","x",[1,2]]]}
        {"ops":[["read","y",[2,1]]]})",
     {"G0"}},
    {"G1c",
     R"({"ops":[["append","x",1],["read","y",[2]]]}
        {"ops":[["append","y",2],["read","x",[1]]]})",
     {"G1c"}},
    {"P4: both see the same version and write",
     R"({"ops":[["read","x",[]],["append","x",1]]}
        {"ops":[["read","x",[]],["append","x",2]]}
        {"ops":[["read","x",[1,2]]]})",
     {"lost-update", "G-single"}},
    {"the same, and nobody looks afterwards",
     R"({"ops":[["read","x",[]],["append","x",1]]}
        {"ops":[["read","x",[]],["append","x",2]]})",
     {"lost-update", "G2-item"}},
    {"read skew",
     R"({"ops":[["append","x",1],["append","y",1]]}
        {"ops":[["read","x",[]],["read","y",[1]]]})",
     {"G-single"}},
    {"long fork",
     R"({"ops":[["append","x",1]]}
        {"ops":[["append","y",1]]}
        {"ops":[["read","x",[1]],["read","y",[]]]}
        {"ops":[["read","y",[1]],["read","x",[]]]})",
     {"G-nonadjacent"}},
    {"write skew",
     R"({"ops":[["read","x",[]],["read","y",[]],["append","x",1]]}
        {"ops":[["read","x",[]],["read","y",[]],["append","y",1]]}
        {"ops":[["read","x",[1]],["read","y",[1]]]})",
     {"G2-item"},
     true},
    {"write skew through a range",
     R"({"ops":[["scan","a","m",[]],["append","b",1]]}
        {"ops":[["scan","a","m",[]],["append","c",1]]})",
     {"G2"},
     true},
    {"phantom: a scan misses a key whose writer it depends on",
     R"({"ops":[["append","b",1],["append","z",1]]}
        {"ops":[["read","z",[1]],["scan","a",null,[["z",[1]]]]]})",
     {"G-single"}},
    {"an unknown outcome that others saw half of",
     R"({"outcome":"unknown","ops":[["append","x",1],["append","y",1]]}
        {"ops":[["read","x",[1]],["read","y",[]]]})",
     {"G-single"}},
    {"an unknown outcome that nobody saw",
     R"({"outcome":"unknown","ops":[["append","x",1],["append","y",1]]}
        {"ops":[["read","x",[]],["read","y",[]]]})",
     {}},
    {"read-only anomaly",  // A. Fekete, E. O'Neil and P. O'Neil, 2004
     R"({"ops":[["read","x",[]],["read","y",[]],["append","x",1]]}
        {"ops":[["read","y",[]],["append","y",2]]}
        {"ops":[["read","x",[]],["read","y",[2]]]})",
     {"G2-item"},
     true},
};

TEST(CheckerTest, EveryPlantedAnomalyIsFoundAndNamed) {
  for (const Planted& planted : kPlanted) {
    SCOPED_TRACE(planted.what);
    Report report = Check(planted.history);
    EXPECT_EQ(NamesIn(report), planted.found) << report.Text(*ReadText(planted.history));
    EXPECT_EQ(report.valid(), planted.found.empty());
  }
}

TEST(CheckerTest, SnapshotIsolationAllowsWriteSkewAndNothingElse) {
  for (const Planted& planted : kPlanted) {
    SCOPED_TRACE(planted.what);
    Report report = Check(planted.history, Level::kSnapshot);
    EXPECT_EQ(report.valid(), planted.found.empty() || planted.snapshot_allows);
  }
}

TEST(CheckerTest, WriteSkewOfWhoAskedForSnapshotsOnlyIsNoAnomaly) {
  constexpr std::string_view kSkew =
      R"({"isolation":"snapshot","ops":[["read","x",[]],["append","y",1]]}
         {"isolation":"snapshot","ops":[["read","y",[]],["append","x",1]]})";
  EXPECT_TRUE(Check(kSkew).valid());
  constexpr std::string_view kReadSkew =
      R"({"ops":[["append","x",1],["append","y",1]]}
         {"isolation":"snapshot","ops":[["read","x",[]],["read","y",[1]]]})";
  EXPECT_EQ(NamesIn(Check(kReadSkew)), Names{"G-single"});
}

TEST(CheckerTest, TimeAndSessionsCountAtStrictOnly) {
  constexpr std::string_view kStale =
      R"({"name":"early","begin":1,"end":2,"ops":[["append","x",1]]}
         {"name":"late","begin":3,"end":4,"ops":[["read","x",[]]]})";
  EXPECT_TRUE(Check(kStale).valid());
  Report report = Check(kStale, Level::kStrict);
  EXPECT_EQ(NamesIn(report), Names{"G-single-realtime"});
  std::string text = report.Text(*ReadText(kStale));
  EXPECT_NE(text.find("early had ended at 2 when late began at 3"), std::string::npos) << text;

  constexpr std::string_view kConcurrent =
      R"({"begin":1,"end":3,"ops":[["append","x",1]]}
         {"begin":3,"end":4,"ops":[["read","x",[]]]})";
  EXPECT_TRUE(Check(kConcurrent, Level::kStrict).valid());

  constexpr std::string_view kSession =
      R"({"session":"s","ops":[["append","x",1]]}
         {"session":"s","ops":[["read","x",[]]]})";
  EXPECT_TRUE(Check(kSession).valid());
  EXPECT_EQ(NamesIn(Check(kSession, Level::kStrict)), Names{"G-single-session"});

  constexpr std::string_view kReversed =
      R"({"begin":1,"end":2,"ops":[["append","x",1]]}
         {"begin":5,"end":6,"ops":[["append","x",2]]}
         {"begin":7,"end":8,"ops":[["read","x",[2,1]]]})";
  EXPECT_EQ(NamesIn(Check(kReversed, Level::kStrict)), Names{"G0-realtime"});
}

TEST(CheckerTest, UnknownOutcomesMayComeToBeAtAnyLaterTime) {
  constexpr std::string_view kLate =
      R"({"begin":1,"end":2,"outcome":"unknown","ops":[["append","x",1]]}
         {"begin":3,"end":4,"ops":[["read","x",[]]]}
         {"begin":5,"end":6,"ops":[["read","x",[1]]]})";
  EXPECT_TRUE(Check(kLate, Level::kStrict).valid());
}

TEST(CheckerTest, ACycleIsShownShortAndWithItsReasons) {
  // Around the cycle of two there is one of four, and chains lead in and out.
  constexpr std::string_view kHistory =
      R"({"name":"in","ops":[["append","a",1]]}
         {"name":"A","ops":[["read","a",[1]],["read","x",[]],["append","y",1],["append","p",1]]}
         {"name":"B","ops":[["read","y",[]],["append","x",1]]}
         {"name":"C","ops":[["read","p",[1]],["append","q",1]]}
         {"name":"out","ops":[["read","x",[1]],["read","q",[1]]]})";
  Report report = Check(kHistory);
  ASSERT_EQ(NamesIn(report), Names{"G2-item"});
  const Example& example = report.Find("G2-item")->examples.front();
  EXPECT_EQ(example.transactions.size(), 2u);
  std::string text = report.Text(*ReadText(kHistory));
  EXPECT_NE(text.find("A -rw-> B -rw-> A"), std::string::npos) << text;
  EXPECT_NE(text.find("A read x as empty, without 1, which B appended"), std::string::npos) << text;
}

std::string_view LongFork() {
  for (const Planted& planted : kPlanted) {
    if (planted.what == "long fork") return planted.history;
  }
  return {};
}

TEST(CheckerTest, JsonNamesTransactionsAndLines) {
  absl::StatusOr<History> history = ReadText(LongFork());
  ASSERT_TRUE(history.ok());
  nlohmann::ordered_json json = CheckHistory(*history, Level::kSnapshot).Json(*history);
  EXPECT_EQ(json["valid"], false);
  EXPECT_EQ(json["level"], "snapshot");
  EXPECT_EQ(json["transactions"], 4);
  EXPECT_EQ(json["anomalies"][0]["name"], "G-nonadjacent");
  EXPECT_EQ(json["anomalies"][0]["examples"][0]["transactions"].size(), 4u);
}

}  // namespace
}  // namespace moraine::history
