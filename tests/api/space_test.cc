// What a database says about its space is one valid object, and compaction reports and stops.
#include "gtest/gtest.h"

#include "nlohmann/json.hpp"
#include "tests/api/database_fixture.h"
#include <moraine/database.h>

namespace moraine {
namespace {

TEST(SpaceTest, JsonHasTheFields) {
  Space space;
  space.live_bytes = 12345678901234567u;
  space.fill_wanted = 0.8;
  space.streams.resize(2);
  space.streams[1].name = "cold";
  space.streams[1].by_live[9] = 7;
  const auto json = nlohmann::json::parse(space.ToJson());
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["live_bytes"], 12345678901234567u);
  EXPECT_EQ(json["fill_wanted"], 0.8);
  EXPECT_EQ(json["streams"][1]["name"], "cold");
  EXPECT_EQ(json["streams"][1]["by_live"][9], 7);
}

class CompactTest : public DatabaseFixture {
 protected:
  void Fill() {
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < 5000; ++i) {
        ASSERT_NO_FATAL_FAILURE(Put("key" + std::to_string(i), std::string(100, 'v')));
      }
      ASSERT_TRUE(database_->Checkpoint().ok());
    }
  }
};

TEST_F(CompactTest, ReportsAndKeepsEveryRecord) {
  ASSERT_NO_FATAL_FAILURE(Fill());
  const Strings before = List(database_->Scan(tree_));
  uint64_t last = 0;
  const absl::Status compacted = database_->Compact([&](const CompactionProgress& progress) {
    EXPECT_GE(progress.done, last);
    EXPECT_LE(progress.done, progress.all);
    last = progress.done;
    return true;
  });
  EXPECT_TRUE(compacted.ok()) << compacted;
  EXPECT_TRUE(database_->Compact().ok());
  EXPECT_EQ(List(database_->Scan(tree_)), before);
  const absl::StatusOr<Space> space = database_->Space();
  ASSERT_TRUE(space.ok()) << space.status();
  EXPECT_GT(space->live_bytes, 0u);
  EXPECT_EQ(space->fill_wanted, Options().space_fill);
  ASSERT_NO_FATAL_FAILURE(Reopen());
  EXPECT_EQ(List(database_->Scan(tree_)), before);
}

TEST_F(CompactTest, StopsWhenToldTo) {
  ASSERT_NO_FATAL_FAILURE(Fill());
  const absl::Status stopped = database_->Compact([](const CompactionProgress&) { return false; });
  EXPECT_TRUE(stopped.ok() || absl::IsCancelled(stopped)) << stopped;
}

TEST_F(CompactTest, RefusesAFillOutOfRange) {
  Options options;
  options.space_fill = 1.5;
  EXPECT_TRUE(absl::IsInvalidArgument(Database::Open(path() + "2", options).status()));
}

}  // namespace
}  // namespace moraine
