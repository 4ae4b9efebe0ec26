// An owner that takes steps is never taken for one that has stopped; one that takes none is, after the
// patience, and its attempt can be ended.
#include "storage/tree/stall_watch.h"

#include <thread>

#include "gtest/gtest.h"

#include "storage/tree/visibility.h"

namespace moraine {
namespace {

class StallWatchTest : public testing::Test {
 protected:
  // Looks again and again until the answer is yes; false: it was no for `patience`.
  bool StallsWithin(std::chrono::milliseconds patience, bool steps) {
    auto end = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < end) {
      if (steps) owner_.CountStep();
      if (watch_.HasStalled(version_)) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }
  void SetWord(TsWord word) {
    // order: relaxed: one thread
    version_.ts.store(word.bits(), std::memory_order_relaxed);
  }

  StatusObject owner_{8, 0};
  Version version_{};
  StallWatch watch_;
};

TEST_F(StallWatchTest, WhoTakesStepsHasNotStopped) {
  SetWord(TsWord::Owned(&owner_));
  EXPECT_FALSE(StallsWithin(4 * kStallPatience, true));
  EXPECT_TRUE(StallsWithin(100 * kStallPatience, false));
}

TEST_F(StallWatchTest, PatienceBeginsAnewWithEachOwnerAndAfterEachAnswer) {
  SetWord(TsWord::Owned(&owner_));
  EXPECT_TRUE(StallsWithin(100 * kStallPatience, false));
  EXPECT_FALSE(watch_.HasStalled(version_));
  StatusObject another{16, 0};
  std::this_thread::sleep_for(2 * kStallPatience);
  SetWord(TsWord::Owned(&another));
  EXPECT_FALSE(watch_.HasStalled(version_));
  SetWord(TsWord::Pending(0));
  EXPECT_FALSE(watch_.HasStalled(version_));
}

TEST_F(StallWatchTest, EndingAnAttemptAbortsItsWord) {
  SetWord(TsWord::Owned(&owner_));
  StallWatch::EndAttempt(version_);
  EXPECT_EQ(LoadWord(owner_.word).state(), TsWord::State::kAborted);
  EXPECT_EQ(LoadWord(version_.ts).state(), TsWord::State::kOwned);  // its owner stamps it
  SetWord(TsWord::Pending(8));
  StallWatch::EndAttempt(version_);
  EXPECT_EQ(LoadWord(version_.ts).state(), TsWord::State::kAborted);
  SetWord(TsWord::Committed(16));
  StallWatch::EndAttempt(version_);
  EXPECT_EQ(LoadWord(version_.ts), TsWord::Committed(16));
}

// A single write that was closed to pushes and then stopped holds no reader up.
TEST_F(StallWatchTest, AClosedWordIsAbortedAfterManyTurns) {
  SetWord(TsWord::Pending(8));
  ForbidPush(version_.ts);
  EXPECT_FALSE(PushBound(version_.ts, 16, kMostNoPushTurns));
  EXPECT_EQ(LoadWord(version_.ts).state(), TsWord::State::kAborted);
}

}  // namespace
}  // namespace moraine
