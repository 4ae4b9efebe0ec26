// The engine's side and the reference's side of each kind of step, next to each other.
#include "tests/histories/replay.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

#include "storage/base/status_macros.h"

namespace moraine {
namespace {

using Kind = Step::Kind;

std::string Shown(const std::optional<std::string>& value) { return value ? "=" + *value : "none"; }

absl::StatusOr<std::string> TakeScan(Transaction& transaction, Tree& tree, const Step& step) {
  KeyInterval interval{step.key, std::nullopt};
  if (!step.other.empty()) interval.high = step.other;
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<Cursor> cursor,
                           transaction.NewCursor(tree, std::move(interval)));
  bool forward = step.kind == Kind::kScan;
  MORAINE_RETURN_IF_ERROR(forward ? cursor->SeekToFirst() : cursor->SeekToLast());
  std::string answer;
  for (uint64_t i = 0; cursor->Valid(); ++i) {
    absl::StrAppend(&answer, std::string(cursor->key()), "=", std::string(cursor->value()), ";");
    if (i + 1 == step.count) break;
    MORAINE_RETURN_IF_ERROR(forward ? cursor->Next() : cursor->Previous());
  }
  return answer;
}

absl::StatusOr<std::string> TakeGet(Transaction& transaction, Tree& tree, const Step& step) {
  std::optional<std::string> value;
  auto found = [&](std::string_view bytes) { value = bytes; };
  absl::StatusOr<bool> present = step.kind == Kind::kGet
                                     ? transaction.Get(tree, step.key, found)
                                     : transaction.GetForUpdate(tree, step.key, found);
  MORAINE_RETURN_IF_ERROR(present.status());
  return Shown(value);
}

std::optional<std::string_view> Maybe(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string_view>(text);
}

std::string Merged(uint32_t tree, const std::optional<std::string>& value,
                   const std::string& operand) {
  if (tree == kListTree) return value.value_or("") + operand;
  return std::to_string((value ? std::stoll(*value) : 0) + std::stoll(operand));
}

absl::Status TakeReadAppend(Transaction& transaction, Tree& tree, Step* step) {
  std::optional<std::string> list;
  MORAINE_RETURN_IF_ERROR(
      transaction.Get(tree, step->key, [&](std::string_view bytes) { list = bytes; }).status());
  step->answer = Shown(list);
  step->value = list.value_or("") + step->other;
  return transaction.Put(tree, step->key, step->value);
}

}  // namespace

std::string NumberedKey(uint64_t number) {
  std::string digits = std::to_string(number);
  return "key" + std::string(5 - std::min<size_t>(digits.size(), 5), '0') + digits;
}

Step RandomStep(Random& random, uint64_t keys, uint64_t padding) {
  constexpr Kind kKinds[] = {Kind::kGet,
                             Kind::kGet,
                             Kind::kGet,
                             Kind::kScan,
                             Kind::kScan,
                             Kind::kScanBackward,
                             Kind::kPut,
                             Kind::kPut,
                             Kind::kPut,
                             Kind::kDelete,
                             Kind::kMerge,
                             Kind::kMerge,
                             Kind::kGetForUpdate,
                             Kind::kCompareAndSwap,
                             Kind::kCompareAndSwap,
                             Kind::kDeleteRange,
                             Kind::kSavepoint,
                             Kind::kRollBack};
  Step step;
  step.kind = kKinds[random.Below(std::size(kKinds))];
  step.tree = step.kind == Kind::kMerge ? 1 : static_cast<uint32_t>(random.Below(kListTree));
  uint64_t number = random.Below(keys);
  step.key = NumberedKey(number);
  step.value = std::to_string(1 + random.Below(100));
  if (random.OneIn(8)) step.value = std::string(random.Below(40), '0') + step.value;
  if (padding > 0 && step.tree == 0)
    step.value = std::string(random.Below(padding), '0') + step.value;
  step.count = 1 + random.Below(12);
  if (step.kind == Kind::kCompareAndSwap) {
    if (!random.OneIn(3)) step.other = std::to_string(1 + random.Below(100));
    if (random.OneIn(4)) step.value.clear();
  } else if (step.kind == Kind::kDeleteRange || !random.OneIn(4)) {
    step.other = NumberedKey(number + 1 + random.Below(step.kind == Kind::kDeleteRange ? 4 : 20));
  }
  return step;
}

absl::Status Take(Transaction& transaction, const ReplayTrees& trees, Step* step) {
  Tree& tree = *trees[step->tree];
  switch (step->kind) {
    case Kind::kGet:
    case Kind::kGetForUpdate: {
      MORAINE_ASSIGN_OR_RETURN(step->answer, TakeGet(transaction, tree, *step));
      return absl::OkStatus();
    }
    case Kind::kScan:
    case Kind::kScanBackward: {
      MORAINE_ASSIGN_OR_RETURN(step->answer, TakeScan(transaction, tree, *step));
      return absl::OkStatus();
    }
    case Kind::kPut:
      return transaction.Put(tree, step->key, step->value);
    case Kind::kDelete:
      return transaction.Delete(tree, step->key);
    case Kind::kMerge:
      return transaction.Merge(tree, step->key, step->value);
    case Kind::kCompareAndSwap: {
      auto actual = [&](std::optional<std::string_view> value) {
        step->answer = "not" + Shown(value ? std::optional(std::string(*value)) : std::nullopt);
      };
      return transaction
          .CompareAndSwap(tree, step->key, Maybe(step->other), Maybe(step->value), actual)
          .status();
    }
    case Kind::kDeleteRange: {
      MORAINE_ASSIGN_OR_RETURN(uint64_t count,
                               transaction.DeleteRange(tree, {step->key, step->other}));
      step->answer = std::to_string(count);
      return absl::OkStatus();
    }
    case Kind::kReadAppend:
      return TakeReadAppend(transaction, tree, step);
    case Kind::kSavepoint:
      return transaction.SetSavepoint().status();
    case Kind::kRollBack: {
      // The newest savepoint; its number is in `count`.
      return step->count == 0 ? absl::OkStatus() : transaction.RollBackTo(step->count - 1);
    }
  }
  return absl::InternalError("no such step");
}

void Replay::LookFor(const ReplayMaps* left) {
  left_ = left;
  differing_ = 0;
  for (uint32_t tree = 0; tree < kReplayTrees; ++tree) {
    for (const auto& [key, value] : maps_[tree]) {
      auto at = (*left)[tree].find(key);
      if (at == (*left)[tree].end() || at->second != value) ++differing_;
    }
    for (const auto& [key, value] : (*left)[tree]) {
      if (!maps_[tree].contains(key)) ++differing_;
    }
  }
  if (differing_ == 0) found_at_ = 0;
}

void Replay::Assign(uint32_t tree, const std::string& key, std::optional<std::string> value) {
  auto differs = [&] {
    auto now = maps_[tree].find(key);
    auto then = (*left_)[tree].find(key);
    bool here = now != maps_[tree].end();
    bool there = then != (*left_)[tree].end();
    return here != there || (here && now->second != then->second);
  };
  if (left_ != nullptr && differs()) --differing_;
  if (value) {
    maps_[tree][key] = *std::move(value);
  } else {
    maps_[tree].erase(key);
  }
  if (left_ != nullptr && differs()) ++differing_;
}

void Replay::Set(const Step& step, const std::string& key, std::optional<std::string> value) {
  uint32_t tree = step.tree;
  auto found = maps_[tree].find(key);
  Undo undo{tree, key, std::nullopt, step.kind == Kind::kMerge};
  if (found != maps_[tree].end()) undo.before = found->second;
  undo_.push_back(std::move(undo));
  Assign(tree, key, std::move(value));
}

void Replay::TakeBack(size_t mark) {
  for (; undo_.size() > mark; undo_.pop_back()) {
    Undo& undo = undo_.back();
    Assign(undo.tree, undo.key, std::move(undo.before));
  }
}

std::string Replay::Scan(const Step& step) const {
  const auto& map = maps_[step.tree];
  auto begin = map.lower_bound(step.key);
  auto end = step.other.empty() ? map.end() : map.lower_bound(std::max(step.key, step.other));
  std::string answer;
  for (uint64_t i = 0; i < step.count && begin != end; ++i) {
    auto at = step.kind == Kind::kScan ? begin++ : --end;
    absl::StrAppend(&answer, at->first, "=", at->second, ";");
  }
  return answer;
}

std::string Replay::Answer(const Step& step) {
  auto found = maps_[step.tree].find(step.key);
  std::optional<std::string> value;
  if (found != maps_[step.tree].end()) value = found->second;
  switch (step.kind) {
    case Kind::kGet:
    case Kind::kGetForUpdate:
      return Shown(value);
    case Kind::kScan:
    case Kind::kScanBackward:
      return Scan(step);
    case Kind::kPut:
      Set(step, step.key, step.value);
      return {};
    case Kind::kDelete:
      Set(step, step.key, std::nullopt);
      return {};
    case Kind::kMerge:
      Set(step, step.key, Merged(step.tree, value, step.value));
      return {};
    case Kind::kCompareAndSwap:
      if (value.value_or("") != step.other) return "not" + Shown(value);
      if (!value && step.value.empty()) return {};  // absent it is and stays: no write
      Set(step, step.key,
          step.value.empty() ? std::nullopt : std::optional<std::string>(step.value));
      return {};
    case Kind::kDeleteRange: {
      std::vector<std::string> keys;
      for (auto at = found != maps_[step.tree].end() ? found
                                                     : maps_[step.tree].lower_bound(step.key);
           at != maps_[step.tree].end() && at->first < step.other; ++at)
        keys.push_back(at->first);
      for (const std::string& key : keys) Set(step, key, std::nullopt);
      return std::to_string(keys.size());
    }
    case Kind::kReadAppend:
      Set(step, step.key, step.value);
      return Shown(value);
    case Kind::kSavepoint:
      savepoints_.push_back(undo_.size());
      return {};
    case Kind::kRollBack:
      if (step.count == 0) return {};
      savepoints_.resize(step.count);
      TakeBack(savepoints_.back());
      return {};
  }
  return "no such step";
}

// Runs all steps on the maps as they are.
std::optional<std::string> Replay::Run(const Committed& transaction) {
  undo_.clear();
  savepoints_.clear();
  for (const Step& step : transaction.steps) {
    std::string answer = Answer(step);
    if (answer == step.answer) continue;
    return absl::StrCat("a transaction that read at ", transaction.read_position,
                        " and committed at ", transaction.position, " was told '", step.answer,
                        "' by step ", &step - transaction.steps.data(), " (kind ",
                        static_cast<int>(step.kind), ", tree ", step.tree, ", ", step.key, " ",
                        step.other, "), and ought to have been told '", answer, "'");
  }
  return std::nullopt;
}

// The net effect of the steps that have just run.
std::vector<Replay::Decision> Replay::Decisions() const {
  std::vector<Decision> decisions;
  for (uint32_t tree = 0; tree < kReplayTrees; ++tree) {
    std::map<std::string, std::vector<const Undo*>> of_key;
    for (const Undo& undo : undo_) {
      if (undo.tree == tree) of_key[undo.key].push_back(&undo);
    }
    for (const auto& [key, writes] : of_key) {
      Decision decision{tree, key, std::nullopt};
      auto found = maps_[tree].find(key);
      if (found != maps_[tree].end()) decision.value = found->second;
      decision.merge = std::all_of(writes.begin(), writes.end(),
                                   [](const Undo* write) { return write->merged; });
      if (decision.merge) {
        const std::optional<std::string>& before = writes.front()->before;
        decision.value =
            std::to_string(std::stoll(*decision.value) - (before ? std::stoll(*before) : 0));
      }
      decisions.push_back(std::move(decision));
    }
  }
  return decisions;
}

std::optional<std::string> Replay::CheckReads(const Event& event) {
  std::optional<std::string> wrong = Run(*event.transaction);
  decided_[event.transaction] = Decisions();
  TakeBack(0);
  return wrong;
}

// Under snapshot isolation a commit applies what was decided at the snapshot.
std::optional<std::string> Replay::Apply(const Committed& transaction) {
  Step step;
  undo_.clear();
  for (const Decision& decision : decided_[&transaction]) {
    step.tree = decision.tree;
    if (decision.merge) {
      auto found = maps_[step.tree].find(decision.key);
      std::optional<std::string> value;
      if (found != maps_[step.tree].end()) value = found->second;
      Set(step, decision.key, Merged(step.tree, value, *decision.value));
      continue;
    }
    uint64_t last = last_written_[decision.tree][decision.key];
    if (last >= transaction.read_position) {
      return absl::StrCat("lost update: ", decision.key, " was written at ", last,
                          " between the snapshot at ", transaction.read_position,
                          " and the commit at ", transaction.position);
    }
    Set(step, decision.key, decision.value);
  }
  return std::nullopt;
}

std::optional<std::string> Replay::CheckCommit(const Event& event) {
  const Committed& transaction = *event.transaction;
  bool snapshot = transaction.isolation == Isolation::kSnapshot;
  std::optional<std::string> wrong = snapshot ? Apply(transaction) : Run(transaction);
  for (const Undo& undo : undo_) last_written_[undo.tree][undo.key] = transaction.position;
  return wrong;
}

std::optional<std::string> Replay::Check(std::vector<Committed>* history) {
  std::vector<Event> events;
  for (Committed& transaction : *history) {
    bool at_snapshot = transaction.isolation != Isolation::kSerializable || !transaction.wrote;
    if (at_snapshot) events.push_back({transaction.read_position, false, &transaction});
    if (transaction.wrote) events.push_back({transaction.position, true, &transaction});
  }
  // A snapshot at the very position of a commit does not see it.
  std::sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
    return a.position != b.position ? a.position < b.position : a.commit < b.commit;
  });
  for (const Event& event : events) {
    std::optional<std::string> wrong = event.commit ? CheckCommit(event) : CheckReads(event);
    if (wrong) return wrong;
    if (event.commit && left_ != nullptr && differing_ == 0) found_at_ = event.position;
  }
  decided_.clear();
  return std::nullopt;
}

}  // namespace moraine
