// Commits of several keys: atomic for every reader, refused when what was read has changed, and never
// stuck, however they and single writes get in each other's way.
#include "storage/tree/transaction_commit.h"

#include <algorithm>
#include <barrier>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "storage/sync/atomic.h"
#include "tests/support/schedule.h"
#include "tests/support/seeds.h"
#include "tests/tree/tree_fixture.h"

namespace moraine {
namespace {

class TransactionCommitTest : public testing::Test {
 protected:
  TransactionCommitTest()
      : operators_(BuiltInMergeOperators()),
        tree_(world_.NewTree(1)),
        counters_(world_.NewTree(2, operators_.front().get())) {}
  absl::StatusOr<CommitPosition> Apply(const std::vector<TreeWrite>& writes) {
    return TransactionCommit(world_.environment()).Run({.writes = writes});
  }

  TreeWorld world_;
  std::vector<std::shared_ptr<const MergeOperator>> operators_;  // the first one adds
  std::unique_ptr<Tree> tree_;
  std::unique_ptr<Tree> counters_;
};

TEST_F(TransactionCommitTest, TheLastWriteToAKeyWinsAndMergesStackUp) {
  Tree* tree = tree_.get();
  Tree* counters = counters_.get();
  PutInto(*counters, "n", "1000");
  ASSERT_TRUE(Apply({{tree, VersionKind::kPut, "a", "1"},
                     {tree, VersionKind::kPut, "a", "2"},
                     {tree, VersionKind::kPut, "b", "1"},
                     {tree, VersionKind::kDelete, "b", ""},
                     {counters, VersionKind::kMerge, "n", "1"},
                     {counters, VersionKind::kMerge, "n", "10"},
                     {counters, VersionKind::kMerge, "m", "5"},
                     {counters, VersionKind::kPut, "m", "7"},
                     {counters, VersionKind::kMerge, "m", "1"}})
                  .ok());
  EXPECT_EQ(GetFrom(*tree, "a"), "2");
  EXPECT_EQ(GetFrom(*tree, "b"), std::nullopt);
  EXPECT_EQ(GetFrom(*counters, "n"), "1011");
  EXPECT_EQ(GetFrom(*counters, "m"), "8");
}

TEST_F(TransactionCommitTest, AllWritesHaveOnePositionForEverySnapshot) {
  absl::StatusOr<CommitPosition> position = Apply(
      {{tree_.get(), VersionKind::kPut, "a", "1"}, {tree_.get(), VersionKind::kPut, "b", "2"}});
  ASSERT_TRUE(position.ok()) << position.status();
  uint64_t ts = position->lsn.value();
  EXPECT_EQ(GetFrom(*tree_, "a", {ts}), std::nullopt);
  EXPECT_EQ(GetFrom(*tree_, "b", {ts}), std::nullopt);
  EXPECT_EQ(GetFrom(*tree_, "a", {ts + 8}), "1");
  EXPECT_EQ(GetFrom(*tree_, "b", {ts + 8}), "2");
}

TEST_F(TransactionCommitTest, ABatchOverManyPagesOrLargerThanARecordIsWhole) {
  std::vector<std::string> keys;
  for (uint64_t i = 0; i < 500; ++i) keys.push_back(Numbered(i * 7919 % 500));
  std::string value(3000, 'v');  // a megabyte and a half: chunks
  std::vector<TreeWrite> writes;
  for (const std::string& key : keys)
    writes.push_back({tree_.get(), VersionKind::kPut, key, value});
  ASSERT_TRUE(Apply(writes).ok());
  ExpectSound(*tree_);
  EXPECT_EQ(ScanOf(*tree_, ReadPoint()).size(), 500u);
}

TEST_F(TransactionCommitTest, MisuseChangesNothing) {
  EXPECT_EQ(Apply({{tree_.get(), VersionKind::kPut, "a", "1"},
                   {tree_.get(), VersionKind::kMerge, "b", "1"}})
                .status()
                .code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(GetFrom(*tree_, "a"), std::nullopt);
  counters_->MarkDropped();
  EXPECT_EQ(Apply({{tree_.get(), VersionKind::kPut, "a", "1"},
                   {counters_.get(), VersionKind::kPut, "b", "1"}})
                .status()
                .code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(GetFrom(*tree_, "a"), std::nullopt);
  PutInto(*tree_, "a", "2");
  EXPECT_EQ(GetFrom(*tree_, "a"), "2");
}

// Batches take from one key and give to another, in every order, while single merges add one and
// take one: the sum is the same at every snapshot, and everybody gets through.
TEST_F(TransactionCommitTest, SumsHoldWhileBatchesWoundEachOther) {
  constexpr uint64_t kKeys = 6;  // few, so that nearly all batches meet
  constexpr int64_t kEach = 1000;
  for (uint64_t k = 0; k < kKeys; ++k) PutInto(*counters_, Numbered(k), std::to_string(kEach));
  auto sum_at = [&](ReadPoint point) {
    int64_t sum = 0;
    for (const auto& [key, value] : ScanOf(*counters_, point)) sum += std::stoll(value);
    return sum;
  };
  uint64_t rounds = 4000 / kSanitizerSlowdown;
  Atomic<uint32_t> running{4};
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      Random random(Random::Derive(TestSeed(), t));
      for (uint64_t i = 0; i < rounds; ++i) {
        std::vector<std::string> keys;
        for (uint64_t k = 0; k < kKeys; ++k) keys.push_back(Numbered(k));
        for (size_t k = keys.size(); k > 1; --k) std::swap(keys[k - 1], keys[random.Below(k)]);
        keys.resize(2 + 2 * random.Below(kKeys / 2));
        std::vector<TreeWrite> writes;
        for (size_t k = 0; k < keys.size(); ++k)
          writes.push_back(
              {counters_.get(), VersionKind::kMerge, keys[k], k % 2 == 0 ? "3" : "-3"});
        ASSERT_TRUE(Apply(writes).ok());
      }
      // order: relaxed: only ends the test
      running.fetch_sub(1, std::memory_order_relaxed);
    });
  }
  threads.emplace_back([&] {
    for (uint64_t i = 0; i < rounds; ++i) {
      for (const char* operand : {"1", "-1"})
        ASSERT_TRUE(counters_->Write(VersionKind::kMerge, Numbered(i % kKeys), operand).ok());
    }
    // order: relaxed: only ends the test
    running.fetch_sub(1, std::memory_order_relaxed);
  });
  // order: relaxed: only ends the test
  while (running.load(std::memory_order_relaxed) > 0) {
    TestSnapshot snapshot(world_);
    int64_t sum = sum_at(snapshot.point());
    // The single writer may be between its two steps.
    EXPECT_TRUE(sum == kEach * int64_t{kKeys} || sum == kEach * int64_t{kKeys} + 1) << sum;
    EXPECT_EQ(sum_at(snapshot.point()), sum);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sum_at(ReadPoint()), kEach * int64_t{kKeys});
  ExpectSound(*counters_);
}

// Of a few lamps one must always burn. Who turns one off has seen another burn; two that turn off the
// last two at once, each seeing the other's burn, would leave the dark (write skew).
class LampsTest : public TransactionCommitTest {
 protected:
  static constexpr uint64_t kLamps = 3;

  LampsTest() {
    for (uint64_t k = 0; k < kLamps; ++k) PutInto(*tree_, Numbered(k), "on");
  }

  uint64_t BurningAt(ReadPoint point) {
    uint64_t burning = 0;
    for (uint64_t k = 0; k < kLamps; ++k)
      burning += GetFrom(*tree_, Numbered(k), point) == "on" ? 1 : 0;
    return burning;
  }

  // Whether it went through; it has read all lamps, as a range or one by one.
  bool TurnOff(uint64_t lamp, ReadPoint point, bool by_range) {
    std::string mine = Numbered(lamp);
    TreeWrite write{tree_.get(), VersionKind::kPut, mine, "off"};
    std::vector<std::string> names;
    for (uint64_t k = 0; k <= kLamps; ++k) names.push_back(Numbered(k));
    std::vector<ReadItem> reads;
    if (by_range) {
      reads.push_back({tree_.get(), ReadKind::kRange, names[0], names[kLamps]});
    } else {
      for (uint64_t k = 0; k < kLamps; ++k)
        reads.push_back({tree_.get(), ReadKind::kKey, names[k], {}});
    }
    CommitRequest request;
    request.writes = std::span(&write, 1);
    request.reads = reads;
    request.read_ts = point.ts;
    ReadConflict conflict;
    absl::Status status = TransactionCommit(world_.environment()).Run(request, &conflict).status();
    EXPECT_TRUE(status.ok() || absl::IsAborted(status)) << status;
    if (!status.ok()) {
      EXPECT_GE(conflict.winner_ts, request.read_ts);
    }
    return status.ok();
  }
};

TEST_F(LampsTest, WriteSkewIsRefusedHoweverTheThreadsMeet) {
  uint64_t rounds = 6000 / kSanitizerSlowdown;
  Atomic<uint64_t> dark{0};
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < kLamps; ++t) {
    threads.emplace_back([&, t] {
      uint64_t seed = Random::Derive(TestSeed(), t);
      Random random(seed);
      AtomicJitter jitter(seed);
      for (uint64_t i = 0; i < rounds; ++i) {
        if (random.Below(2) == 0) PutInto(*tree_, Numbered(t), "on");
        TestSnapshot snapshot(world_);
        uint64_t burning = BurningAt(snapshot.point());
        // order: relaxed: a count
        if (burning == 0) dark.fetch_add(1, std::memory_order_relaxed);
        if (burning >= 2) TurnOff(t, snapshot.point(), random.Below(2) == 0);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ExpectSound(*tree_);
  // order: relaxed: every thread has ended
  EXPECT_EQ(dark.load(std::memory_order_relaxed), 0u);
}

// They do meet: all have seen all lamps burn before any begins to commit.
TEST_F(LampsTest, OfThreeThatHaveSeenTheSameOneGetsThrough) {
  uint64_t rounds = 300 / kSanitizerSlowdown;
  std::barrier meeting(static_cast<ptrdiff_t>(kLamps));
  Atomic<uint64_t> through{0};
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < kLamps; ++t) {
    threads.emplace_back([&, t] {
      AtomicJitter jitter(Random::Derive(TestSeed(), t));
      for (uint64_t i = 0; i < rounds; ++i) {
        PutInto(*tree_, Numbered(t), "on");
        meeting.arrive_and_wait();
        TestSnapshot snapshot(world_);
        EXPECT_EQ(BurningAt(snapshot.point()), kLamps);
        meeting.arrive_and_wait();
        bool done = TurnOff(t, snapshot.point(), i % 2 == 0);
        // order: relaxed: a count
        if (done) through.fetch_add(1, std::memory_order_relaxed);
        meeting.arrive_and_wait();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  // order: relaxed: every thread has ended
  EXPECT_EQ(through.load(std::memory_order_relaxed), rounds);
}

// Intents on the same few keys of one page, more of them than a delta holds, while transactions
// abort each other: aborted versions are folded away while their owners still stamp.
TEST_F(TransactionCommitTest, AbortedVersionsStayUntilTheirOwnersHaveStampedThem) {
  uint64_t rounds = 3000 / kSanitizerSlowdown;
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      uint64_t seed = Random::Derive(TestSeed(), t);
      Random random(seed);
      AtomicJitter jitter(seed);
      for (uint64_t i = 0; i < rounds; ++i) {
        std::vector<std::string> keys;
        for (uint64_t k = 0; k < 20; ++k) keys.push_back(Numbered(random.Below(24)));
        std::vector<TreeWrite> writes;
        std::vector<ReadItem> reads;
        for (const std::string& key : keys) {
          writes.push_back({tree_.get(), VersionKind::kPut, key, key});
          reads.push_back({tree_.get(), ReadKind::kKey, key, {}});
        }
        TestSnapshot snapshot(world_);
        CommitRequest request;
        request.writes = writes;
        request.reads = reads;
        request.read_ts = snapshot.point().ts;
        absl::Status status = TransactionCommit(world_.environment()).Run(request).status();
        ASSERT_TRUE(status.ok() || absl::IsAborted(status)) << status;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ExpectSound(*tree_);
  for (const auto& [key, value] : ScanOf(*tree_, ReadPoint())) EXPECT_EQ(key, value);
}

TEST_F(TransactionCommitTest, WhatMayHaveChangedIsNamed) {
  PutInto(*tree_, "a", "1");
  TestSnapshot snapshot(world_);
  absl::StatusOr<CommitPosition> winner = tree_->Write(VersionKind::kDelete, "a", {});
  ASSERT_TRUE(winner.ok());
  TreeWrite write{tree_.get(), VersionKind::kPut, "b", "2"};
  ReadItem reads[] = {{tree_.get(), ReadKind::kKey, "z", {}},
                      {tree_.get(), ReadKind::kRange, "", "b"}};
  CommitRequest request;
  request.writes = std::span(&write, 1);
  request.reads = reads;
  request.read_ts = snapshot.point().ts;
  ReadConflict conflict;
  EXPECT_TRUE(
      absl::IsAborted(TransactionCommit(world_.environment()).Run(request, &conflict).status()));
  EXPECT_EQ(conflict.item, 1u);
  EXPECT_EQ(conflict.key, "a");
  EXPECT_EQ(conflict.winner_ts, winner->lsn.value());
  EXPECT_EQ(GetFrom(*tree_, "b"), std::nullopt);
  ReadConflict early;
  EXPECT_TRUE(
      *TransactionCommit::AlreadyChanged(world_.environment(), reads, request.read_ts, &early));
  EXPECT_EQ(early.key, "a");
  EXPECT_FALSE(*TransactionCommit::AlreadyChanged(world_.environment(), std::span(reads, 1),
                                                  request.read_ts, nullptr));
}

}  // namespace
}  // namespace moraine
