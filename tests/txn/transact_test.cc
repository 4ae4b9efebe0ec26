// The loop of tries, with a clock and dice of the test's own.
#include "txn/transact.h"

#include <chrono>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "storage/base/status_macros.h"
#include "tests/txn/txn_fixture.h"

namespace moraine {
namespace {

using std::chrono::nanoseconds;

class TransactTest : public testing::Test {
 protected:
  TransactTest() {
    environment_.now = [this] { return now_; };
    environment_.pause = [this](nanoseconds time) {
      pauses_.push_back(time);
      now_ += time;
    };
    environment_.random = [this] { return random_.Next(); };
  }

  // Loses `conflicts` times, then gets through.
  absl::StatusOr<Lsn> Run(uint32_t conflicts) {
    return Transact(world_.engine(), {}, retry_, environment_, Durability::kNone,
                    [&](Transaction& t) -> absl::Status {
                      ++tries_;
                      std::string value = GetIn(t, world_.plain(), "a").value_or("");
                      if (tries_ <= conflicts)
                        world_.Put(world_.plain(), "a", std::to_string(tries_));
                      return t.Put(world_.plain(), "b", "after " + value);
                    });
  }

  TxnWorld world_;
  Random random_{TestSeed()};
  RetryOptions retry_;
  RetryEnvironment environment_;
  nanoseconds now_{0};
  std::vector<nanoseconds> pauses_;
  uint32_t tries_ = 0;
};

TEST_F(TransactTest, RunsAgainUntilItGetsThrough) {
  ASSERT_TRUE(Run(5).ok());
  EXPECT_EQ(tries_, 6u);
  EXPECT_EQ(world_.Latest(world_.plain(), "b"), "after 5");
  EXPECT_LE(pauses_.size(), 2u);  // the first tries follow at once
}

TEST_F(TransactTest, PausesGrowToABound) {
  ASSERT_TRUE(Run(60).ok());
  nanoseconds longest(0);
  for (nanoseconds pause : pauses_) longest = std::max(longest, pause);
  EXPECT_LT(longest, retry_.most_pause);
  EXPECT_GT(longest, retry_.most_pause / 4);
  EXPECT_LT(pauses_.front(), retry_.first_pause * 2);
}

TEST_F(TransactTest, GivesUpAfterTheLastTryWithTheConflict) {
  retry_.most_tries = 4;
  absl::Status status = Run(1000).status();
  EXPECT_EQ(tries_, 4u);
  EXPECT_TRUE(absl::IsAborted(status));
  EXPECT_EQ(ConflictOf(status)->key, "a");
  EXPECT_NE(status.message().find("4 tries"), std::string::npos) << status;
  EXPECT_EQ(world_.Latest(world_.plain(), "b"), std::nullopt);
}

TEST_F(TransactTest, BeginsNoTryAfterTheDeadline) {
  retry_.most_tries = 1'000'000;
  retry_.deadline = std::chrono::milliseconds(5);
  absl::Status status = Run(1'000'000).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
  EXPECT_LT(now_, retry_.deadline);
  EXPECT_GT(tries_, 3u);
}

TEST_F(TransactTest, AnErrorOfTheBodyEndsIt) {
  uint32_t tries = 0;
  auto body = [&](Transaction& t) -> absl::Status {
    ++tries;
    MORAINE_RETURN_IF_ERROR(t.Put(world_.plain(), "a", "1"));
    return absl::AbortedError("sold out");  // no conflict of ours
  };
  absl::Status status =
      Transact(world_.engine(), {}, retry_, environment_, Durability::kNone, body).status();
  EXPECT_EQ(status, absl::AbortedError("sold out"));
  EXPECT_EQ(tries, 1u);
  EXPECT_EQ(world_.Latest(world_.plain(), "a"), std::nullopt);
}

TEST_F(TransactTest, WorksWithTheRealClockAndDice) {
  environment_ = {};
  retry_.deadline = std::chrono::minutes(1);
  EXPECT_TRUE(Run(8).ok());
}

}  // namespace
}  // namespace moraine
