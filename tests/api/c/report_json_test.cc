// The report of a verification is JSON whatever bytes a damaged key has, and all of it is there.
#include "api/c/report_json.h"

#include <string>

#include "gtest/gtest.h"

#include "nlohmann/json.hpp"

namespace moraine::c {
namespace {

TEST(ReportJsonTest, CleanReport) {
  VerifyReport report;
  report.pages = 1;
  report.records = 2;
  report.log_records = 3;
  report.disk_pages = UINT64_MAX;
  const auto json = nlohmann::json::parse(ReportJson(report));
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["clean"], true);
  EXPECT_EQ(json["pages"], 1);
  EXPECT_EQ(json["records"], 2);
  EXPECT_EQ(json["log_records"], 3);
  EXPECT_EQ(json["disk_pages"], UINT64_MAX);
  EXPECT_TRUE(json["findings"].empty());
}

TEST(ReportJsonTest, FindingsWithEveryByte) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  VerifyReport report;
  report.findings = {{"tree \"a\"", "lost"}, {bytes, "\\"}};
  const auto json = nlohmann::json::parse(ReportJson(report));
  EXPECT_EQ(json["clean"], false);
  ASSERT_EQ(json["findings"].size(), 2u);
  EXPECT_EQ(json["findings"][0]["where"], "tree \"a\"");
  EXPECT_EQ(json["findings"][1]["what"], "\\");
  // One code point for each byte.
  const auto text = json["findings"][1]["where"].get<std::string>();
  EXPECT_EQ(text.size(), 128u + 2 * 128u);
}

}  // namespace
}  // namespace moraine::c
