// Checks the checker: histories that are linearizable by construction pass, planted violations of
// every kind are found, and small histories agree with trying all orders.
#include "tests/support/history.h"

#include <algorithm>
#include <numeric>
#include <thread>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"

namespace moraine {
namespace {

using Kind = HistoryOperation::Kind;
using Operations = std::vector<HistoryOperation>;

HistoryOperation Get(uint64_t called, uint64_t returned, HistoryValue result) {
  return {.kind = Kind::kGet, .called = called, .returned = returned, .result = result};
}
HistoryOperation Put(uint64_t called, uint64_t returned, uint64_t value) {
  return {.kind = Kind::kPut, .called = called, .returned = returned, .argument = value};
}
HistoryOperation Delete(uint64_t called, uint64_t returned) {
  return {.kind = Kind::kDelete, .called = called, .returned = returned};
}
HistoryOperation Add(uint64_t called, uint64_t returned, uint64_t addend) {
  return {.kind = Kind::kAdd, .called = called, .returned = returned, .argument = addend};
}
HistoryOperation Cas(uint64_t called, uint64_t returned, HistoryValue expected,
                     HistoryValue desired, bool succeeded) {
  return {.kind = Kind::kCompareAndSet,
          .called = called,
          .returned = returned,
          .argument = desired,
          .expected = expected,
          .succeeded = succeeded};
}

bool Linearizable(const Operations& operations) {
  return CheckLinearizable(operations).linearizable;
}

TEST(LinearizabilityTest, SequentialHistoriesPass) {
  EXPECT_TRUE(Linearizable({}));
  EXPECT_TRUE(Linearizable({Get(1, 2, std::nullopt), Put(3, 4, 7), Get(5, 6, 7), Delete(7, 8),
                            Get(9, 10, std::nullopt), Add(11, 12, 5), Get(13, 14, 5)}));
}

TEST(LinearizabilityTest, ConcurrentWritesMayLandInEitherOrder) {
  EXPECT_TRUE(Linearizable({Put(1, 4, 1), Put(2, 3, 2), Get(5, 6, 1)}));
  EXPECT_TRUE(Linearizable({Put(1, 4, 1), Put(2, 3, 2), Get(5, 6, 2)}));
}

TEST(LinearizabilityTest, StaleReadIsFound) {
  EXPECT_FALSE(Linearizable({Put(1, 2, 1), Put(3, 4, 2), Get(5, 6, 1)}));
  EXPECT_FALSE(Linearizable({Put(1, 2, 1), Get(3, 4, std::nullopt)}));
}

TEST(LinearizabilityTest, ReadsThatGoBackInTimeAreFound) {
  EXPECT_FALSE(Linearizable({Put(1, 2, 1), Put(3, 10, 2), Get(4, 5, 2), Get(6, 7, 1)}));
}

TEST(LinearizabilityTest, ValueThatNobodyWroteIsFound) {
  EXPECT_FALSE(Linearizable({Put(1, 2, 1), Get(3, 4, 9)}));
}

TEST(LinearizabilityTest, LostUpdateIsFound) {
  EXPECT_FALSE(Linearizable({Add(1, 4, 1), Add(2, 3, 1), Get(5, 6, 1)}));
  EXPECT_TRUE(Linearizable({Add(1, 4, 1), Add(2, 3, 1), Get(5, 6, 2)}));
}

TEST(LinearizabilityTest, DoubleSuccessOfCompareAndSetIsFound) {
  EXPECT_FALSE(Linearizable({Put(1, 2, 1), Cas(3, 6, 1, 2, true), Cas(4, 5, 1, 3, true)}));
  EXPECT_TRUE(Linearizable({Put(1, 2, 1), Cas(3, 6, 1, 2, true), Cas(4, 5, 1, 3, false)}));
}

TEST(LinearizabilityTest, WrongRefusalOfCompareAndSetIsFound) {
  EXPECT_FALSE(Linearizable({Put(1, 2, 1), Cas(3, 4, 1, 2, false)}));
  EXPECT_FALSE(Linearizable({Cas(3, 4, std::nullopt, 2, false)}));
}

TEST(LinearizabilityTest, DeletedValueThatReappearsIsFound) {
  EXPECT_FALSE(Linearizable({Put(1, 2, 1), Delete(3, 4), Get(5, 6, 1)}));
}

TEST(LinearizabilityTest, OperationThatNeverReturnedMayOrMayNotTakeEffect) {
  const uint64_t never = HistoryOperation::kNeverReturned;
  EXPECT_TRUE(Linearizable({Put(1, 2, 1), Put(3, never, 2), Get(4, 5, 1), Get(6, 7, 2)}));
  EXPECT_TRUE(Linearizable({Put(1, 2, 1), Put(3, never, 2), Get(4, 5, 1)}));
  EXPECT_FALSE(Linearizable({Put(1, 2, 1), Put(3, never, 2), Get(4, 5, 2), Get(6, 7, 1)}));
}

TEST(LinearizabilityTest, ExplanationNamesTheMisfit) {
  const HistoryVerdict verdict =
      CheckLinearizable(Operations{Put(1, 2, 1), Put(3, 4, 2), Get(5, 6, 1)});
  EXPECT_NE(verdict.explanation.find("get -> 1"), std::string::npos) << verdict.explanation;
}

// What a register would answer, for `operation` in `state`.
void Answer(HistoryOperation* operation, HistoryValue* state) {
  switch (operation->kind) {
    case Kind::kGet:
      operation->result = *state;
      break;
    case Kind::kPut:
      *state = operation->argument;
      break;
    case Kind::kDelete:
      *state = std::nullopt;
      break;
    case Kind::kAdd:
      *state = state->value_or(0) + *operation->argument;
      break;
    case Kind::kCompareAndSet:
      operation->succeeded = *state == operation->expected;
      if (operation->succeeded) *state = operation->argument;
      break;
  }
}

// A history around given instants: call before, return after, by up to `spread`.
Operations RandomHistory(Random& random, size_t count, uint64_t spread) {
  Operations operations(count);
  HistoryValue state;
  for (size_t i = 0; i < count; ++i) {
    HistoryOperation& operation = operations[i];
    const uint64_t instant = 1000 + 10 * i;
    operation.kind = static_cast<Kind>(random.Below(5));
    operation.called = instant - random.Below(10 * spread);
    operation.returned = instant + 1 + random.Below(10 * spread);
    operation.argument = random.Below(3);
    if (random.OneIn(2)) operation.expected = random.Below(3);
    Answer(&operation, &state);
  }
  return operations;
}

TEST(LinearizabilityTest, HistoriesLinearizableByConstructionPass) {
  Random random(TestSeed());
  for (int round = 0; round < 200; ++round) {
    const Operations operations = RandomHistory(random, 1 + random.Below(200), 1 + random.Below(8));
    const HistoryVerdict verdict = CheckLinearizable(operations);
    ASSERT_TRUE(verdict.linearizable) << verdict.explanation;
  }
}

bool AllOrdersSayNo(const Operations& operations) {
  std::vector<size_t> order(operations.size());
  std::iota(order.begin(), order.end(), 0);
  do {
    bool fits = true;
    HistoryValue state;
    for (size_t i = 0; i < order.size() && fits; ++i) {
      for (size_t later = i + 1; later < order.size(); ++later) {
        fits &= operations[order[later]].returned >= operations[order[i]].called;
      }
      HistoryOperation copy = operations[order[i]];
      Answer(&copy, &state);
      fits &= copy.result == operations[order[i]].result;
      fits &= copy.succeeded == operations[order[i]].succeeded;
    }
    if (fits) return false;
  } while (std::ranges::next_permutation(order).found);
  return true;
}

TEST(LinearizabilityTest, SmallHistoriesAgreeWithTryingAllOrders) {
  Random random(TestSeed());
  int violations = 0;
  for (int round = 0; round < 3'000; ++round) {
    Operations operations = RandomHistory(random, 1 + random.Below(5), 1 + random.Below(3));
    HistoryOperation& changed = operations[random.Below(operations.size())];
    if (changed.kind == Kind::kGet) changed.result = random.Below(4);
    if (changed.kind == Kind::kCompareAndSet) changed.succeeded = !changed.succeeded;
    // Equal instants have no order that both sides agree on.
    for (size_t i = 0; i < operations.size(); ++i) {
      operations[i].called = operations[i].called * 16 + i;
      operations[i].returned = operations[i].returned * 16 + 8 + i;
    }
    const bool violation = AllOrdersSayNo(operations);
    ASSERT_EQ(Linearizable(operations), !violation);
    violations += violation ? 1 : 0;
  }
  EXPECT_GT(violations, 100);
}

// A register under a lock, recorded by threads: the recorder's clock must fit the truth.
TEST(HistoryTest, RecordedLockedRegisterIsLinearizable) {
  History history;
  Mutex mutex;
  HistoryValue values[4];
  std::vector<std::thread> threads;
  for (uint64_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread, recorder = &history.NewRecorder()] {
      Random random(Random::Derive(TestSeed(), thread));
      for (int i = 0; i < 500; ++i) {
        HistoryOperation operation;
        operation.kind = static_cast<Kind>(random.Below(5));
        operation.key = random.Below(4);
        operation.argument = random.Below(5);
        if (random.OneIn(2)) operation.expected = random.Below(5);
        HistoryOperation& recorded = recorder->Call(operation);
        {
          MutexLock lock(mutex);
          Answer(&recorded, &values[recorded.key]);
        }
        recorder->Return();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const HistoryVerdict verdict = CheckLinearizable(history.Operations());
  EXPECT_TRUE(verdict.linearizable) << verdict.explanation;
}

}  // namespace
}  // namespace moraine
