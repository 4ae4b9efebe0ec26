// The JSON text of Stats is one valid object that names every field.
#include "gtest/gtest.h"

#include "nlohmann/json.hpp"
#include <moraine/stats.h>

namespace moraine {
namespace {

TEST(StatsTest, JsonHasTheFieldsAndEscapesText) {
  Stats stats;
  stats.records = 12345678901234567u;
  stats.recovery_seconds = 0.25;
  stats.io_backend = "uring";
  stats.io_fallback_reason = "said \"no\" \\ \n";
  const auto json = nlohmann::json::parse(stats.ToJson());
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["records"], 12345678901234567u);
  EXPECT_EQ(json["recovery_seconds"], 0.25);
  EXPECT_EQ(json["io_fallback_reason"], stats.io_fallback_reason);
  for (const char* name : {"trees", "pages", "bytes_user", "bytes_live", "bytes_on_disk",
                           "log_segments", "memory_bytes", "log_stable", "format_version"}) {
    EXPECT_TRUE(json.contains(name)) << name;
  }
}

}  // namespace
}  // namespace moraine
