// The shipping cores on open numbers: every size, position and epoch at once. Each property stands
// beside a careless variant with an overflow that no number of a concrete test triggers; the variant
// must pass concretely and fail here.
#include "tests/support/checker/symbolic.h"

#include <cstdio>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/log/ring.h"
#include "storage/memory/memory_budget.h"
#include "storage/sync/epoch.h"
#include "tests/support/checker/explore.h"

namespace moraine::checker {
namespace {

// Explores with the solver and prints what it was asked.
Result ExploreOpen(const char* name, Symbolic& symbolic, Scenario scenario) {
  Result result = ExploreAndReport(name, {}, scenario, &symbolic);
  std::printf("  %llu queries, %llu answered from the cache\n",
              static_cast<unsigned long long>(symbolic.queries()),
              static_cast<unsigned long long>(symbolic.cache_hits()));
  EXPECT_TRUE(result.complete);
  return result;
}

// A number for a concrete run, any number for a symbolic one.
template <class Policy>
using NumberOf = typename PolicyNumber<Policy>::Type;

void RequireThat(Symbolic* symbolic, Condition condition, const char* what) {
  if (symbolic != nullptr) {
    symbolic->Require(condition, what);
  } else {
    Execution::Current().Require(condition.value(), what);
  }
}

template <class Policy>
struct BytesOnly {
  NumberOf<Policy> ring_bytes;
  NumberOf<Policy> bytes() const { return ring_bytes; }
};

template <class Policy>
using OpenRing = LogRing<Policy, BytesOnly<Policy>>;

// Take as someone writes it who believes that no ring has 4 GiB.
template <class Policy>
class CarelessRing {
 public:
  using U64 = NumberOf<Policy>;
  CarelessRing(BytesOnly<Policy>& memory, U64 begin, U64)
      : tail_(begin), available_(memory.bytes()) {}
  bool Take(U64 bytes) {
    U64 available = available_.load(std::memory_order_relaxed);
    do {
      if (Low32(available) < Low32(bytes)) return false;
    } while (!available_.compare_exchange_weak(
        available, available - bytes, std::memory_order_acquire, std::memory_order_relaxed));
    return true;
  }
  U64 Reserve(U64 bytes) { return tail_.fetch_add(bytes, std::memory_order_acq_rel); }

 private:
  typename Policy::template Atomic<U64> tail_;
  typename Policy::template Atomic<U64> available_;
};

// Two writers take space and reserve it: their ranges lie within one lap and do not overlap [R1].
template <class Ring, class Policy>
void TwoReservations(Execution& execution, Symbolic* symbolic, NumberOf<Policy> ring_bytes,
                     NumberOf<Policy> begin, NumberOf<Policy> first, NumberOf<Policy> second) {
  BytesOnly<Policy> memory{ring_bytes};
  Ring ring(memory, begin, 0);
  bool taken[2] = {};
  NumberOf<Policy> places[2] = {0, 0};
  auto reserve = [&](size_t i, NumberOf<Policy> bytes) {
    taken[i] = ring.Take(bytes);
    if (taken[i]) places[i] = ring.Reserve(bytes);
  };
  execution.Run({[&] { reserve(0, first); }, [&] { reserve(1, second); }});
  auto within = [&](size_t i, NumberOf<Policy> bytes) {
    if (!taken[i]) return;
    RequireThat(symbolic, places[i] - begin <= ring_bytes, "a record begins within the lap");
    RequireThat(symbolic, bytes <= ring_bytes - (places[i] - begin),
                "a record ends within the lap");
  };
  within(0, first);
  within(1, second);
}

template <class Ring>
Result ReserveAnyBytes(const char* name, Symbolic& symbolic) {
  return ExploreOpen(name, symbolic, [&](Execution& execution) {
    Number ring_bytes = symbolic.Any("ring_bytes"), begin = symbolic.Any("begin");
    Number first = symbolic.Any("first"), second = symbolic.Any("second");
    for (Number number : {ring_bytes, begin, first, second}) {
      symbolic.Assume(number % 8 == 0);
      symbolic.Assume(number <= Number(uint64_t{1} << 62));
    }
    TwoReservations<Ring, SymbolicPolicy>(execution, &symbolic, ring_bytes, begin, first, second);
  });
}

TEST(SymbolicTest, ReservationsOfAnySizeStayWithinALap) {
  Symbolic symbolic;
  Result result = ReserveAnyBytes<OpenRing<SymbolicPolicy>>("ring: any sizes", symbolic);
  EXPECT_EQ(result.violation.value_or("none"), "none");
}

TEST(SymbolicTest, AWrapAt32BitsIsFoundHereAndNotConcretely) {
  for (uint64_t bytes : {8, 32, 64, 96, 4096}) {
    Result concrete = Explore({}, [&](Execution& execution) {
      TwoReservations<CarelessRing<CheckedPolicy>, CheckedPolicy>(execution, nullptr, 96, 4096,
                                                                  bytes, 32);
    });
    EXPECT_EQ(concrete.violation.value_or("none"), "none");
  }
  Symbolic symbolic;
  Result result = ReserveAnyBytes<CarelessRing<SymbolicPolicy>>("planted: 32 bits", symbolic);
  EXPECT_THAT(result.violation.value_or("none"), testing::HasSubstr("which fails for"));
}

// Charge as it is written most often.
template <class Policy>
class CarelessBudget {
 public:
  using U64 = NumberOf<Policy>;
  explicit CarelessBudget(U64 limit) : limit_(limit) {}
  bool Charge(U64 bytes, ChargeKind) {
    U64 used = used_.load(std::memory_order_relaxed);
    do {
      if (used + bytes > limit_) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed,
                                          std::memory_order_relaxed));
    return true;
  }

 private:
  const U64 limit_;
  typename Policy::template Atomic<U64> used_{0};
};

// What is granted, together, is within the limit, for any limit and any charges.
template <class Budget>
Result ChargeAnyBytes(const char* name, Symbolic& symbolic) {
  return ExploreOpen(name, symbolic, [&](Execution& execution) {
    Number limit = symbolic.Any("limit");
    Number first = symbolic.Any("first"), second = symbolic.Any("second");
    Budget budget(limit);
    bool granted[2] = {};
    execution.Run({[&] { granted[0] = budget.Charge(first, ChargeKind::kOrdinary); },
                   [&] { granted[1] = budget.Charge(second, ChargeKind::kOrdinary); }});
    if (granted[0]) symbolic.Require(first <= limit, "a charge is within the limit");
    if (granted[1]) symbolic.Require(second <= limit, "a charge is within the limit");
    if (granted[0] && granted[1]) {
      symbolic.Require(second <= limit - first, "two charges are within the limit");
    }
  });
}

TEST(SymbolicTest, ChargesOfAnySizeStayWithinAnyLimit) {
  Symbolic symbolic;
  auto result = ChargeAnyBytes<BasicMemoryBudget<SymbolicPolicy>>("budget: any sizes", symbolic);
  EXPECT_EQ(result.violation.value_or("none"), "none");
}

TEST(SymbolicTest, AWrapOfTheSumIsFound) {
  Symbolic symbolic;
  auto result = ChargeAnyBytes<CarelessBudget<SymbolicPolicy>>("planted: used + bytes", symbolic);
  EXPECT_THAT(result.violation.value_or("none"), testing::HasSubstr("which fails for"));
}

// The story: beyond a limit of eight ninths of 2^64 the sum of limit and reserve wrapped around, and
// a budget that should never refuse refused the very charges that free memory.
TEST(SymbolicTest, TheReserveIsNeverLessThanTheLimit) {
  Symbolic symbolic;
  Result result = ExploreOpen("budget: any reserve", symbolic, [&](Execution& execution) {
    Number limit = symbolic.Any("limit"), bytes = symbolic.Any("bytes");
    BasicMemoryBudget<SymbolicPolicy> budget(limit);
    symbolic.Assume(bytes <= limit);
    bool granted = false;
    execution.Run({[&] { granted = budget.Charge(bytes, ChargeKind::kReserve); }});
    execution.Require(granted, "a reserve charge below the limit is granted");
  });
  EXPECT_EQ(result.violation.value_or("none"), "none");
}

// Reclamation from any epoch on: `remember` is what an owner keeps of an object's date.
Result ReclaimFromAnyEpoch(const char* name, Symbolic& symbolic, Number (*remember)(Number)) {
  using Domain = EpochDomain<SymbolicPolicy>;
  return ExploreOpen(name, symbolic, [&](Execution& execution) {
    Number first = symbolic.Any("first_epoch");
    symbolic.Assume(first >= 1);
    symbolic.Assume(first <= Number(~uint64_t{0} - 16));
    Domain domain(first);
    Domain::Participant& reader = domain.Join();
    Domain::Participant& owner = domain.Join();
    struct Object {
      Plain<int> data{7};
    };
    Object* object = New<Object>();
    CheckedPolicy::Atomic<Object*> shared{object};
    execution.AllowLeaks();
    execution.Run({[&] {
                     reader.Enter();
                     Object* found = shared.load(std::memory_order_acquire);
                     if (found != nullptr) MORAINE_REQUIRE(found->data.Get() == 7);
                     reader.Exit();
                   },
                   [&] {
                     owner.Enter();
                     shared.store(nullptr, std::memory_order_release);
                     Number date = remember(owner.RetireEpoch());
                     owner.Exit();
                     for (int turn = 0; turn < 3; ++turn) {
                       if (domain.Now() + 1 >= date + kEpochGracePeriods) {
                         Delete(object);
                         return;
                       }
                       domain.TryAdvance();
                     }
                   }});
  });
}

TEST(SymbolicTest, ReclamationHoldsFromAnyEpoch) {
  Symbolic symbolic;
  auto keep = [](Number date) { return date; };
  Result result = ReclaimFromAnyEpoch("epoch: any first epoch", symbolic, keep);
  EXPECT_EQ(result.violation.value_or("none"), "none");
}

TEST(SymbolicTest, ADateOf32BitsIsFound) {
  Symbolic symbolic;
  auto cut = [](Number date) { return date.Low32(); };
  Result result = ReclaimFromAnyEpoch("planted: dates of 32 bits", symbolic, cut);
  EXPECT_THAT(result.violation.value_or("none"), testing::HasSubstr("use after free"));
}

}  // namespace
}  // namespace moraine::checker
