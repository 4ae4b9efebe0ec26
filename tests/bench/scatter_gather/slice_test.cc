// Every method reads the right bytes with as many calls as it promises, and a file that changed
// under it fails the slice.
#include "bench/scatter_gather/slice.h"

#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "gtest/gtest.h"

#include "bench/scatter_gather/methods.h"
#include "bench/temporary_directory.h"

namespace moraine::bench {
namespace {

class SliceTest : public testing::TestWithParam<ReadMethodRow> {
 protected:
  void SetUp() override {
    auto directory = TemporaryDirectory::Create("");
    ASSERT_TRUE(directory.ok()) << directory.status();
    directory_ = *std::move(directory);
    auto file = ExtentFile::Create(directory_->path(), uint64_t{2} << 20, 3);
    ASSERT_TRUE(file.ok()) << file.status();
    file_ = *std::move(file);
  }

  absl::StatusOr<SliceResult> Run(size_t fragments, int readers) {
    const ReadMethodRow method = GetParam();
    return RunSlice({.method = &method,
                     .settings = {.file = file_.get(),
                                  .fragment_count = fragments,
                                  .fragment_bytes = 2 * kBlockBytes,
                                  .pool_threads = 3},
                     .readers = readers,
                     .seconds = 0.01,
                     .seed = 11});
  }

  std::unique_ptr<TemporaryDirectory> directory_;
  std::unique_ptr<ExtentFile> file_;
};

TEST_P(SliceTest, ReadsRightBytesInTheCallsItPromises) {
  const std::string name = GetParam().name;
  const bool serial = name == "pread" || name == "pool" || name == "uring_serial";
  for (const size_t fragments : {size_t{1}, size_t{8}, size_t{32}}) {
    for (const int readers : {1, 3}) {
      const auto result = Run(fragments, readers);
      if (result.status().code() == absl::StatusCode::kUnimplemented) {
        GTEST_SKIP() << "refused: " << result.status().message();
      }
      ASSERT_TRUE(result.ok()) << result.status();
      EXPECT_GE(result->pages, static_cast<uint64_t>(readers));
      EXPECT_EQ(result->latencies.count(), result->pages);
      EXPECT_GE(result->seconds, 0.01);
      EXPECT_EQ(result->submissions, result->pages * (serial ? fragments : 1)) << fragments;
    }
  }
}

TEST_P(SliceTest, ChangedFileFailsTheSlice) {
  const std::string zeros(kBlockBytes, '\0');
  const int descriptor = open(file_->path().c_str(), O_WRONLY | O_CLOEXEC);
  for (uint64_t offset = kBlockBytes; offset < file_->bytes(); offset += 2 * kBlockBytes) {
    ASSERT_EQ(pwrite(descriptor, zeros.data(), zeros.size(), static_cast<off_t>(offset)),
              static_cast<ssize_t>(zeros.size()));
  }
  ASSERT_EQ(fsync(descriptor), 0);
  close(descriptor);
  const auto result = Run(4, 2);
  if (result.status().code() == absl::StatusCode::kUnimplemented) {
    GTEST_SKIP() << "refused: " << result.status().message();
  }
  EXPECT_EQ(result.status().code(), absl::StatusCode::kDataLoss) << result.status();
}

TEST_P(SliceTest, TruncatedFileFailsTheSlice) {
  ASSERT_EQ(truncate(file_->path().c_str(), 2 * kBlockBytes), 0);
  const auto result = Run(4, 1);
  if (result.status().code() == absl::StatusCode::kUnimplemented) {
    GTEST_SKIP() << "refused: " << result.status().message();
  }
  EXPECT_FALSE(result.ok());
}

std::string NameOf(const testing::TestParamInfo<ReadMethodRow>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Methods, SliceTest,
                         testing::ValuesIn(AllReadMethods().begin(), AllReadMethods().end()),
                         NameOf);

}  // namespace
}  // namespace moraine::bench
