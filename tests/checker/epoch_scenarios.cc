// Epoch-based reclamation: what a guard found stays until it ends (invariants E1 to E3 of epoch.h).
#include <map>

#include "storage/sync/epoch.h"
#include "tests/checker/scenarios.h"
#include "tests/support/checker/checked_policy.h"

namespace moraine::checker {
namespace {

using Domain = EpochDomain<CheckedPolicy>;
using Participant = Domain::Participant;

struct Object {
  Plain<int> data{7};
};
using Shared = CheckedPolicy::Atomic<Object*>;

void Look(Participant& self, Shared& shared) {
  self.Enter();
  Object* found = shared.load(std::memory_order_acquire);
  if (found != nullptr) MORAINE_REQUIRE(found->data.Get() == 7);
  self.Exit();
}

// An owner may give an object back one epoch earlier than E3 says when it itself watches the clock:
// its own guard, which dated the object, is over.
bool MayFree(Domain& domain, uint64_t date) {
  return domain.Now() + 1 >= date + kEpochGracePeriods;
}

uint64_t Unlink(Participant& self, Shared& shared, Object** object) {
  self.Enter();
  *object = shared.exchange(nullptr, std::memory_order_acq_rel);
  uint64_t date = self.RetireEpoch();
  self.Exit();
  return date;
}

void FreeWhenAllowed(Domain& domain, Object* object, uint64_t date, int turns) {
  bool freed = false;
  for (int turn = 0; turn < turns && !freed; ++turn) {
    domain.TryAdvance();
    freed = MayFree(domain, date);
    if (freed) Delete(object);
  }
  if (!freed) Execution::Current().AllowLeaks();
}

void ReaderAndReclaimer(Execution& execution) {
  Domain domain;
  Participant& reader = domain.Join();
  Participant& owner = domain.Join();
  Shared shared{New<Object>()};
  execution.Run({[&] { Look(reader, shared); },
                 [&] {
                   Object* object = nullptr;
                   uint64_t date = Unlink(owner, shared, &object);
                   FreeWhenAllowed(domain, object, date, 4);
                 }});
  // All guards are over: nothing holds the clock any more.
  if (!execution.any_stopped()) MORAINE_REQUIRE(domain.TryAdvance() && domain.TryAdvance());
}

// The clock is pushed by a third thread while the owner is about to date its object.
void PushedClock(Execution& execution) {
  Domain domain;
  Participant& reader = domain.Join();
  Participant& owner = domain.Join();
  Shared shared{New<Object>()};
  execution.Run({[&] { Look(reader, shared); },
                 [&] {
                   Object* object = nullptr;
                   uint64_t date = Unlink(owner, shared, &object);
                   FreeWhenAllowed(domain, object, date, 1);
                 },
                 [&] {
                   for (int i = 0; i < 4; ++i) domain.TryAdvance();
                 }});
}

// A second guard of the reader must carry on what the first one released.
void TwoGuards(Execution& execution) {
  Domain domain;
  Participant& reader = domain.Join();
  Participant& owner = domain.Join();
  Shared shared{New<Object>()};
  execution.Run({[&] {
                   Look(reader, shared);
                   Look(reader, shared);
                 },
                 [&] {
                   Object* object = nullptr;
                   uint64_t date = Unlink(owner, shared, &object);
                   FreeWhenAllowed(domain, object, date, 3);
                 }});
}

// Participants belong to one thread at a time, from Join to Leave; a recycled one is the next
// thread's with all that its last owner did.
void JoinAndLeave(Execution& execution) {
  Domain domain;
  std::map<Participant*, Plain<int>> uses;
  domain.Leave(domain.Join());
  auto visit = [&] {
    Participant& self = domain.Join();
    Plain<int>& use = uses[&self];
    use.Set(use.Get() + 1);
    domain.Leave(self);
  };
  execution.Run({visit, visit, [&] { domain.TryAdvance(); }});
  MORAINE_REQUIRE(uses.count(&domain.Join()) == 1);
}

// Two new participants: the guard of each holds the clock, also after the other's is over.
void NewParticipants(Execution& execution) {
  Domain domain;
  Participant* both[2] = {};
  auto join = [&](size_t i) {
    both[i] = &domain.Join();
    both[i]->Enter();
  };
  execution.Run({[&] { join(0); }, [&] { join(1); }});
  MORAINE_REQUIRE(domain.TryAdvance() && !domain.TryAdvance());
  size_t first = execution.Choose(2);
  both[first]->Exit();
  MORAINE_REQUIRE(!domain.TryAdvance());
  both[1 - first]->Exit();
  MORAINE_REQUIRE(domain.TryAdvance());
}

// The clock goes on by one at a time, and never beyond one after a guard's epoch [E1].
void ClockAndGuard(Execution& execution) {
  Domain domain;
  Participant& reader = domain.Join();
  uint64_t advances = 0;
  execution.Run({[&] {
                   reader.Enter();
                   uint64_t entered = reader.RetireEpoch() - 1;
                   MORAINE_REQUIRE(domain.Now() <= entered + 1);
                   reader.Exit();
                 },
                 [&] {
                   for (int i = 0; i < 3; ++i) advances += domain.TryAdvance() ? 1 : 0;
                 }});
  MORAINE_REQUIRE(domain.Now() == 1 + advances);
}

// Whoever moves the clock, it never goes back, and each success is one.
void TwoPushers(Execution& execution) {
  Domain domain;
  uint64_t advances = 0;
  auto push = [&](int turns) {
    uint64_t before = domain.Now();
    for (int i = 0; i < turns; ++i) {
      advances += domain.TryAdvance() ? 1 : 0;
      uint64_t now = domain.Now();
      MORAINE_REQUIRE(now >= before);
      before = now;
    }
  };
  execution.Run({[&] { push(2); }, [&] { push(1); }});
  MORAINE_REQUIRE(domain.Now() == 1 + advances);
}

}  // namespace

std::vector<NamedScenario> EpochScenarios() {
  Options stops;
  stops.most_stops = 1;
  stops.most_own_steps = 48;
  Options bounded;
  bounded.preemption_bound = 2;
  return {{"epoch: reader and reclaimer", &ReaderAndReclaimer},
          {"epoch: pushed clock", &PushedClock, bounded},
          {"epoch: two guards", &TwoGuards},
          {"epoch: join and leave", &JoinAndLeave},
          {"epoch: new participants", &NewParticipants},
          {"epoch: clock and guard", &ClockAndGuard},
          {"epoch: two pushers", &TwoPushers},
          {"epoch: lock-free", &ReaderAndReclaimer, stops}};
}

}  // namespace moraine::checker
