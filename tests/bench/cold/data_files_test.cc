// Files of a directory as the cold benchmark sees them.
#include "bench/cold/data_files.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "gtest/gtest.h"

#include "bench/temporary_directory.h"

namespace moraine::bench {
namespace {

void Write(const std::string& path, size_t bytes) {
  std::ofstream(path, std::ios::binary) << std::string(bytes, 'x');
}

TEST(DataFilesTest, FindsFilesBySpaceInAllFoldersBelow) {
  const auto directory = TemporaryDirectory::Create("");
  ASSERT_TRUE(directory.ok());
  const std::string path = (*directory)->path();
  EXPECT_EQ(OccupiedBytes(path), 0U);
  std::filesystem::create_directory(path + "/below");
  Write(path + "/small", 10);
  Write(path + "/below/large", 300'000);
  Write(path + "/middle", 200'000);
  Write(path + "/hole", 0);
  std::filesystem::resize_file(path + "/hole", 1'000'000);
  ASSERT_TRUE(SyncFileSystem(path).ok());  // space may be given late
  EXPECT_EQ(FilesOfAtLeast(path, 100'000),
            (std::vector<std::string>{path + "/below/large", path + "/middle"}));
  EXPECT_GE(OccupiedBytes(path), 500'010U);
  EXPECT_LT(OccupiedBytes(path), 900'000U);
  EXPECT_TRUE(DropPageCache(path).ok());
  EXPECT_FALSE(SyncFileSystem(path + "/nothing").ok());
}

TEST(DataFilesTest, TakesTheLineOfItsDevice) {
  const std::string text =
      "   8       0 sda 11 1 100 5 21 2 200 6 0 7 8\n"
      " 254       0 vda 12 1 102 5 22 2 202 6 0 7 8\n"
      " 254       1 vda1 13 1 104\n";
  const DeviceCounters counters = ParseDiskStats(text, 254, 0);
  EXPECT_EQ(counters.reads, 12U);
  EXPECT_EQ(counters.read_bytes, 102U * 512);
  EXPECT_EQ(counters.writes, 22U);
  EXPECT_EQ(counters.written_bytes, 202U * 512);
  EXPECT_EQ(ParseDiskStats(text, 254, 1).reads, 0U);  // not a whole line
  EXPECT_EQ(ParseDiskStats(text, 9, 0).reads, 0U);
  EXPECT_EQ(ParseDiskStats("", 254, 0).reads, 0U);
}

}  // namespace
}  // namespace moraine::bench
