// The operations of a checked program: shared words, plain data, allocations.
#include "tests/support/checker/execution.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "storage/base/check.h"

namespace moraine::checker {
namespace {

Execution* current = nullptr;

const char* OrderName(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed:
      return "relaxed";
    case std::memory_order_acquire:
      return "acquire";
    case std::memory_order_release:
      return "release";
    case std::memory_order_acq_rel:
      return "acq_rel";
    default:
      return "seq_cst";
  }
}

std::string ShortFile(const std::source_location& source) {
  std::string_view file = source.file_name();
  size_t slash = file.rfind('/');
  if (slash != file.npos) file.remove_prefix(slash + 1);
  return std::string(file) + ":" + std::to_string(source.line());
}

Site SiteOf(const std::source_location& source) {
  return {source.file_name(), source.line(), source.column()};
}

}  // namespace

Execution::Execution(const Options& options) : options_(options) {
  MORAINE_CHECK(current == nullptr);
  current = this;
}

Execution::~Execution() { current = nullptr; }

Execution& Execution::Current() {
  MORAINE_CHECK(current != nullptr);
  return *current;
}

bool Execution::Active() { return current != nullptr && current->phase_ != Phase::kUnwinding; }

void Execution::Begin(ChoiceSource* choices, bool reduce, bool record_events) {
  choices_ = choices;
  reduce_ = reduce;
  record_events_ = record_events;
  memory_.Reset();
  thread_count_ = 1;
  running_ = 0;
  phase_ = Phase::kSetup;
  end_ = End::kOpen;
  message_.clear();
  outcome_.clear();
  events_.clear();
  step_ = 0;
  last_ = 0;
  preemptions_ = stops_ = spurious_ = 0;
  location_allocation_.clear();
  names_.clear();
  constructing_ = -1;
  leaks_allowed_ = power_was_cut_ = false;
  if (open_values_ != nullptr) open_values_->Reset();
}

// After the scenario's own destructors: what was allocated goes back.
void Execution::Finish() {
  phase_ = Phase::kUnwinding;
  size_t leaked = 0;
  for (const Allocation& allocation : allocations_) leaked += allocation.freed ? 0 : 1;
  if (leaked > 0 && !leaks_allowed_ && stops_ == 0 && !power_was_cut_ && end_ == End::kOpen) {
    Record(End::kViolation, std::to_string(leaked) + " allocations were never freed");
  }
  for (Allocation& allocation : allocations_) {
    if (allocation.memory != nullptr) allocation.destroy(allocation.memory);
  }
  allocations_.clear();
  Record(End::kCompleted, "");
}

uint16_t Execution::Choose(uint16_t count) {
  std::vector<uint16_t> alternatives(count);
  for (uint16_t i = 0; i < count; ++i) alternatives[i] = i;
  size_t order = 0;
  return choices_->Choose(ChoiceKind::kScenario, alternatives, &order);
}

bool Execution::ChooseBranch() {
  static constexpr uint16_t kBranches[] = {1, 0};
  size_t order = 0;
  return choices_->Choose(ChoiceKind::kBranch, kBranches, &order) == 1;
}

void Execution::Require(bool holds, std::string_view what) {
  if (!holds && phase_ != Phase::kUnwinding) Fail("required: " + std::string(what));
}

void Execution::Note(std::string text) {
  if (record_events_) events_.push_back({running_, std::move(text)});
}

LocationIndex Execution::NewLocation(Value initial) {
  if (phase_ == Phase::kUnwinding) return 0;
  location_allocation_.push_back(constructing_);
  return memory_.Add(running_, initial);
}

void Execution::NameLocation(LocationIndex location, std::string name) {
  if (!record_events_) return;
  if (names_.size() <= location) names_.resize(size_t{location} + 1);
  names_[location] = std::move(name);
}

std::string Execution::NameOf(LocationIndex location) const {
  if (location < names_.size() && !names_[location].empty()) return names_[location];
  return "w" + std::to_string(location);
}

void Execution::LogOperation(std::string_view verb, LocationIndex location, std::string_view rest,
                             std::memory_order order, const Source& source) {
  // The turns of a wait that nobody ends all look the same.
  if (!record_events_ || self().forced_turns > 0) return;
  std::string text = ShortFile(source) + " ";
  text += verb;
  text += " " + NameOf(location);
  text += rest;
  if (order != std::memory_order_relaxed) text += std::string(" ") + OrderName(order);
  events_.push_back({running_, std::move(text)});
}

const Mutation* Execution::MutationAt(const Source& source, OperationKind kind,
                                      std::memory_order order, std::memory_order failure,
                                      bool number) {
  if (options_.collect_sites) {
    sites_.try_emplace(SiteOf(source),
                       SiteUse{kind, order, failure, number, source.function_name()});
  }
  if (!options_.mutation) return nullptr;
  const Site& site = options_.mutation->site;
  bool here = site.line == source.line() && site.column == source.column() &&
              site.file == source.file_name();
  return here ? &*options_.mutation : nullptr;
}

// A word may be used once its construction happened before, and until its memory is freed.
void Execution::Touch(LocationIndex index) {
  const Location& location = memory_.location(index);
  if (!memory_.clock(running_).Covers(location.creator, location.created)) {
    Fail("data race: " + NameOf(index) + " is used by a thread that may see it unconstructed");
  }
  TouchAllocation(location_allocation_[index], "use after free");
}

void Execution::TouchAllocation(int index, const char* what) {
  if (index < 0) return;
  Allocation& allocation = allocations_[static_cast<size_t>(index)];
  if (allocation.freed) Fail(std::string(what) + " of allocation " + std::to_string(index));
  allocation.accesses.at[running_] = memory_.clock(running_).at[running_];
}

// The message that is read, as a place in modification order.
uint16_t Execution::ChooseMessage(LocationIndex index, absl::FunctionRef<bool(uint16_t)> allowed) {
  Member& member = self();
  const Location& location = memory_.location(index);
  uint16_t first = memory_.FirstReadable(running_, index);
  uint16_t last = static_cast<uint16_t>(location.order.size() - 1);
  if (member.newest_only) first = last;
  alternatives_.clear();
  for (uint16_t newer = 0; newer <= last - first; ++newer) {
    uint16_t place = static_cast<uint16_t>(last - newer);
    if (!Sleeps(member.asleep, location.order[place]) && allowed(place)) {
      alternatives_.push_back(newer);
    }
  }
  return static_cast<uint16_t>(last - ChooseHere(ChoiceKind::kMessage));
}

// Where a store goes: its future place in modification order.
uint16_t Execution::ChooseSlot(LocationIndex index) {
  Member& member = self();
  const Location& location = memory_.location(index);
  uint16_t first = memory_.FirstReadable(running_, index);
  uint16_t last = static_cast<uint16_t>(location.order.size() - 1);
  alternatives_.clear();
  for (uint16_t newer = 0; newer <= last - first; ++newer) {
    uint16_t behind = static_cast<uint16_t>(last - newer);
    if (!Sleeps(member.asleep, location.order[behind]) && memory_.MayAttach(index, behind)) {
      alternatives_.push_back(newer);
    }
  }
  return static_cast<uint16_t>(last + 1 - ChooseHere(ChoiceKind::kSlot));
}

// One of alternatives_. None is left when all of them sleep.
uint16_t Execution::ChooseHere(ChoiceKind kind) {
  if (alternatives_.empty()) {
    Record(End::kRedundant, "");
    throw Cancelled();
  }
  size_t order = 0;
  return choices_->Choose(kind, alternatives_, &order);
}

void Execution::NoteRead(LocationIndex index, MessageIndex number) {
  Member& member = self();
  member.looked.push_back({index, number});
  if (!options_.collect_graphs) return;
  const Message& message = memory_.location(index).messages[number];
  member.reads.push_back(uint32_t{message.writer} << 16 | message.writer_operation);
}

Value Execution::Load(LocationIndex index, std::memory_order order, const Source& source) {
  if (!InThread()) return memory_.newest(index).value;
  const Mutation* mutation = MutationAt(source, OperationKind::kLoad, order, order, false);
  if (mutation != nullptr) order = mutation->order;
  MORAINE_CHECK(order != std::memory_order_seq_cst);
  Step step{Effect::kRead, index};
  Await(step);
  Touch(index);
  const Location& location = memory_.location(index);
  uint16_t place = ChooseMessage(index, [](uint16_t) { return true; });
  MessageIndex number = location.order[place];
  Value value = location.messages[number].value;
  memory_.Read(running_, index, number, order);
  NoteRead(index, number);
  ++self().operations;
  if (record_events_) {
    size_t newer = location.order.size() - 1 - place;
    std::string rest = " -> " + Text(value);
    if (newer > 0) rest += ", " + std::to_string(newer) + " behind";
    LogOperation("load", index, rest, order, source);
  }
  Complete(step, 0);
  return value;
}

void Execution::Store(LocationIndex index, Value value, std::memory_order order, bool number,
                      const Source& source) {
  if (phase_ == Phase::kUnwinding) return;
  const Mutation* mutation = nullptr;
  if (InThread()) mutation = MutationAt(source, OperationKind::kStore, order, order, number);
  if (mutation != nullptr) {
    if (mutation->kind == MutationKind::kDrop) return;
    if (mutation->kind == MutationKind::kOrder) order = mutation->order;
    value = Shifted(value, mutation->kind);
  }
  MORAINE_CHECK(order != std::memory_order_seq_cst);
  Step step{Effect::kWrite, index};
  if (InThread()) Await(step);
  Touch(index);
  uint16_t place = static_cast<uint16_t>(memory_.location(index).order.size());
  if (InThread()) place = ChooseSlot(index);
  if (record_events_) {
    size_t newer = memory_.location(index).order.size() - place;
    std::string rest = " = " + Text(value);
    if (newer > 0) rest += ", placed " + std::to_string(newer) + " behind";
    LogOperation("store", index, rest, order, source);
  }
  MessageIndex behind = memory_.location(index).order[size_t{place} - 1];
  memory_.Write(running_, index, place, value, order, self().operations++);
  if (InThread()) {
    Complete(step, behind);
  } else {
    memory_.Tick(running_);
  }
}

Value Execution::Update(LocationIndex index, absl::FunctionRef<Value(Value)> change,
                        OperationKind kind, std::memory_order order, bool number,
                        const Source& source) {
  if (phase_ == Phase::kUnwinding) return memory_.newest(index).value;
  const Mutation* mutation = nullptr;
  if (InThread()) mutation = MutationAt(source, kind, order, order, number);
  auto changed = [&](Value old) {
    return mutation == nullptr ? change(old) : Shifted(change(old), mutation->kind);
  };
  if (mutation != nullptr && mutation->kind == MutationKind::kOrder) order = mutation->order;
  if (mutation != nullptr && mutation->kind == MutationKind::kSplit) {
    Value old = Load(
        index, IsAcquire(order) ? std::memory_order_acquire : std::memory_order_relaxed, Source());
    Store(index, change(old),
          IsRelease(order) ? std::memory_order_release : std::memory_order_relaxed, false,
          Source());
    return old;
  }
  MORAINE_CHECK(order != std::memory_order_seq_cst);
  Step step{Effect::kWrite, index};
  if (InThread()) Await(step);
  Touch(index);
  const Location& location = memory_.location(index);
  uint16_t place = static_cast<uint16_t>(location.order.size() - 1);
  if (InThread()) {
    place = ChooseMessage(index, [&](uint16_t at) { return memory_.MayAttach(index, at); });
  }
  MessageIndex read = location.order[place];
  Value old = location.messages[read].value;
  Value desired = changed(old);
  if (InThread()) NoteRead(index, read);
  memory_.ReadModifyWrite(running_, index, read, desired, order, self().operations++);
  if (record_events_) {
    LogOperation("update", index, " " + Text(old) + " to " + Text(desired), order, source);
  }
  if (InThread()) {
    Complete(step, read);
  } else {
    memory_.Tick(running_);
  }
  return old;
}

void Execution::Fence(FenceKind kind, std::memory_order order, const Source& source) {
  if (phase_ == Phase::kUnwinding) return;
  if (InThread()) {
    bool half = kind == FenceKind::kLight || kind == FenceKind::kHeavy;
    const Mutation* mutation =
        MutationAt(source, half ? OperationKind::kHalfFence : OperationKind::kFence, order, order,
                   /*number=*/false);
    if (mutation != nullptr && mutation->kind == MutationKind::kDrop) return;
    if (mutation != nullptr) kind = FenceKind::kAcquireRelease;
  }
  Step step;
  if (kind == FenceKind::kFull) step.effect = Effect::kFullFence;
  if (kind == FenceKind::kLight) step.effect = Effect::kLightFence;
  if (kind == FenceKind::kHeavy) step.effect = Effect::kHeavyFence;
  bool is_step = step.effect != Effect::kNone && InThread();
  if (is_step) Await(step);
  memory_.Fence(running_, kind);
  if (record_events_) {
    const char* name = kind == FenceKind::kLight   ? "light fence"
                       : kind == FenceKind::kHeavy ? "heavy fence"
                       : kind == FenceKind::kFull  ? "full fence"
                                                   : "fence";
    events_.push_back({running_, ShortFile(source) + " " + name});
  }
  if (is_step) {
    Complete(step, 0);
  } else {
    memory_.Tick(running_);
  }
}

// One turn of a wait: the thread is not run again before a word that it looked at since its last
// turn has something newer. A turn that saw the same as the one before leads nowhere new. A second
// pause without a look in between adds nothing.
void Execution::Pause() {
  if (!InThread()) return;
  Member& member = self();
  if (member.looked.empty()) return;
  if (!member.newest_only && member.looked == member.previous) {
    Record(End::kRedundant, "");
    throw Cancelled();
  }
  member.state = State::kPaused;
  if (record_events_ && member.forced_turns == 0) events_.push_back({running_, "waits"});
  SwitchTo(phase_ == Phase::kStarting ? 0 : PickNext());
  if (phase_ == Phase::kUnwinding) throw Cancelled();
  std::swap(member.previous, member.looked);
  member.looked.clear();
}

void Execution::PlainRead(Accesses* accesses, int allocation) {
  if (phase_ == Phase::kUnwinding) return;
  TouchAllocation(allocation, "use after free");
  const Clock& now = memory_.clock(running_);
  if (!now.Covers(accesses->writer, accesses->written)) {
    Fail("data race: thread " + std::to_string(running_) + " reads what thread " +
         std::to_string(accesses->writer) + " writes");
  }
  accesses->read[running_] = now.at[running_];
}

void Execution::PlainWrite(Accesses* accesses, int allocation) {
  if (phase_ == Phase::kUnwinding) return;
  TouchAllocation(allocation, "use after free");
  const Clock& now = memory_.clock(running_);
  if (!now.Covers(accesses->writer, accesses->written)) {
    Fail("data race: threads " + std::to_string(running_) + " and " +
         std::to_string(accesses->writer) + " write");
  }
  for (ThreadIndex t = 0; t < thread_count_; ++t) {
    if (!now.Covers(t, accesses->read[t])) {
      Fail("data race: thread " + std::to_string(running_) + " writes what thread " +
           std::to_string(t) + " reads");
    }
  }
  accesses->writer = running_;
  accesses->written = now.at[running_];
}

int Execution::BeginAllocation() {
  allocations_.emplace_back();
  return constructing_ = static_cast<int>(allocations_.size() - 1);
}

void Execution::EndAllocation(int index, void* memory, void (*destroy)(void*)) {
  Allocation& allocation = allocations_[static_cast<size_t>(index)];
  allocation.memory = memory;
  allocation.destroy = destroy;
  constructing_ = -1;
}

void Execution::Free(void* memory) {
  if (phase_ == Phase::kUnwinding) return;
  auto found = std::find_if(allocations_.begin(), allocations_.end(),
                            [&](const Allocation& a) { return a.memory == memory; });
  MORAINE_CHECK(found != allocations_.end());
  std::string name = "allocation " + std::to_string(found - allocations_.begin());
  if (found->freed) Fail("double free of " + name);
  if (!memory_.clock(running_).Covers(found->accesses)) {
    Fail("use after free: " + name + " is freed by thread " + std::to_string(running_) +
         " while another may still use it");
  }
  found->freed = true;
  Note("frees " + name);
}

// A number for the execution's graph: who read from whom, and every word's modification order.
uint64_t Execution::GraphNumber() const {
  uint64_t number = 14695981039346656037u;
  auto mix = [&number](uint64_t value) {
    number ^= value + 0x9e3779b97f4a7c15 + (number << 6) + (number >> 2);
    number *= 0xff51afd7ed558ccd;
    number ^= number >> 33;
  };
  for (size_t t = 1; t < thread_count_; ++t) {
    mix(t);
    for (uint32_t read : members_[t].reads) mix(read);
  }
  for (size_t i = 0; i < memory_.location_count(); ++i) {
    const Location& location = memory_.location(static_cast<LocationIndex>(i));
    mix(i);
    for (MessageIndex index : location.order) {
      const Message& message = location.messages[index];
      mix(uint64_t{message.writer} << 16 | message.writer_operation);
    }
  }
  return number;
}

}  // namespace moraine::checker

// Linked in place of the one of storage/base (--wrap): a failed check inside an execution is a
// violation of it and not the end of the process.
extern "C" {
[[noreturn]] void RealCheckFailed(const char* file, int line, const char* condition) __asm__(
    "__real__ZN7moraine8internal11CheckFailedEPKciS2_");
[[noreturn]] void WrappedCheckFailed(const char* file, int line, const char* condition) __asm__(
    "__wrap__ZN7moraine8internal11CheckFailedEPKciS2_");

void WrappedCheckFailed(const char* file, int line, const char* condition) {
  using moraine::checker::Execution;
  std::string_view name = file;
  bool own = name.find("tests/support/checker/") != name.npos;
  if (own || !Execution::Active()) RealCheckFailed(file, line, condition);
  Execution::Current().Fail("check failed: " + std::string(condition) + " (" + file + ":" +
                            std::to_string(line) + ")");
}
}
