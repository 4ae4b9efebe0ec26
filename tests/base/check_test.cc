// Checks that assertions fire, say where, evaluate once, and vanish when they should.
#include "storage/base/check.h"

#include "gtest/gtest.h"

namespace moraine {
namespace {

TEST(CheckTest, TrueConditionIsEvaluatedOnce) {
  int evaluations = 0;
  MORAINE_CHECK(++evaluations == 1);
  EXPECT_EQ(evaluations, 1);
}

TEST(CheckDeathTest, FalseConditionPrintsPlaceAndConditionThenAborts) {
  const int pins = 3;
  EXPECT_DEATH(MORAINE_CHECK(pins == 0), "check_test\\.cc:[0-9]+: check failed: pins == 0");
}

TEST(CheckTest, ExplicitConversionToBoolIsAccepted) {
  struct Handle {
    explicit operator bool() const { return true; }
  };
  MORAINE_CHECK(Handle{});
}

TEST(CheckTest, CheckIsOneExpression) {
  bool reached_else = false;
  if (false)
    MORAINE_CHECK(false);
  else
    reached_else = true;
  EXPECT_TRUE(reached_else);
}

TEST(CheckTest, DcheckIsEvaluatedOnlyWhereItIsOn) {
  int evaluations = 0;
  MORAINE_DCHECK(++evaluations == 1);
  EXPECT_EQ(evaluations, MORAINE_DCHECK_IS_ON);
}

TEST(CheckDeathTest, DcheckAbortsWhereItIsOn) {
  if (MORAINE_DCHECK_IS_ON == 0) GTEST_SKIP() << "debug assertions are off in this build";
  EXPECT_DEATH(MORAINE_DCHECK(1 > 2), "check failed: 1 > 2");
}

}  // namespace
}  // namespace moraine
