// Checks of what the benchmark asks the system: usage of the process, hardware counters where they
// exist, and temporary directories.
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "bench/hardware_counters.h"
#include "bench/process_usage.h"
#include "bench/temporary_directory.h"

namespace moraine::bench {
namespace {

TEST(ProcessUsageTest, MemoryAndTimeGrowWithUse) {
  const ProcessUsage before = ReadProcessUsage();
  EXPECT_GT(before.rss_bytes, 0U);
  const std::vector<char> touched(size_t{32} << 20, 'x');
  ProcessUsage after = ReadProcessUsage();
  EXPECT_GT(after.rss_bytes, before.rss_bytes + touched.size() / 2);
  while (after.cpu_seconds <= before.cpu_seconds) after = ReadProcessUsage();
}

TEST(HardwareCountersTest, CountsOrSaysWhyNot) {
  HardwareCounters counters;
  counters.Start();
  const HardwareCounts counts = counters.Read();
  if (counters.refusal().empty()) {
    EXPECT_TRUE(counts.valid);
    EXPECT_GT(counts.instructions, 0U);
  } else {
    EXPECT_FALSE(counts.valid);
  }
}

TEST(TemporaryDirectoryTest, ExistsInsideItsParentAndGoesAwayWithItsContent) {
  std::string path;
  {
    auto directory = TemporaryDirectory::Create(testing::TempDir());
    ASSERT_TRUE(directory.ok()) << directory.status();
    path = (*directory)->path();
    EXPECT_TRUE(std::filesystem::is_directory(path));
    std::ofstream(path + "/file") << "content";
    EXPECT_TRUE(std::filesystem::exists(path + "/file"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(TemporaryDirectoryTest, MissingParentIsAnErrorThatNamesIt) {
  const auto directory = TemporaryDirectory::Create("/nonexistent");
  ASSERT_FALSE(directory.ok());
  EXPECT_NE(directory.status().message().find("/nonexistent"), absl::string_view::npos);
}

}  // namespace
}  // namespace moraine::bench
