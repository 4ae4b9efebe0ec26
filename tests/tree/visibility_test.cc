// The word that decides when a version takes effect: its states, who may move it where, and the
// promise to readers that an answer once given stays.
#include "storage/tree/visibility.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/schedule.h"
#include "tests/support/seeds.h"
#include "tests/tree/tree_fixture.h"

namespace moraine {
namespace {

using State = TsWord::State;

TEST(TsWordTest, StatesRoundTrip) {
  StatusObject owner(8, 0);
  for (uint64_t ts : {uint64_t{0}, uint64_t{8}, uint64_t{4096}, (uint64_t{1} << 63) - 8}) {
    EXPECT_EQ(TsWord::Committed(ts).state(), State::kCommitted);
    EXPECT_EQ(TsWord::Committed(ts).ts(), ts);
    EXPECT_TRUE(TsWord::Committed(ts).terminal());
    EXPECT_EQ(TsWord::Pending(ts).state(), State::kPending);
    EXPECT_EQ(TsWord::Pending(ts).bound(), ts);
    EXPECT_FALSE(TsWord::Pending(ts).terminal());
    EXPECT_FALSE(TsWord::Pending(ts).no_push());
    TsWord closed = TsWord::Pending(ts).WithNoPush();
    EXPECT_TRUE(closed.no_push());
    EXPECT_EQ(closed.bound(), ts);
    EXPECT_EQ(closed.state(), State::kPending);
    EXPECT_EQ(TsWord::FromBits(closed.bits()), closed);
  }
  EXPECT_EQ(TsWord::Owned(&owner).owner(), &owner);
  EXPECT_EQ(TsWord::Owned(&owner).state(), State::kOwned);
  EXPECT_FALSE(TsWord::Owned(&owner).terminal());
  EXPECT_TRUE(TsWord::Aborted().terminal());
  EXPECT_FALSE(TsWord::Aborted().committed());
}

TEST(VisibilityTest, PushesOnlyRaiseTheBoundOfPendingWords) {
  Atomic<uint64_t> word{TsWord::Pending(16).bits()};
  EXPECT_TRUE(PushBound(word, 8));
  EXPECT_EQ(LoadWord(word).bound(), 16u);
  EXPECT_TRUE(PushBound(word, 24));
  EXPECT_EQ(LoadWord(word).bound(), 24u);
  EXPECT_EQ(Flip(word, 16), FlipResult::kBoundAbove);
  EXPECT_EQ(LoadWord(word), TsWord::Pending(24));
  EXPECT_EQ(Flip(word, 24), FlipResult::kCommitted);
  EXPECT_FALSE(PushBound(word, 32));
  EXPECT_FALSE(Abort(word));
  ForbidPush(word);
  EXPECT_EQ(LoadWord(word), TsWord::Committed(24));
}

TEST(VisibilityTest, AbortIsFinal) {
  Atomic<uint64_t> word{TsWord::Pending(0).bits()};
  EXPECT_TRUE(Abort(word));
  EXPECT_FALSE(Abort(word));
  EXPECT_FALSE(PushBound(word, 8));
  EXPECT_EQ(Flip(word, 8), FlipResult::kAborted);
  ForbidPush(word);
  EXPECT_EQ(LoadWord(word), TsWord::Aborted());
}

TEST(VisibilityTest, AClosedWordKeepsItsBoundAndCanStillBeWounded) {
  Atomic<uint64_t> word{TsWord::Pending(16).bits()};
  ForbidPush(word);
  EXPECT_TRUE(PushBound(word, 16)) << "the bound holds already";
  EXPECT_EQ(Flip(word, 16), FlipResult::kCommitted);
  Atomic<uint64_t> other{TsWord::Pending(16).WithNoPush().bits()};
  EXPECT_TRUE(Abort(other));
}

TEST(VisibilityTest, ReadersSeeWhatIsCommittedBelowThem) {
  Version version{};
  uint64_t ts = 0;
  // order: relaxed: one thread
  version.ts.store(TsWord::Committed(16).bits(), std::memory_order_relaxed);
  EXPECT_FALSE(VisibleAt(version, {8}, nullptr, &ts));
  EXPECT_FALSE(VisibleAt(version, {16}, nullptr, &ts));
  EXPECT_TRUE(VisibleAt(version, {24}, nullptr, &ts));
  EXPECT_EQ(ts, 16u);
  EXPECT_TRUE(VisibleAt(version, {}, nullptr, &ts));
  // order: relaxed: one thread
  version.ts.store(TsWord::Aborted().bits(), std::memory_order_relaxed);
  EXPECT_FALSE(VisibleAt(version, {}, nullptr, &ts));
  EXPECT_EQ(OutcomeOf(version).state, Outcome::State::kAborted);
}

TEST(VisibilityTest, AReaderPushesWhatItLeavesOut) {
  StatusObject batch(8, 0);
  Version version{};
  // order: relaxed: one thread
  version.ts.store(TsWord::Owned(&batch).bits(), std::memory_order_relaxed);
  uint64_t ts = 0;
  EXPECT_EQ(OutcomeOf(version).state, Outcome::State::kUndecided);
  EXPECT_EQ(LoadWord(batch.word).bound(), 0u) << "only looking pushes nothing";
  EXPECT_FALSE(VisibleAt(version, {24}, nullptr, &ts));
  EXPECT_EQ(LoadWord(batch.word).bound(), 24u);
  EXPECT_EQ(Flip(batch.word, 16), FlipResult::kBoundAbove);
  EXPECT_EQ(Flip(batch.word, 32), FlipResult::kCommitted);
  EXPECT_FALSE(VisibleAt(version, {24}, nullptr, &ts));
  EXPECT_TRUE(VisibleAt(version, {40}, nullptr, &ts));
  Stamp(version, LoadWord(batch.word));
  EXPECT_TRUE(VisibleAt(version, {40}, nullptr, &ts));
  EXPECT_EQ(ts, 32u);
}

// One owner and several readers on real words: an answer at S is the same for ever, and a version
// that was left out at S never commits below S.
TEST(VisibilityTest, AnswersToReadersNeverChange) {
  Random random(TestSeed());
  for (uint64_t round = 0; round < 3000 / kSanitizerSlowdown; ++round) {
    StatusObject batch(8, 0);
    Version version{};
    bool single = random.OneIn(2);
    // order: relaxed: published by the start of the threads
    version.ts.store((single ? TsWord::Pending(0) : TsWord::Owned(&batch)).bits(),
                     std::memory_order_relaxed);
    Atomic<uint64_t>& deciding = single ? version.ts : batch.word;
    // A reader stands at or below the tail when it reads, the owner reserves at the tail.
    Atomic<uint64_t> tail{8 * (1 + random.Below(8))};
    bool wound = random.OneIn(4);
    auto owner = [&] {
      for (int attempt = 1;; ++attempt) {
        if (attempt == 4) ForbidPush(deciding);
        // order: seq_cst: stands for the log's tail, one total order with the readers' loads
        uint64_t ts = tail.fetch_add(8, std::memory_order_seq_cst);
        FlipResult result = Flip(deciding, ts);
        ASSERT_TRUE(attempt < 4 || result != FlipResult::kBoundAbove);
        if (result != FlipResult::kBoundAbove) break;
      }
      if (!single) Stamp(version, LoadWord(batch.word));
    };
    uint64_t seed = random.Next();
    auto reader = [&, seed] {
      AtomicJitter jitter(seed);
      // order: seq_cst: as above
      ReadPoint point{tail.load(std::memory_order_seq_cst)};
      uint64_t ts = 0;
      bool visible = VisibleAt(version, point, nullptr, &ts);
      for (int i = 0; i < 20; ++i) ASSERT_EQ(VisibleAt(version, point, nullptr, &ts), visible);
    };
    std::vector<std::thread> threads;
    threads.emplace_back(reader);
    threads.emplace_back(owner);
    if (wound) threads.emplace_back([&] { Abort(deciding); });
    reader();
    for (std::thread& thread : threads) thread.join();
    ASSERT_NE(OutcomeOf(version).state, Outcome::State::kUndecided);
  }
}

// The same over a tree: repeated scans at one snapshot agree while writers, batches and folds change
// the pages.
TEST(VisibilityTest, SnapshotsOfABusyTreeAreNeverTorn) {
  TreeWorld world;
  std::unique_ptr<Tree> tree = world.NewTree(1);
  constexpr uint64_t kKeys = 40;
  for (uint64_t i = 0; i < kKeys; ++i) PutInto(*tree, Numbered(i), "0");
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      Random random(Random::Derive(TestSeed(), t));
      for (uint64_t i = 0; i < 20000 / kSanitizerSlowdown; ++i)
        PutInto(*tree, Numbered(random.Below(kKeys)), std::to_string(i));
    });
  }
  threads.emplace_back([&] {
    for (uint64_t i = 0; i < 300 / kSanitizerSlowdown; ++i) {
      TestSnapshot snapshot(world);
      std::map<std::string, std::string> first = ScanOf(*tree, snapshot.point());
      ASSERT_EQ(first.size(), kKeys);
      for (const auto& [key, value] : first)
        ASSERT_EQ(GetFrom(*tree, key, snapshot.point()), value);
      ASSERT_EQ(ScanOf(*tree, snapshot.point()), first);
    }
  });
  for (std::thread& thread : threads) thread.join();
  ExpectSound(*tree);
}

}  // namespace
}  // namespace moraine
