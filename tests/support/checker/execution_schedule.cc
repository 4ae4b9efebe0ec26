// Who steps next: fibers, sleep sets, preemption bounds, waits that must end.
#include <string>
#include <utility>

#include "storage/base/check.h"
#include "tests/support/checker/execution.h"

namespace moraine::checker {
namespace {

// A wait that nobody else can end is given this many turns, since bounded waits end by themselves.
constexpr uint32_t kMostForcedTurns = 200;

}  // namespace

void Execution::Run(std::initializer_list<absl::FunctionRef<void()>> threads) {
  MORAINE_CHECK(phase_ == Phase::kSetup && threads.size() < kMostThreads);
  thread_count_ = static_cast<ThreadIndex>(threads.size() + 1);
  for (ThreadIndex t = 1; t < thread_count_; ++t) {
    Member& member = members_[t];
    member.body = threads.begin() + (t - 1);
    member.state = State::kReady;
    member.pending = Step();
    member.asleep = 0;
    member.own_steps = member.forced_turns = 0;
    member.operations = 0;
    member.begun = member.newest_only = false;
    member.looked.clear();
    member.previous.clear();
    member.reads.clear();
    memory_.Fork(t);
    if (member.fiber == nullptr) {
      member.fiber = std::make_unique<Fiber>([this, t] { FiberBody(t); });
    }
  }
  // Each runs up to its first step, so that every thread has a pending one.
  phase_ = Phase::kStarting;
  for (ThreadIndex t = 1; t < thread_count_ && end_ == End::kOpen; ++t) {
    members_[t].begun = true;
    SwitchTo(t);
  }
  phase_ = Phase::kRunning;
  if (ThreadIndex next = PickNext(); next != 0) SwitchTo(next);
  UnwindThreads();
  if (end_ != End::kCompleted) throw Cancelled();
  end_ = End::kOpen;
  phase_ = Phase::kJudging;
  for (ThreadIndex t = 1; t < thread_count_; ++t) memory_.Join(t);
}

// Every fiber goes back to the start of its loop, through the scenario's destructors. One that has
// not begun its body in this execution is there already.
void Execution::UnwindThreads() {
  phase_ = Phase::kUnwinding;
  for (ThreadIndex t = 1; t < thread_count_; ++t) {
    Member& member = members_[t];
    if (member.begun && member.state != State::kFinished) SwitchTo(t);
  }
  running_ = 0;
}

void Execution::FiberBody(ThreadIndex thread) {
  for (;;) {
    try {
      (*members_[thread].body)();
    } catch (const Cancelled&) {
    }
    if (phase_ != Phase::kUnwinding) members_[thread].state = State::kFinished;
    SwitchTo(phase_ == Phase::kRunning ? PickNext() : 0);
  }
}

void Execution::SwitchTo(ThreadIndex to) {
  ThreadIndex from = running_;
  if (from == to) return;
  running_ = to;
  Fiber& leaving = from == 0 ? main_ : *members_[from].fiber;
  Fiber& entering = to == 0 ? main_ : *members_[to].fiber;
  leaving.SwitchTo(entering);
}

// Returns when the calling thread is to make its pending step.
void Execution::Await(Step step) {
  Member& member = self();
  ThreadIndex thread = running_;
  member.pending = step;
  SwitchTo(phase_ == Phase::kStarting ? 0 : PickNext());
  if (phase_ == Phase::kUnwinding) throw Cancelled();
  MORAINE_CHECK(running_ == thread);
  ++step_;
  ++member.own_steps;
  if (step_ > options_.most_steps) Fail("more than the most steps of an execution");
  if (member.own_steps > options_.most_own_steps) {
    Fail("thread " + std::to_string(thread) + " does not finish in " +
         std::to_string(options_.most_own_steps) + " steps of its own");
  }
  if (stops_ < options_.most_stops) StopForEver();
}

// The choice to make no further step, ever.
void Execution::StopForEver() {
  static constexpr uint16_t kGoOrStop[] = {0, 1};
  size_t order = 0;
  if (choices_->Choose(ChoiceKind::kStop, kGoOrStop, &order) == 0) return;
  ++stops_;
  self().state = State::kStopped;
  if (record_events_) events_.push_back({running_, "stops for ever"});
  Complete(Step(), 0);
  SwitchTo(PickNext());
  throw Cancelled();
}

void Execution::Complete(Step executed, MessageIndex behind) {
  memory_.Tick(running_);
  self().asleep = 0;
  for (ThreadIndex t = 1; t < thread_count_; ++t) {
    Member& member = members_[t];
    if (member.asleep == 0) continue;
    if (executed.effect == Effect::kWrite) {
      bool same =
          member.pending.effect == Effect::kWrite && member.pending.location == executed.location;
      if (same && behind < 64) member.asleep &= ~(uint64_t{1} << behind);
    } else if (FencesOrder(executed.effect, member.pending.effect)) {
      member.asleep = 0;
    }
  }
  if (options_.power_cut) CutPower();
}

// The choice that no thread makes a further step. It stands behind every step, not before, since
// sleep sets visit every state but not every way out of it.
void Execution::CutPower() {
  static constexpr uint16_t kGoOrCut[] = {0, 2};
  size_t order = 0;
  if (choices_->Choose(ChoiceKind::kStop, kGoOrCut, &order) == 0) return;
  power_was_cut_ = true;
  Note("the power is cut");
  for (ThreadIndex t = 1; t < thread_count_; ++t) {
    if (members_[t].state != State::kFinished) members_[t].state = State::kStopped;
  }
  Record(End::kCompleted, "");
  throw Cancelled();
}

// Light fences order against heavy ones only.
bool Execution::FencesOrder(Effect a, Effect b) {
  auto fence = [](Effect effect) {
    return effect == Effect::kFullFence || effect == Effect::kLightFence ||
           effect == Effect::kHeavyFence;
  };
  if (!fence(a) || !fence(b)) return false;
  if (a == Effect::kLightFence) return b == Effect::kHeavyFence;
  if (b == Effect::kLightFence) return a == Effect::kHeavyFence;
  return true;
}

// All choices that a step may have now, as a set of messages; a fence counts as one.
uint64_t Execution::ChoicesOf(Step step) const {
  if (step.effect != Effect::kRead && step.effect != Effect::kWrite) return 1;
  size_t count = memory_.location(step.location).messages.size();
  return count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

// Whether some choice of the thread's pending step does not sleep.
bool Execution::Awake(ThreadIndex thread) const {
  const Member& member = members_[thread];
  if (member.asleep == 0) return true;
  Step step = member.pending;
  if (step.effect != Effect::kRead && step.effect != Effect::kWrite) return false;
  const Location& location = memory_.location(step.location);
  for (size_t place = memory_.FirstReadable(thread, step.location); place < location.order.size();
       ++place) {
    if (Sleeps(member.asleep, location.order[place])) continue;
    bool any = step.effect == Effect::kRead || step.may_fail;
    if (any || memory_.MayAttach(step.location, static_cast<uint16_t>(place))) return true;
  }
  return false;
}

// A paused thread that something was stored for goes on at once to its next step: what it does
// until then is its own.
ThreadIndex Execution::PickWoken() {
  for (ThreadIndex t = 1; t < thread_count_; ++t) {
    Member& member = members_[t];
    if (member.state != State::kPaused) continue;
    for (const Look& look : member.looked) {
      const Location& location = memory_.location(look.location);
      // Something newer than what it saw, which it may see.
      if (location.messages[look.message].place + size_t{1} == location.order.size()) continue;
      member.state = State::kReady;
      member.newest_only = false;
      member.forced_turns = 0;
      return t;
    }
  }
  return 0;
}

// Everybody waits. Whoever waits in a loop that counts its turns will go on; the others never.
ThreadIndex Execution::ForceTurn() {
  for (ThreadIndex t = 1; t < thread_count_; ++t) {
    Member& member = members_[t];
    if (member.state != State::kPaused) continue;
    if (++member.forced_turns > kMostForcedTurns) {
      std::string cause = stops_ > 0 ? " for a thread that stopped: not lock-free" : " for ever";
      Record(End::kViolation, "thread " + std::to_string(t) + " waits" + cause);
      return 0;
    }
    member.state = State::kReady;
    member.newest_only = true;
    return t;
  }
  Record(End::kCompleted, "");
  return 0;
}

// The thread that runs next; 0 when the execution is over.
ThreadIndex Execution::PickNext() {
  if (end_ != End::kOpen) return 0;
  if (ThreadIndex woken = PickWoken(); woken != 0) return woken;
  alternatives_.clear();
  bool last_ready = last_ != 0 && members_[last_].state == State::kReady;
  bool any_ready = false;
  if (last_ready && Awake(last_)) alternatives_.push_back(last_);
  for (ThreadIndex t = 1; t < thread_count_; ++t) {
    if (members_[t].state != State::kReady) continue;
    any_ready = true;
    if (t != last_ && Awake(t)) alternatives_.push_back(t);
  }
  if (!any_ready) return ForceTurn();
  if (last_ready && options_.preemption_bound >= 0 && preemptions_ == options_.preemption_bound) {
    alternatives_.clear();
    if (Awake(last_)) alternatives_.push_back(last_);
  }
  if (alternatives_.empty()) {
    Record(End::kRedundant, "");
    return 0;
  }
  size_t order = 0;
  ThreadIndex chosen =
      static_cast<ThreadIndex>(choices_->Choose(ChoiceKind::kThread, alternatives_, &order));
  // The siblings before it are explored: all of their choices sleep from here on.
  for (size_t i = 0; reduce_ && options_.sleep_sets && i < order; ++i) {
    Member& sibling = members_[alternatives_[i]];
    sibling.asleep = ChoicesOf(sibling.pending);
  }
  if (last_ready && chosen != last_) ++preemptions_;
  last_ = chosen;
  return chosen;
}

void Execution::Record(End end, std::string message) {
  if (end_ != End::kOpen) return;
  end_ = end;
  message_ = std::move(message);
}

void Execution::Fail(std::string message) {
  Record(End::kViolation, std::move(message));
  throw Cancelled();
}

void Execution::Discard() {
  Record(End::kInfeasible, "");
  throw Cancelled();
}

}  // namespace moraine::checker
