// Checks the clock of the epoch domain by hand, one transition at a time.
#include "storage/sync/epoch.h"

#include <set>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace moraine {
namespace {

using Domain = EpochDomain<StdPolicy>;

TEST(EpochDomainTest, ClockMovesFreelyWhenNobodyIsInside) {
  Domain domain;
  domain.Join();
  const uint64_t start = domain.Now();
  for (uint64_t i = 1; i <= 10; ++i) {
    EXPECT_TRUE(domain.TryAdvance());
    EXPECT_EQ(domain.Now(), start + i);
  }
}

TEST(EpochDomainTest, GuardLetsTheClockMoveOnceAtMost) {
  Domain domain;
  Domain::Participant& reader = domain.Join();
  reader.Enter();
  const uint64_t entered = domain.Now();
  EXPECT_TRUE(domain.TryAdvance());
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(domain.TryAdvance());
  EXPECT_EQ(domain.Now(), entered + 1);
  reader.Exit();
  EXPECT_TRUE(domain.TryAdvance());
}

TEST(EpochDomainTest, GuardKeepsRetiredObject) {
  Domain domain;
  Domain::Participant& reader = domain.Join();
  Domain::Participant& owner = domain.Join();
  reader.Enter();
  owner.Enter();
  const uint64_t date = owner.RetireEpoch();
  owner.Exit();
  for (int i = 0; i < 5; ++i) domain.TryAdvance();
  EXPECT_LT(domain.Now(), date + kEpochGracePeriods - 1);
  reader.Exit();
  for (int i = 0; i < 5; ++i) domain.TryAdvance();
  EXPECT_GE(domain.Now(), date + kEpochGracePeriods - 1);
}

// Moves the clock of a hooked domain five times, once, just before the next store.
struct Interruption {
  EpochDomain<HookedPolicy>* domain;
  static void BeforeStore(void* context, AtomicStep step, const void*) {
    if (step != AtomicStep::kStore) return;
    SetAtomicHook(nullptr, nullptr);
    for (int i = 0; i < 5; ++i) static_cast<Interruption*>(context)->domain->TryAdvance();
  }
};

// The story: Enter read the clock, was interrupted while others moved it far, and then pinned the
// old reading; what it retired carried a date long past and was given back at once, under readers
// that had just entered [E1].
TEST(EpochDomainTest, EnterNeverPinsAnEpochLongPast) {
  EpochDomain<HookedPolicy> domain;
  auto& owner = domain.Join();
  Interruption interruption{&domain};
  SetAtomicHook(&Interruption::BeforeStore, &interruption);
  owner.Enter();
  SetAtomicHook(nullptr, nullptr);
  EXPECT_GE(owner.RetireEpoch(), domain.Now());
  owner.Exit();
}

TEST(EpochDomainTest, NestedGuardsEndWithTheOutermost) {
  Domain domain;
  Domain::Participant& reader = domain.Join();
  reader.Enter();
  reader.Enter();
  const uint64_t date = reader.RetireEpoch();
  domain.TryAdvance();
  reader.Exit();
  EXPECT_TRUE(reader.InGuard());
  EXPECT_FALSE(domain.TryAdvance());
  EXPECT_EQ(reader.RetireEpoch(), date);
  reader.Exit();
  EXPECT_FALSE(reader.InGuard());
  EXPECT_TRUE(domain.TryAdvance());
}

TEST(EpochDomainTest, ParticipantsAreRecycled) {
  Domain domain;
  Domain::Participant& first = domain.Join();
  Domain::Participant& second = domain.Join();
  EXPECT_NE(&first, &second);
  domain.Leave(first);
  EXPECT_EQ(&domain.Join(), &first);
}

TEST(EpochDomainTest, ManyThreadsJoinAndLeave) {
  Domain domain;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&domain] {
      for (int round = 0; round < 2'000; ++round) {
        Domain::Participant& participant = domain.Join();
        participant.Enter();
        domain.TryAdvance();
        participant.Exit();
        domain.Leave(participant);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<Domain::Participant*> distinct;
  for (int i = 0; i < 5; ++i) distinct.insert(&domain.Join());
  EXPECT_EQ(distinct.size(), 5u);
  EXPECT_TRUE(domain.TryAdvance());
}

TEST(EpochDomainDeathTest, LeavingInsideAGuardIsABug) {
  Domain domain;
  Domain::Participant& reader = domain.Join();
  reader.Enter();
  EXPECT_DEATH(domain.Leave(reader), "check failed");
  reader.Exit();
}

}  // namespace
}  // namespace moraine
