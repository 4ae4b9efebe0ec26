// Every block of the file is known again, and one changed word of it is noticed.
#include "bench/scatter_gather/extent_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "gtest/gtest.h"

#include "bench/temporary_directory.h"

namespace moraine::bench {
namespace {

class ExtentFileTest : public testing::Test {
 protected:
  void SetUp() override {
    auto directory = TemporaryDirectory::Create("");
    ASSERT_TRUE(directory.ok()) << directory.status();
    directory_ = *std::move(directory);
    auto file = ExtentFile::Create(directory_->path(), kBytes, 7);
    ASSERT_TRUE(file.ok()) << file.status();
    file_ = *std::move(file);
  }

  // Reads without O_DIRECT, so that any memory will do.
  std::string Contents(uint64_t offset, size_t size) {
    std::string contents(size, '\0');
    const int descriptor = open(file_->path().c_str(), O_RDONLY | O_CLOEXEC);
    EXPECT_EQ(pread(descriptor, contents.data(), size, static_cast<off_t>(offset)),
              static_cast<ssize_t>(size));
    close(descriptor);
    return contents;
  }

  static constexpr uint64_t kBytes = (uint64_t{1} << 20) + 5 * kBlockBytes;
  std::unique_ptr<TemporaryDirectory> directory_;
  std::unique_ptr<ExtentFile> file_;
};

TEST_F(ExtentFileTest, EveryBlockIsWhatWasWritten) {
  const std::string contents = Contents(0, kBytes);
  EXPECT_TRUE(file_->Check(0, contents.data(), contents.size()).ok());
  for (uint64_t offset = 0; offset < kBytes; offset += kBlockBytes) {
    EXPECT_TRUE(file_->Check(offset, contents.data() + offset, kBlockBytes).ok()) << offset;
  }
}

TEST_F(ExtentFileTest, WrongPlaceAndWrongWordsAreDataLoss) {
  std::string block = Contents(3 * kBlockBytes, kBlockBytes);
  EXPECT_EQ(file_->Check(4 * kBlockBytes, block.data(), kBlockBytes).code(),
            absl::StatusCode::kDataLoss);
  for (const size_t at : {size_t{0}, size_t{7}, size_t{kBlockBytes - 8}, size_t{kBlockBytes - 1}}) {
    block[at] ^= 1;
    const absl::Status status = file_->Check(3 * kBlockBytes, block.data(), kBlockBytes);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << at;
    EXPECT_NE(status.message().find("offset 12288"), std::string::npos) << status;
    block[at] ^= 1;
  }
  EXPECT_TRUE(file_->Check(3 * kBlockBytes, block.data(), kBlockBytes).ok());
}

TEST_F(ExtentFileTest, OnlyWholeBlocks) {
  EXPECT_EQ(ExtentFile::Create(directory_->path(), 0, 1).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ExtentFile::Create(directory_->path(), 5000, 1).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(ExtentFileTest, AffordsAtMostAQuarterOfTheFreeSpace) {
  EXPECT_EQ(AffordableBytes(directory_->path(), uint64_t{3} << 20).value(), uint64_t{3} << 20);
  const uint64_t most = AffordableBytes(directory_->path(), ~uint64_t{0}).value();
  EXPECT_GT(most, 0U);
  EXPECT_LT(most, uint64_t{1} << 60);
  EXPECT_FALSE(AffordableBytes("/nonexistent", 1).ok());
  EXPECT_EQ(AffordableBytes(directory_->path(), 1000).status().code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace moraine::bench
