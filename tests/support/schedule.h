// Runs a few threads one at a time, so that a seed decides every interleaving of their shared
// accesses. Each access through HookedPolicy is a point at which the baton may go to another
// thread. The order explored is sequentially consistent: weak memory needs other tools.
//
// Strategies: uniform (every switch point draws the next thread) and PCT (S. Burckhardt et al., "A
// randomized scheduler with probabilistic guarantees of finding bugs", 2010): random priorities
// with `depth` - 1 points at which the running thread falls below all others; finds a bug of that
// depth with known probability. Both let a thread that pauses wait for the others.
//
// The bodies must not block on each other except by spinning with Policy::Pause.
#ifndef MORAINE_TESTS_SUPPORT_SCHEDULE_H_
#define MORAINE_TESTS_SUPPORT_SCHEDULE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <semaphore>
#include <vector>

#include "storage/sync/atomic.h"
#include "tests/support/seeds.h"

namespace moraine {

class Schedule {
 public:
  enum class Strategy : uint8_t { kUniform, kPct };
  struct Options {
    uint64_t seed = 0;
    Strategy strategy = Strategy::kUniform;
    uint32_t depth = 3;             // PCT: ordering constraints of the bugs looked for
    uint64_t expected_steps = 60;   // PCT: where the change points may lie
    uint64_t most_steps = 100'000;  // beyond this the bodies are taken to spin for ever
  };

  explicit Schedule(const Options& options);

  // Runs every body in a thread of its own until all have returned. May be called once.
  void Run(const std::vector<std::function<void()>>& bodies);

  // How many switch points were passed.
  uint64_t steps() const { return steps_; }
  // Which thread ran after each switch point: equal seeds give equal traces.
  const std::vector<uint8_t>& trace() const { return trace_; }

 private:
  struct Member {
    std::binary_semaphore turn{0};
    uint64_t priority = 0;  // PCT: larger runs first
    bool finished = false;
    bool paused = false;  // spins: others go first
    Schedule* schedule = nullptr;
    size_t index = 0;
  };

  static void Hook(void* context, AtomicStep step, const void* address);
  void Step(Member& self, AtomicStep step);
  void HandOver(Member* self);
  Member* Choose();

  const Options options_;
  Random random_;
  std::vector<std::unique_ptr<Member>> members_;
  std::vector<uint64_t> change_points_;
  uint64_t lowest_priority_;
  uint64_t steps_ = 0;
  std::vector<uint8_t> trace_;
  std::binary_semaphore all_finished_{0};
};

// Gives the processor away at random accesses of the calling thread to shared words, for its
// lifetime: a cheap way to meet rare interleavings in tests of whole engines, which the baton of
// Schedule would stop (they wait on devices). Only builds with MORAINE_CHECKED announce their
// accesses; elsewhere it does nothing.
class AtomicJitter {
 public:
  explicit AtomicJitter(uint64_t seed);
  AtomicJitter(const AtomicJitter&) = delete;
  AtomicJitter& operator=(const AtomicJitter&) = delete;
  ~AtomicJitter();

 private:
  static void Hook(void* context, AtomicStep step, const void* address);
  Random random_;
};

}  // namespace moraine

#endif  // MORAINE_TESTS_SUPPORT_SCHEDULE_H_
