// Checks that the status macros return the very error, once, and move values through.
#include "storage/base/status_macros.h"

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"

namespace moraine {
namespace {

absl::Status ReturnIfError(const absl::Status& status, int* evaluations) {
  MORAINE_RETURN_IF_ERROR((++*evaluations, status));
  return absl::OkStatus();
}

TEST(StatusMacrosTest, ReturnIfErrorGoesOnWhenOk) {
  int evaluations = 0;
  EXPECT_TRUE(ReturnIfError(absl::OkStatus(), &evaluations).ok());
  EXPECT_EQ(evaluations, 1);
}

TEST(StatusMacrosTest, ReturnIfErrorReturnsTheErrorUnchanged) {
  int evaluations = 0;
  const absl::Status error = absl::DataLossError("segment 7, offset 4096");
  EXPECT_EQ(ReturnIfError(error, &evaluations), error);
  EXPECT_EQ(evaluations, 1);
}

absl::StatusOr<int> Sum(absl::StatusOr<int> left, absl::StatusOr<int> right) {
  int sum = 0;
  MORAINE_ASSIGN_OR_RETURN(const int first, left);
  MORAINE_ASSIGN_OR_RETURN(sum, right);
  return first + sum;
}

TEST(StatusMacrosTest, AssignOrReturnDeclaresAndAssigns) {
  const absl::StatusOr<int> sum = Sum(2, 3);
  ASSERT_TRUE(sum.ok());
  EXPECT_EQ(*sum, 5);
}

TEST(StatusMacrosTest, AssignOrReturnReturnsTheFirstError) {
  EXPECT_EQ(Sum(absl::AbortedError("first"), absl::AbortedError("second")).status(),
            absl::AbortedError("first"));
  EXPECT_EQ(Sum(1, absl::AbortedError("second")).status(), absl::AbortedError("second"));
}

absl::StatusOr<std::unique_ptr<int>> Forward(absl::StatusOr<std::unique_ptr<int>> owner) {
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<int> value, std::move(owner));
  return value;
}

TEST(StatusMacrosTest, AssignOrReturnMovesWhatCannotBeCopied) {
  const absl::StatusOr<std::unique_ptr<int>> owner = Forward(std::make_unique<int>(9));
  ASSERT_TRUE(owner.ok());
  EXPECT_EQ(**owner, 9);
}

}  // namespace
}  // namespace moraine
