// The memory budget against a counter: never over its limit, and linearizable.
#include "storage/memory/memory_budget.h"
#include "tests/checker/scenarios.h"
#include "tests/support/checker/checked_policy.h"
#include "tests/support/checker/linearizable.h"

namespace moraine::checker {
namespace {

using Budget = BasicMemoryBudget<CheckedPolicy>;

struct BudgetModel {
  uint64_t limit;
  uint64_t reserve;
  uint64_t used = 0;
  bool Charge(uint64_t bytes, ChargeKind kind) {
    if (used + bytes > limit + (kind == ChargeKind::kReserve ? reserve : 0)) return false;
    used += bytes;
    return true;
  }
};

void Charges(Execution& execution) {
  constexpr uint64_t kLimit = 64;
  constexpr uint64_t kReserve = kLimit / 8 + (1 << 20);
  Budget budget(kLimit);
  Linearizable<BudgetModel> history;
  using Answer = Linearizable<BudgetModel>::Answer;
  auto charge = [&](uint64_t bytes, ChargeKind kind) {
    bool charged = false;
    history.Do([&]() -> Answer {
      charged = budget.Charge(bytes, kind);
      return [=](BudgetModel& model) { return model.Charge(bytes, kind) == charged; };
    });
    return charged;
  };
  auto release = [&](uint64_t bytes) {
    history.Do([&]() -> Answer {
      budget.Release(bytes);
      return [=](BudgetModel& model) {
        model.used -= bytes;
        return true;
      };
    });
  };
  uint64_t kept[3] = {};
  execution.Run({[&] {
                   if (charge(40, ChargeKind::kOrdinary)) release(40);
                 },
                 [&] {
                   if (charge(40, ChargeKind::kOrdinary)) kept[1] = 40;
                   if (charge(64, ChargeKind::kReserve)) kept[1] += 64;
                 },
                 [&] {
                   if (charge(24, ChargeKind::kOrdinary)) kept[2] = 24;
                 }});
  if (execution.any_stopped()) return;
  MORAINE_REQUIRE(budget.used_bytes() == kept[0] + kept[1] + kept[2]);
  history.Check({kLimit, kReserve});
}

// The last byte is given once.
void LastByte(Execution& execution) {
  Budget budget(64);
  budget.Charge(56, ChargeKind::kOrdinary);
  int charged = 0;
  auto charge = [&] { charged += budget.Charge(8, ChargeKind::kOrdinary) ? 1 : 0; };
  execution.Run({charge, charge, charge});
  if (!execution.any_stopped()) MORAINE_REQUIRE(charged == 1 && budget.used_bytes() == 64);
  MORAINE_REQUIRE(!budget.over_limit());
}

}  // namespace

std::vector<NamedScenario> BudgetScenarios() {
  Options stops;
  stops.most_stops = 1;
  stops.most_own_steps = 16;
  stops.spurious_failures = 1;
  return {{"budget: charges, linearizable", &Charges},
          {"budget: the last byte, lock-free", &LastByte, stops}};
}

}  // namespace moraine::checker
