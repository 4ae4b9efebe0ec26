// The baton of Schedule: one semaphore a thread, and the choice of who gets it next.
#include "tests/support/schedule.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "storage/base/check.h"

namespace moraine {

namespace {
// Below every first priority there is room for this many falls.
constexpr uint64_t kFirstPriority = uint64_t{1} << 40;
}  // namespace

Schedule::Schedule(const Options& options)
    : options_(options), random_(options.seed), lowest_priority_(kFirstPriority) {
  for (uint32_t i = 1; i < options_.depth; ++i) {
    change_points_.push_back(1 + random_.Below(options_.expected_steps));
  }
}

void Schedule::Run(const std::vector<std::function<void()>>& bodies) {
  MORAINE_CHECK(members_.empty() && !bodies.empty());
  std::vector<size_t> order(bodies.size());
  for (size_t i = 0; i < order.size(); ++i) {
    order[i] = i;
    std::swap(order[i], order[random_.Below(i + 1)]);
  }
  for (size_t i = 0; i < bodies.size(); ++i) {
    Member& member = *members_.emplace_back(std::make_unique<Member>());
    member.priority = kFirstPriority + 1 + order[i];
    member.schedule = this;
    member.index = i;
  }
  std::vector<std::thread> threads;
  for (size_t i = 0; i < bodies.size(); ++i) {
    threads.emplace_back([this, i, &bodies] {
      Member& self = *members_[i];
      self.turn.acquire();
      SetAtomicHook(&Schedule::Hook, &self);
      bodies[i]();
      SetAtomicHook(nullptr, nullptr);
      self.finished = true;
      HandOver(nullptr);
    });
  }
  HandOver(nullptr);
  all_finished_.acquire();
  for (std::thread& thread : threads) thread.join();
}

void Schedule::Hook(void* context, AtomicStep step, const void*) {
  Member& self = *static_cast<Member*>(context);
  self.schedule->Step(self, step);
}

void Schedule::Step(Member& self, AtomicStep step) {
  MORAINE_CHECK(++steps_ < options_.most_steps);
  const bool change = std::ranges::count(change_points_, steps_) > 0;
  if (change || step == AtomicStep::kPause) self.priority = --lowest_priority_;
  self.paused = step == AtomicStep::kPause;
  HandOver(&self);
}

// Gives the baton to the chosen thread and waits until it comes back; `self` is null for a thread
// that does not want it again.
void Schedule::HandOver(Member* self) {
  Member* next = Choose();
  if (next == nullptr) {
    all_finished_.release();
    return;
  }
  trace_.push_back(static_cast<uint8_t>(next->index));
  if (next == self) return;
  next->turn.release();
  if (self != nullptr) self->turn.acquire();
}

Schedule::Member* Schedule::Choose() {
  std::vector<Member*> ready;
  for (const std::unique_ptr<Member>& member : members_) {
    if (!member->finished && !member->paused) ready.push_back(member.get());
  }
  if (ready.empty()) {  // whoever is left spins: all may try again
    for (const std::unique_ptr<Member>& member : members_) {
      member->paused = false;
      if (!member->finished) ready.push_back(member.get());
    }
  }
  if (ready.empty()) return nullptr;
  if (options_.strategy == Strategy::kUniform) {
    Member* chosen = ready[random_.Below(ready.size())];
    // A paused thread sits out one choice, not all of them.
    for (const std::unique_ptr<Member>& member : members_) member->paused = false;
    return chosen;
  }
  return *std::ranges::max_element(ready, {}, &Member::priority);
}

AtomicJitter::AtomicJitter(uint64_t seed) : random_(seed) {
  SetAtomicHook(&AtomicJitter::Hook, this);
}

AtomicJitter::~AtomicJitter() { SetAtomicHook(nullptr, nullptr); }

void AtomicJitter::Hook(void* context, AtomicStep, const void*) {
  Random& random = static_cast<AtomicJitter*>(context)->random_;
  if (!random.OneIn(200)) return;
  if (random.OneIn(20)) {
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  } else {
    std::this_thread::yield();
  }
}

}  // namespace moraine
