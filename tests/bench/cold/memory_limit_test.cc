// A process below the limit gets what the limit allows and is ended when it wants more. Where no
// cgroup can be made (sandboxes, users without rights) there is nothing to test.
#include "bench/cold/memory_limit.h"

#include <csignal>
#include <cstring>
#include <memory>
#include <vector>

#include "gtest/gtest.h"

#include "bench/child_process.h"

namespace moraine::bench {
namespace {

constexpr size_t kMebibyte = size_t{1} << 20;

// How a child below a limit of 64 MiB ends that uses `mebibytes`; -1 where there is no limit.
int ExitCodeOfChildUsing(size_t mebibytes, uint64_t* peak_bytes) {
  const auto limit = MemoryLimit::Create(64 * kMebibyte);
  if (!limit.ok()) {
    EXPECT_EQ(limit.status().code(), absl::StatusCode::kUnimplemented);
    EXPECT_FALSE(limit.status().message().empty());
    return -1;
  }
  const auto output = RunInChild([&](int) {
    if (!(*limit)->Enter().ok()) return 2;
    std::vector<std::vector<char>> used;
    for (size_t count = 0; count < mebibytes; ++count) {
      used.emplace_back(kMebibyte, static_cast<char>(count | 1));
    }
    return used.back().back() != 0 ? 0 : 3;
  });
  *peak_bytes = (*limit)->PeakBytes();
  EXPECT_TRUE(output.ok()) << output.status();
  return output.ok() ? output->exit_code : -2;
}

TEST(MemoryLimitTest, AllowsWhatFitsAndEndsWhatDoesNot) {
  uint64_t peak_bytes = 0;
  const int small = ExitCodeOfChildUsing(16, &peak_bytes);
  if (small == -1) GTEST_SKIP() << MemoryLimit::Create(kMebibyte).status();
  EXPECT_EQ(small, 0);
  if (peak_bytes > 0) {
    EXPECT_GE(peak_bytes, 16 * kMebibyte);
    EXPECT_LE(peak_bytes, 64 * kMebibyte);
  }
  EXPECT_EQ(ExitCodeOfChildUsing(256, &peak_bytes), 128 + SIGKILL);
}

}  // namespace
}  // namespace moraine::bench
