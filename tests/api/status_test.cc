// Exit codes follow the kind of error.
#include "gtest/gtest.h"

#include <moraine/status.h>

namespace moraine {
namespace {

TEST(StatusTest, ExitCodesFollowTheKindOfError) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCodeOf(absl::NotFoundError("")), 1);
  EXPECT_EQ(ExitCodeOf(absl::InvalidArgumentError("")), 2);
  EXPECT_EQ(ExitCodeOf(absl::FailedPreconditionError("")), 2);
  EXPECT_EQ(ExitCodeOf(absl::DataLossError("")), 3);
  EXPECT_EQ(ExitCodeOf(absl::AbortedError("")), 4);
  EXPECT_EQ(ExitCodeOf(absl::AlreadyExistsError("")), 4);
  EXPECT_EQ(ExitCodeOf(absl::ResourceExhaustedError("")), 5);
  EXPECT_EQ(ExitCodeOf(absl::UnavailableError("")), 5);
}

TEST(StatusTest, PrintAndExitPrintsOnlyErrors) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(PrintAndExit(absl::OkStatus()), 0);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  testing::internal::CaptureStderr();
  EXPECT_EQ(PrintAndExit(absl::DataLossError("page 7 is torn")), 3);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "moraine: page 7 is torn (DATA_LOSS)\n");
}

}  // namespace
}  // namespace moraine
