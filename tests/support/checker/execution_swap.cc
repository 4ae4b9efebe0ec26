// Compare-and-swap: a read-modify-write or a load, whichever the message that it reads makes it;
// and what mutations do to values.
#include <utility>

#include "storage/base/check.h"
#include "tests/support/checker/execution.h"

namespace moraine::checker {

// Positions and timestamps count in eights, everything else in ones.
Value Execution::Shifted(Value value, MutationKind kind) {
  if (kind != MutationKind::kMore && kind != MutationKind::kLess) return value;
  uint64_t unit = value.concrete() && value.bits < 8 ? 1 : 8;
  uint64_t change = kind == MutationKind::kMore ? unit : -unit;
  if (!value.concrete()) return open_values_->Add(value, change);
  value.bits += change;
  return value;
}

bool Execution::DecideEqual(Value a, Value b) {
  if (a.concrete() && b.concrete()) return a.bits == b.bits;
  return open_values_->DecideEqual(a, b);
}

bool Execution::CertainlyDiffer(Value a, Value b) {
  if (a.concrete() && b.concrete()) return a.bits != b.bits;
  return open_values_->CertainlyDiffer(a, b);
}

std::string Execution::Text(Value value) const {
  if (!value.concrete()) return open_values_->Text(value);
  if (value.bits > uint64_t{1} << 63) return "-" + std::to_string(-value.bits);
  return std::to_string(value.bits);
}

bool Execution::CompareAndSwap(LocationIndex index, Value* expected, Value desired,
                               std::memory_order success, std::memory_order failure, bool weak,
                               bool number, const Source& source) {
  if (phase_ == Phase::kUnwinding) return true;
  MORAINE_CHECK(success != std::memory_order_seq_cst && failure != std::memory_order_seq_cst);
  const Mutation* mutation = nullptr;
  if (InThread()) mutation = MutationAt(source, OperationKind::kSwap, success, failure, number);
  if (mutation != nullptr) {
    if (mutation->kind == MutationKind::kOrder) success = mutation->order;
    if (mutation->kind == MutationKind::kFailureOrder) failure = mutation->order;
    if (mutation->kind == MutationKind::kSwapToStore) {
      Store(index, desired,
            IsRelease(success) ? std::memory_order_release : std::memory_order_relaxed, false,
            Source());
      return true;
    }
    desired = Shifted(desired, mutation->kind);
  }
  return SwapStep(index, expected, desired, success, failure, weak, source);
}

bool Execution::SwapStep(LocationIndex index, Value* expected, Value desired,
                         std::memory_order success, std::memory_order failure, bool weak,
                         const Source& source) {
  Step step{Effect::kWrite, index, /*may_fail=*/true};
  if (InThread()) Await(step);
  Touch(index);
  const Location& location = memory_.location(index);
  uint16_t place = static_cast<uint16_t>(location.order.size() - 1);
  if (InThread()) {
    // A message that has been replaced already can only be read by failing, which needs another
    // value.
    place = ChooseMessage(index, [&](uint16_t at) {
      Value value = location.messages[location.order[at]].value;
      return memory_.MayAttach(index, at) || CertainlyDiffer(value, *expected);
    });
  }
  MessageIndex read = location.order[place];
  Value old = location.messages[read].value;
  bool equal = DecideEqual(old, *expected);
  if (equal && !memory_.MayAttach(index, place)) Discard();
  if (equal && weak && InThread() && spurious_ < options_.spurious_failures) {
    static constexpr uint16_t kFails[] = {0, 1};
    size_t order = 0;
    if (choices_->Choose(ChoiceKind::kFailure, kFails, &order) == 1) {
      ++spurious_;
      equal = false;
    }
  }
  if (InThread()) NoteRead(index, read);
  uint16_t operation = self().operations++;
  if (equal) {
    memory_.ReadModifyWrite(running_, index, read, desired, success, operation);
  } else {
    memory_.Read(running_, index, read, failure);
    step.effect = Effect::kRead;
  }
  if (record_events_) {
    std::string rest = " " + Text(old);
    rest += equal ? " to " + Text(desired) : ", expected " + Text(*expected) + ": fails";
    LogOperation("swap", index, rest, equal ? success : failure, source);
  }
  *expected = old;
  if (InThread()) {
    Complete(step, read);
  } else {
    memory_.Tick(running_);
  }
  return equal;
}

}  // namespace moraine::checker
