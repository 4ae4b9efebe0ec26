// The search for a linearization: walk the calls in time order, take one that may come next, and
// step back when a return is met whose operation was not taken.
#include "tests/support/history.h"

#include <algorithm>
#include <map>
#include <unordered_set>

namespace moraine {
namespace {

using Kind = HistoryOperation::Kind;

// Whether `operation` may answer as it did in `state`; if so `state` becomes the one after it.
bool Step(const HistoryOperation& operation, HistoryValue* state) {
  const bool returned = operation.returned != HistoryOperation::kNeverReturned;
  switch (operation.kind) {
    case Kind::kGet:
      return !returned || operation.result == *state;
    case Kind::kPut:
      *state = operation.argument;
      return true;
    case Kind::kDelete:
      *state = std::nullopt;
      return true;
    case Kind::kAdd:
      *state = state->value_or(0) + operation.argument.value_or(0);
      return true;
    case Kind::kCompareAndSet:
      if (returned && operation.succeeded != (*state == operation.expected)) return false;
      if (*state == operation.expected) *state = operation.argument;
      return true;
  }
  return false;
}

// Calls and returns of one key in time order, as a doubly linked list from which operations are
// lifted out when they are linearized.
class KeySearch {
 public:
  explicit KeySearch(std::vector<HistoryOperation> operations)
      : operations_(std::move(operations)),
        taken_((operations_.size() + 63) / 64),
        calls_(operations_.size()),
        returns_(operations_.size(), kNone) {
    BuildEvents();
  }

  HistoryVerdict Run() {
    HistoryValue state;
    size_t at = events_[kHead].next;
    while (at != kHead) {
      const Event event = events_[at];
      if (event.is_call) {
        HistoryValue next = state;
        if (Step(operations_[event.operation], &next) && MarkIfNew(event.operation, next)) {
          taken_path_.push_back({event.operation, state});
          state = next;
          Lift(event.operation);
          at = events_[kHead].next;
          NoteProgress();
        } else {
          at = event.next;
        }
        continue;
      }
      if (taken_path_.empty()) return Failure();
      const Taken last = taken_path_.back();
      taken_path_.pop_back();
      state = last.before;
      taken_[last.operation / 64] &= ~(uint64_t{1} << last.operation % 64);
      Unlift(last.operation);
      at = events_[calls_[last.operation]].next;
    }
    return {};
  }

 private:
  static constexpr size_t kHead = 0;
  static constexpr size_t kNone = ~size_t{0};
  struct Event {
    size_t operation = 0;
    bool is_call = false;
    size_t next = kHead;
    size_t previous = kHead;
  };
  struct Taken {
    size_t operation;
    HistoryValue before;
  };

  void BuildEvents() {
    std::vector<std::pair<uint64_t, Event>> timed;
    for (size_t i = 0; i < operations_.size(); ++i) {
      timed.push_back({operations_[i].called, {i, true}});
      if (operations_[i].returned != HistoryOperation::kNeverReturned) {
        timed.push_back({operations_[i].returned, {i, false}});
      }
    }
    std::ranges::sort(timed, {}, [](const auto& entry) { return entry.first; });
    events_.resize(1);
    for (const auto& [time, event] : timed) {
      const size_t index = events_.size();
      (event.is_call ? calls_ : returns_)[event.operation] = index;
      events_.push_back(event);
      events_[index].previous = index - 1;
      events_[index - 1].next = index;
    }
    events_.back().next = kHead;
    events_[kHead].previous = events_.size() - 1;
  }

  // Whether this set of linearized operations was not yet seen with this state.
  bool MarkIfNew(size_t operation, const HistoryValue& state) {
    taken_[operation / 64] |= uint64_t{1} << operation % 64;
    std::string key(reinterpret_cast<const char*>(taken_.data()), taken_.size() * 8);
    const uint64_t value[2] = {state.has_value(), state.value_or(0)};
    key.append(reinterpret_cast<const char*>(value), sizeof(value));
    if (seen_.insert(std::move(key)).second) return true;
    taken_[operation / 64] &= ~(uint64_t{1} << operation % 64);
    return false;
  }

  void Lift(size_t operation) {
    for (size_t index : {calls_[operation], returns_[operation]}) {
      if (index == kNone) continue;
      events_[events_[index].previous].next = events_[index].next;
      events_[events_[index].next].previous = events_[index].previous;
    }
  }

  void Unlift(size_t operation) {
    for (size_t index : {returns_[operation], calls_[operation]}) {
      if (index == kNone) continue;
      events_[events_[index].previous].next = index;
      events_[events_[index].next].previous = index;
    }
  }

  void NoteProgress() {
    if (taken_path_.size() <= longest_.size()) return;
    longest_.clear();
    for (const Taken& taken : taken_path_) longest_.push_back(taken.operation);
  }

  HistoryVerdict Failure() const {
    HistoryVerdict verdict;
    verdict.linearizable = false;
    verdict.explanation = "the longest order that fits ends with:\n";
    const size_t tail = std::min<size_t>(longest_.size(), 8);
    for (size_t i = longest_.size() - tail; i < longest_.size(); ++i) {
      verdict.explanation += "  " + ToString(operations_[longest_[i]]) + "\n";
    }
    verdict.explanation += "and none of these fits next:\n";
    size_t shown = 0;
    for (size_t i = 0; i < operations_.size() && shown < 12; ++i) {
      if (std::ranges::count(longest_, i) > 0) continue;
      verdict.explanation += "  " + ToString(operations_[i]) + "\n";
      ++shown;
    }
    return verdict;
  }

  const std::vector<HistoryOperation> operations_;
  std::vector<Event> events_;
  std::vector<uint64_t> taken_;
  std::vector<size_t> calls_;
  std::vector<size_t> returns_;
  std::vector<Taken> taken_path_;
  std::vector<size_t> longest_;
  std::unordered_set<std::string> seen_;
};

std::string ToString(const HistoryValue& value) {
  return value ? std::to_string(*value) : "absent";
}

}  // namespace

std::string ToString(const HistoryOperation& operation) {
  const bool returned = operation.returned != HistoryOperation::kNeverReturned;
  std::string text = "key " + std::to_string(operation.key) + " [" +
                     std::to_string(operation.called) + ", " +
                     (returned ? std::to_string(operation.returned) : "never") + "] ";
  switch (operation.kind) {
    case Kind::kGet:
      return text + "get -> " + ToString(operation.result);
    case Kind::kPut:
      return text + "put " + ToString(operation.argument);
    case Kind::kDelete:
      return text + "delete";
    case Kind::kAdd:
      return text + "add " + ToString(operation.argument);
    case Kind::kCompareAndSet:
      return text + "compare-and-set " + ToString(operation.expected) + " to " +
             ToString(operation.argument) + (operation.succeeded ? " -> done" : " -> refused");
  }
  return text;
}

HistoryOperation& History::Recorder::Call(HistoryOperation operation) {
  // order: seq_cst: the clock's order is the real-time order of calls and returns
  operation.called = history_->clock_.fetch_add(1, std::memory_order_seq_cst);
  operation.returned = HistoryOperation::kNeverReturned;
  return operations_.emplace_back(operation);
}

void History::Recorder::Return() {
  // order: seq_cst: as in Call
  operations_.back().returned = history_->clock_.fetch_add(1, std::memory_order_seq_cst);
}

History::Recorder& History::NewRecorder() {
  MutexLock lock(mutex_);
  return recorders_.emplace_back(this);
}

std::vector<HistoryOperation> History::Operations() const {
  std::vector<HistoryOperation> all;
  for (const Recorder& recorder : recorders_) {
    all.insert(all.end(), recorder.operations_.begin(), recorder.operations_.end());
  }
  return all;
}

HistoryVerdict CheckLinearizable(std::span<const HistoryOperation> operations) {
  std::map<uint64_t, std::vector<HistoryOperation>> by_key;
  for (const HistoryOperation& operation : operations) by_key[operation.key].push_back(operation);
  for (auto& [key, of_key] : by_key) {
    std::ranges::sort(of_key, {}, &HistoryOperation::called);
    HistoryVerdict verdict = KeySearch(std::move(of_key)).Run();
    if (!verdict.linearizable) return verdict;
  }
  return {};
}

}  // namespace moraine
