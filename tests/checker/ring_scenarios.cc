// The log ring: laps, credit, publication, padding, wake-ups (invariants R1 to R5 of ring.h).
#include "tests/checker/ring_memory.h"
#include "tests/checker/scenarios.h"
#include "tests/support/checker/linearizable.h"

namespace moraine::checker {
namespace {

// A writer waits for space, reserves, fills and publishes one record.
template <class Ring>
uint64_t Append(Ring& ring) {
  while (!ring.Take(kRecord)) CheckedPolicy::Pause();
  uint64_t position = ring.Reserve(kRecord);
  MORAINE_REQUIRE(ring.memory().Data(position).Get() == 0);
  ring.memory().Data(position).Set(position + 1);
  ring.Publish(position, RecordWord());
  return position;
}

// The flusher takes records away, in order, and frees their space.
template <class Ring>
void Flush(Ring& ring, uint64_t begin, int records) {
  for (uint64_t at = begin; records > 0; at += kRecord, --records) {
    while (!ring.Read(at).published()) CheckedPolicy::Pause();
    MORAINE_REQUIRE(ring.Read(at) == RecordWord());
    MORAINE_REQUIRE(ring.memory().Data(at).Get() == at + 1);
    ring.Release({at, kRecord}, 0);
  }
}

// More records than the ring holds: every one is read once, whole, and no lap sees another.
void Laps(Execution& execution) {
  CheckedRingMemory<1> memory;
  CheckedRing<1> ring(memory, 64, 0);
  execution.Run({[&] { Append(ring); }, [&] { Append(ring); }, [&] { Flush(ring, 64, 2); }});
  MORAINE_REQUIRE(ring.Tail() == 128 && ring.available() == memory.bytes());
}

void LongLaps(Execution& execution) {
  CheckedRingMemory<2> memory;
  CheckedRing<2> ring(memory, 64, 0);
  auto append_two = [&] {
    Append(ring);
    Append(ring);
  };
  execution.Run({append_two, [&] { Append(ring); }, [&] { Flush(ring, 64, 3); }});
  MORAINE_REQUIRE(ring.Tail() == 160 && ring.available() == memory.bytes());
}

void ThreeWriters(Execution& execution) {
  CheckedRingMemory<2> memory;
  CheckedRing<2> ring(memory, 64, 0);
  auto append = [&] { Append(ring); };
  execution.Run({append, append, append, [&] { Flush(ring, 64, 3); }});
  MORAINE_REQUIRE(ring.Tail() == 160 && ring.available() == memory.bytes());
}

// A writer on old credit is given space that another's Take acquired (Publication in ring.h).
void CreditOfAnother(Execution& execution) {
  CheckedRingMemory<2> memory;
  CheckedRing<2> ring(memory, 64, 0);
  execution.Run({[&] {
                   if (!ring.Take(kRecord)) return;
                   uint64_t position = ring.Reserve(kRecord);
                   ring.memory().Data(position).Set(position + 1);
                   ring.Publish(position, RecordWord());
                   if (!ring.Take(kRecord)) return;
                   position = ring.Reserve(kRecord);
                   ring.memory().Data(position).Set(position + 1);
                 },
                 [&] {
                   if (!ring.Take(kRecord)) return;
                   uint64_t position = ring.Reserve(kRecord);
                   MORAINE_REQUIRE(ring.memory().Data(position).Get() == 0);
                   ring.memory().Data(position).Set(position + 1);
                 },
                 [&] {
                   if (!ring.Read(64).published()) return;
                   ring.Release({64, kRecord}, 0);
                 }});
}

// What a thread did before Reserve is visible to whoever gets a larger Tail [R5].
void ReserveAndTail(Execution& execution) {
  CheckedRingMemory<2> memory;
  CheckedRing<2> ring(memory, 64, 0);
  Plain<int> first, second;
  auto install = [&](Plain<int>& installed) {
    installed.Set(1);
    ring.Reserve(kRecord);
  };
  execution.Run({[&] { install(first); }, [&] { install(second); },
                 [&] {
                   if (ring.Tail() != 64 + 2 * kRecord) return;
                   MORAINE_REQUIRE(first.Get() == 1 && second.Get() == 1);
                 }});
}

// A flusher that announces a wake-up position sees the reservation beyond it, or is seen (L3).
void AnnouncedWake(Execution& execution) {
  CheckedRingMemory<2> memory;
  CheckedRing<2> ring(memory, 64, 0);
  CheckedPolicy::Atomic<uint64_t> wake{0};
  Plain<int> installed;
  bool woken = false;
  uint64_t tail = 0;
  execution.Run({[&] {
                   installed.Set(1);
                   ring.Reserve(kRecord);
                   woken = wake.load(std::memory_order_relaxed) == 1;
                 },
                 [&] {
                   wake.store(1, std::memory_order_relaxed);
                   tail = ring.TailAfterAnnounce();
                   if (tail > 64) MORAINE_REQUIRE(installed.Get() == 1);
                 }});
  MORAINE_REQUIRE(woken || tail == 64 + kRecord);
  MORAINE_REQUIRE(ring.Tail() == 64 + kRecord);
}

// Padding races with reservations: ranges follow each other, padding ends at the unit, and both
// publish what came before them.
void Padding(Execution& execution) {
  CheckedRingMemory<4> memory;
  CheckedRing<4> ring(memory, 0, 64);
  LogRange padding;
  uint64_t first = 0, second = 0;
  Plain<int> installed, vouched;
  execution.Run({[&] {
                   installed.Set(1);
                   first = ring.Reserve(kRecord);
                 },
                 [&] {
                   second = ring.Reserve(kRecord);
                   if (ring.Tail() == 128) MORAINE_REQUIRE(vouched.Get() + installed.Get() == 2);
                 },
                 [&] {
                   vouched.Set(1);
                   padding = ring.ReservePadding(64, 32);
                   if (padding.begin == 64) MORAINE_REQUIRE(installed.Get() == 1);
                 }});
  uint64_t end = padding.end();
  MORAINE_REQUIRE(end % 64 == 0 && padding.bytes >= 32);
  MORAINE_REQUIRE(first != second && (first < padding.begin || first >= end) &&
                  (second < padding.begin || second >= end));
  MORAINE_REQUIRE(ring.Tail() == 2 * kRecord + padding.bytes);
}

// Credit against a counter.
struct CreditModel {
  uint64_t available = 96;
  bool Take(uint64_t bytes) {
    if (available < bytes) return false;
    available -= bytes;
    return true;
  }
};

void Credit(Execution& execution) {
  CheckedRingMemory<4> memory;
  CheckedRing<4> ring(memory, 0, 32);
  Linearizable<CreditModel> history;
  uint64_t kept = 0;
  auto take = [&](uint64_t bytes) {
    bool taken = false;
    history.Do([&]() -> Linearizable<CreditModel>::Answer {
      taken = ring.Take(bytes);
      return [bytes, taken](CreditModel& model) { return model.Take(bytes) == taken; };
    });
    return taken;
  };
  auto give = [&](uint64_t bytes) {
    history.Do([&]() -> Linearizable<CreditModel>::Answer {
      ring.Give(bytes);
      return [bytes](CreditModel& model) {
        model.available += bytes;
        return true;
      };
    });
  };
  auto take_and_give = [&] {
    if (take(64)) give(64);
  };
  execution.Run({take_and_give,
                 [&] {
                   if (take(32)) kept += 32;
                   if (take(64)) kept += 64;
                 },
                 take_and_give});
  if (execution.any_stopped()) return;
  MORAINE_REQUIRE(ring.available() + kept == 96);
  history.Check(CreditModel());
}

}  // namespace

std::vector<NamedScenario> RingScenarios() {
  Options spurious;
  spurious.spurious_failures = 1;
  Options stops;
  stops.most_stops = 1;
  stops.most_own_steps = 24;
  Options bounded;
  bounded.preemption_bound = 2;
  return {{"ring: laps", &Laps},
          {"ring: long laps", &LongLaps},
          {"ring: three writers", &ThreeWriters, bounded},
          {"ring: credit of another", &CreditOfAnother},
          {"ring: reserve and tail", &ReserveAndTail},
          {"ring: announced wake", &AnnouncedWake},
          {"ring: padding", &Padding, spurious},
          {"ring: credit, linearizable", &Credit},
          {"ring: credit, lock-free", &Credit, stops}};
}

}  // namespace moraine::checker
