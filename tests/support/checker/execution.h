// One execution of a checked program: runs its threads as fibers, one step at a time, asks a source
// of choices at every step, and watches for what must never happen.
//
// A step is one access to a shared word, or a fence that orders against other threads. Accesses to
// plain data are no steps: they are checked by vector clocks, and an unordered pair is a violation
// in whichever order it comes.
//
// Sleep sets (P. Godefroid, 1996) leave out executions that another one stands for, with single
// choices as the unit: "thread A reads message m", "thread A stores behind message m". After all
// choices of A's step were explored in some state, they sleep in the states that other threads'
// steps lead to from there, where they would lead to the same graphs. Two steps depend on each
// other only if
//   - one reads the message that the other stores: that choice is new, so it does not sleep;
//   - both write behind the same message: then A's choice of it is awake again;
//   - both are fences that order against each other.
// So a read never wakes a write, and a woken read sees only what is new. reductions_test compares
// the graphs with and without.
#ifndef MORAINE_TESTS_SUPPORT_CHECKER_EXECUTION_H_
#define MORAINE_TESTS_SUPPORT_CHECKER_EXECUTION_H_

#include <cstdint>
#include <deque>
#include <exception>
#include <initializer_list>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"

#include "tests/support/checker/choices.h"
#include "tests/support/checker/fiber.h"
#include "tests/support/checker/open_values.h"
#include "tests/support/checker/options.h"
#include "tests/support/checker/weak_memory.h"

namespace moraine::checker {

// Thrown through a scenario whose execution ends early. Only the checker catches it.
struct Cancelled {};

// What the race check knows of one piece of plain data, or of one allocation.
struct Accesses {
  ThreadIndex writer = 0;
  uint32_t written = 0;                       // the writer's clock
  std::array<uint32_t, kMostThreads> read{};  // clocks of the readers
};

struct Event {
  ThreadIndex thread;
  std::string text;
};

enum class End : uint8_t { kOpen, kCompleted, kRedundant, kInfeasible, kViolation };

class Execution {
 public:
  using Source = std::source_location;

  explicit Execution(const Options& options);
  ~Execution();
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;

  // The one under way in this process; a scenario exists only inside one.
  static Execution& Current();
  static bool Active();

  // For scenarios.
  // Runs the threads to their ends. Once per execution.
  void Run(std::initializer_list<absl::FunctionRef<void()>> threads);
  // A number below `count` of the scenario's own; every one of them is explored.
  uint16_t Choose(uint16_t count);
  // Ends the execution as a violation unless `holds`.
  void Require(bool holds, std::string_view what);
  [[noreturn]] void Fail(std::string message);
  // Leaves the execution out: an assumption of the scenario does not hold.
  [[noreturn]] void Discard();
  void Observe(std::string outcome) { outcome_ = std::move(outcome); }
  void Note(std::string text);
  bool stopped(ThreadIndex thread) const { return members_[thread].state == State::kStopped; }
  bool any_stopped() const { return stops_ > 0; }
  bool power_was_cut() const { return power_was_cut_; }
  // The calling thread: 1 is the first of Run, 0 the scenario around it.
  ThreadIndex running() const { return running_; }
  // What happened before now, from the calling thread's view.
  const Clock& clock() const { return memory_.clock(running_); }

  // For the policy.
  LocationIndex NewLocation(Value initial);
  void NameLocation(LocationIndex location, std::string name);
  Value Load(LocationIndex location, std::memory_order order, const Source& source);
  void Store(LocationIndex location, Value value, std::memory_order order, bool number,
             const Source& source);
  Value Update(LocationIndex location, absl::FunctionRef<Value(Value)> change, OperationKind kind,
               std::memory_order order, bool number, const Source& source);
  bool CompareAndSwap(LocationIndex location, Value* expected, Value desired,
                      std::memory_order success, std::memory_order failure, bool weak, bool number,
                      const Source& source);
  void Fence(FenceKind kind, std::memory_order order, const Source& source);
  void Pause();
  void PlainRead(Accesses* accesses, int allocation);
  void PlainWrite(Accesses* accesses, int allocation);

  // The shadow of an allocation: use after free, double free and leaks. Memory is given back when
  // the execution is over.
  int BeginAllocation();
  void EndAllocation(int allocation, void* memory, void (*destroy)(void*));
  void Free(void* memory);
  int constructing() const { return constructing_; }
  void AllowLeaks() { leaks_allowed_ = true; }

  // For the explorer.
  void Begin(ChoiceSource* choices, bool reduce, bool record_events);
  void Finish();
  End end() const { return end_; }
  const std::string& message() const { return message_; }
  const std::string& outcome() const { return outcome_; }
  uint32_t steps() const { return step_; }
  uint64_t GraphNumber() const;
  const std::vector<Event>& events() const { return events_; }
  size_t thread_count() const { return thread_count_; }
  const std::map<Site, SiteUse>& sites() const { return sites_; }
  // For symbolic values: the choice whether an open condition holds.
  bool ChooseBranch();
  bool recording() const { return record_events_; }
  void SetOpenValues(OpenValues* open_values) { open_values_ = open_values; }

 private:
  enum class Phase : uint8_t { kSetup, kStarting, kRunning, kUnwinding, kJudging };
  enum class State : uint8_t { kFinished, kReady, kPaused, kStopped };
  enum class Effect : uint8_t { kNone, kRead, kWrite, kFullFence, kLightFence, kHeavyFence };

  struct Step {
    Effect effect = Effect::kNone;
    LocationIndex location = 0;
    bool may_fail = false;  // a write that may turn out to be a read
  };
  struct Look {
    LocationIndex location;
    MessageIndex message;
    bool operator==(const Look&) const = default;
  };
  struct Member {
    std::unique_ptr<Fiber> fiber;
    const absl::FunctionRef<void()>* body = nullptr;
    State state = State::kFinished;
    Step pending;
    uint64_t asleep = 0;  // choices of the pending step, one bit for each message
    uint32_t own_steps = 0;
    uint16_t operations = 0;
    uint32_t forced_turns = 0;  // of a wait that nobody could end
    bool begun = false;
    bool newest_only = false;     // such a turn: stale reads would make it endless
    std::vector<Look> looked;     // what was read since the last pause
    std::vector<Look> previous;   // and before it
    std::vector<uint32_t> reads;  // for the graph
  };
  struct Allocation {
    void* memory = nullptr;
    void (*destroy)(void*) = nullptr;
    bool freed = false;
    Clock accesses;
  };

  bool InThread() const { return phase_ == Phase::kRunning || phase_ == Phase::kStarting; }
  Member& self() { return members_[running_]; }

  // Scheduling (execution_schedule.cc).
  void FiberBody(ThreadIndex thread);
  void SwitchTo(ThreadIndex to);
  void Await(Step step);
  // Ends the step; a write went behind the message `behind`.
  void Complete(Step executed, MessageIndex behind);
  ThreadIndex PickNext();
  ThreadIndex PickWoken();
  ThreadIndex ForceTurn();
  void StopForEver();
  void CutPower();
  static bool FencesOrder(Effect a, Effect b);
  uint64_t ChoicesOf(Step step) const;
  bool Awake(ThreadIndex thread) const;
  static bool Sleeps(uint64_t asleep, MessageIndex message) {
    return message < 64 && (asleep >> message & 1) != 0;
  }
  void Record(End end, std::string message);
  void UnwindThreads();

  // Operations (execution.cc).
  uint16_t ChooseMessage(LocationIndex location, absl::FunctionRef<bool(uint16_t)> allowed);
  uint16_t ChooseSlot(LocationIndex location);
  uint16_t ChooseHere(ChoiceKind kind);
  void NoteRead(LocationIndex location, MessageIndex message);
  void Touch(LocationIndex location);
  void TouchAllocation(int allocation, const char* what);
  const Mutation* MutationAt(const Source& source, OperationKind kind, std::memory_order order,
                             std::memory_order failure, bool number);
  void LogOperation(std::string_view verb, LocationIndex location, std::string_view rest,
                    std::memory_order order, const Source& source);
  std::string NameOf(LocationIndex location) const;
  std::string Text(Value value) const;
  Value Shifted(Value value, MutationKind kind);
  bool DecideEqual(Value a, Value b);
  bool CertainlyDiffer(Value a, Value b);
  bool SwapStep(LocationIndex location, Value* expected, Value desired, std::memory_order success,
                std::memory_order failure, bool weak, const Source& source);

  const Options options_;
  WeakMemory memory_;
  Fiber main_;
  std::array<Member, kMostThreads> members_;
  ThreadIndex thread_count_ = 1;
  ThreadIndex running_ = 0;
  Phase phase_ = Phase::kSetup;

  ChoiceSource* choices_ = nullptr;
  OpenValues* open_values_ = nullptr;
  bool reduce_ = true;
  bool record_events_ = false;
  End end_ = End::kOpen;
  std::string message_;
  std::string outcome_;
  std::vector<Event> events_;

  uint32_t step_ = 0;
  ThreadIndex last_ = 0;
  int preemptions_ = 0;
  int stops_ = 0;
  bool power_was_cut_ = false;
  int spurious_ = 0;

  std::vector<int> location_allocation_;
  std::vector<std::string> names_;
  std::deque<Allocation> allocations_;
  int constructing_ = -1;
  bool leaks_allowed_ = false;

  std::map<Site, SiteUse> sites_;
  std::vector<uint16_t> alternatives_;
};

// `Require` with the condition's text.
#define MORAINE_REQUIRE(condition) \
  ::moraine::checker::Execution::Current().Require(static_cast<bool>(condition), #condition)

}  // namespace moraine::checker

#endif  // MORAINE_TESTS_SUPPORT_CHECKER_EXECUTION_H_
