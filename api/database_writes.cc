// The writes of Database. Single writes go straight to the engine; the conditional ones are
// decisions handed to the engine's Update, which reads, decides and writes as one atomic step.
#include <utility>

#include "api/database_state.h"
#include "api/to_engine.h"
#include "api/tree_access.h"
#include "storage/base/status_macros.h"

namespace moraine::MORAINE_V1 {

namespace {

using internal::ToEngine;
using moraine::UpdateDecision;
using moraine::WriteKind;
using moraine::WriteOperation;

// The decision that makes the key hold `value`; nullopt: makes it absent.
template <class Text>
UpdateDecision Become(bool exists, const std::optional<Text>& value) {
  if (value.has_value()) return {UpdateDecision::Action::kPut, std::string(*value)};
  return {exists ? UpdateDecision::Action::kDelete : UpdateDecision::Action::kKeep, {}};
}

absl::Status Write(moraine::Engine* engine, WriteKind kind, const Tree& tree, std::string_view key,
                   std::string_view value, Durability durability) {
  moraine::Tree* target = internal::TreeAccess::Get(tree);
  if (target == nullptr) return internal::EmptyTreeHandle();
  return engine
      ->Write({.kind = kind, .tree = target, .key = key, .value = value}, ToEngine(durability))
      .status();
}

// Runs `decide` on the current value; it may run more than once, its last run counts.
absl::Status Update(moraine::Engine* engine, const Tree& tree, std::string_view key,
                    moraine::UpdateFunction decide, Durability durability) {
  moraine::Tree* target = internal::TreeAccess::Get(tree);
  if (target == nullptr) return internal::EmptyTreeHandle();
  return engine->Update(*target, key, decide, ToEngine(durability)).status();
}

void Remember(std::optional<std::string_view> bytes, std::optional<Value>* value) {
  value->reset();
  if (bytes.has_value()) value->emplace(*bytes);
}

}  // namespace

absl::Status Database::Put(const Tree& tree, std::string_view key, std::string_view value,
                           Durability durability) {
  MORAINE_RETURN_IF_ERROR(CheckOpen());
  return Write(engine_, WriteKind::kPut, tree, key, value, durability);
}

absl::Status Database::Delete(const Tree& tree, std::string_view key, Durability durability) {
  MORAINE_RETURN_IF_ERROR(CheckOpen());
  return Write(engine_, WriteKind::kDelete, tree, key, {}, durability);
}

absl::Status Database::Merge(const Tree& tree, std::string_view key, std::string_view operand,
                             Durability durability) {
  MORAINE_RETURN_IF_ERROR(CheckOpen());
  return Write(engine_, WriteKind::kMerge, tree, key, operand, durability);
}

absl::Status Database::Apply(const Batch& batch, Durability durability) {
  MORAINE_RETURN_IF_ERROR(CheckOpen());
  if (batch.empty()) return absl::OkStatus();
  std::vector<WriteOperation> operations;
  operations.reserve(batch.size());
  const std::string_view bytes = batch.bytes_;
  for (const Batch::Operation& from : batch.operations_) {
    WriteOperation operation;
    operation.tree = internal::TreeAccess::Get(from.tree);
    if (operation.tree == nullptr) return internal::EmptyTreeHandle();
    operation.kind = from.kind == Batch::Kind::kPut      ? WriteKind::kPut
                     : from.kind == Batch::Kind::kDelete ? WriteKind::kDelete
                                                         : WriteKind::kMerge;
    operation.key = bytes.substr(from.offset, from.key_size);
    operation.value = bytes.substr(from.offset + from.key_size, from.value_size);
    operations.push_back(operation);
  }
  return engine_->Apply(operations, ToEngine(durability)).status();
}

absl::StatusOr<CompareAndSwapResult> Database::CompareAndSwap(
    const Tree& tree, std::string_view key, std::optional<std::string_view> expected,
    std::optional<std::string_view> desired, Durability durability) {
  MORAINE_RETURN_IF_ERROR(CheckOpen());
  CompareAndSwapResult result;
  const auto decide = [&](std::optional<std::string_view> current) -> UpdateDecision {
    result.swapped = current == expected;
    if (result.swapped) return Become(current.has_value(), desired);
    Remember(current, &result.actual);
    return {};
  };
  MORAINE_RETURN_IF_ERROR(Update(engine_, tree, key, decide, durability));
  if (result.swapped) result.actual.reset();
  return result;
}

absl::StatusOr<std::optional<Value>> Database::GetAndSet(const Tree& tree, std::string_view key,
                                                         std::optional<std::string_view> value,
                                                         Durability durability) {
  MORAINE_RETURN_IF_ERROR(CheckOpen());
  std::optional<Value> previous;
  const auto decide = [&](std::optional<std::string_view> current) {
    Remember(current, &previous);
    return Become(current.has_value(), value);
  };
  MORAINE_RETURN_IF_ERROR(Update(engine_, tree, key, decide, durability));
  return previous;
}

absl::StatusOr<std::optional<Value>> Database::FetchAndUpdate(const Tree& tree,
                                                              std::string_view key,
                                                              UpdateFunction update,
                                                              Durability durability) {
  MORAINE_RETURN_IF_ERROR(CheckOpen());
  std::optional<Value> previous;
  const auto decide = [&](std::optional<std::string_view> current) {
    Remember(current, &previous);
    return Become(current.has_value(), update(current));
  };
  MORAINE_RETURN_IF_ERROR(Update(engine_, tree, key, decide, durability));
  return previous;
}

absl::StatusOr<std::optional<Record>> Database::PopFirst(const Tree& tree, Range range,
                                                         Durability durability) {
  return Pop(tree, range, Direction::kForward, durability);
}

absl::StatusOr<std::optional<Record>> Database::PopLast(const Tree& tree, Range range,
                                                        Durability durability) {
  return Pop(tree, range, Direction::kBackward, durability);
}

absl::StatusOr<std::optional<Record>> Database::Pop(const Tree& tree, const Range& range,
                                                    Direction direction, Durability durability) {
  MORAINE_RETURN_IF_ERROR(CheckOpen());
  // Lock-free: when the delete finds the key gone, another call has popped or deleted it.
  while (true) {
    MORAINE_ASSIGN_OR_RETURN(std::optional<Record> record, direction == Direction::kForward
                                                               ? First(tree, range)
                                                               : Last(tree, range));
    if (!record.has_value()) return record;
    MORAINE_ASSIGN_OR_RETURN(std::optional<Value> removed,
                             GetAndSet(tree, record->key, std::nullopt, durability));
    if (!removed.has_value()) continue;
    record->value = *std::move(removed);
    return record;
  }
}

}  // namespace moraine::MORAINE_V1
