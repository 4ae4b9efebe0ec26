// Reads, all in terms of Get and cursors, of the engine or of a transaction.
#include <utility>

#include "api/transaction_access.h"
#include "api/tree_access.h"
#include "storage/base/status_macros.h"
#include <moraine/read_view.h>

namespace moraine::MORAINE_V1 {

namespace {

// The engine's tree behind a handle, when both the view and the handle lead somewhere.
absl::StatusOr<moraine::Tree*> Resolve(const moraine::Engine* engine, const Tree& tree) {
  if (engine == nullptr) return internal::EmptyView();
  moraine::Tree* target = internal::TreeAccess::Get(tree);
  if (target == nullptr) return internal::EmptyTreeHandle();
  return target;
}

}  // namespace

absl::StatusOr<bool> ReadView::Read(const Tree& tree, std::string_view key,
                                    absl::FunctionRef<void(std::string_view)> found) const {
  MORAINE_ASSIGN_OR_RETURN(moraine::Tree * target, Resolve(engine_, tree));
  if (transaction_ != nullptr)
    return internal::TransactionAccess::Get(transaction_).Get(*target, key, found);
  return engine_->Get(*target, key, snapshot_, found);
}

absl::StatusOr<std::optional<Value>> ReadView::Get(const Tree& tree, std::string_view key) const {
  std::optional<Value> value;
  absl::StatusOr<bool> found =
      Read(tree, key, [&value](std::string_view bytes) { value.emplace(bytes); });
  if (!found.ok()) return std::move(found).status();
  return value;
}

absl::StatusOr<bool> ReadView::Get(const Tree& tree, std::string_view key,
                                   std::string* value) const {
  return Read(tree, key, [value](std::string_view bytes) { value->assign(bytes); });
}

absl::StatusOr<bool> ReadView::Contains(const Tree& tree, std::string_view key) const {
  return Read(tree, key, [](std::string_view) {});
}

absl::StatusOr<std::vector<std::optional<Value>>> ReadView::MultiGet(
    const Tree& tree, std::span<const std::string_view> keys) const {
  MORAINE_ASSIGN_OR_RETURN(moraine::Tree * target, Resolve(engine_, tree));
  // The latest state moves between two gets, so it is pinned for all of them.
  moraine::EngineSnapshot pinned;
  const moraine::EngineSnapshot* snapshot = snapshot_;
  if (snapshot == nullptr && transaction_ == nullptr) {
    MORAINE_ASSIGN_OR_RETURN(pinned, engine_->TakeSnapshot());
    snapshot = &pinned;
  }
  std::vector<std::optional<Value>> values(keys.size());
  auto take = [&values](size_t index, std::string_view bytes) { values[index].emplace(bytes); };
  if (transaction_ == nullptr) {
    MORAINE_RETURN_IF_ERROR(engine_->MultiGet(*target, keys, snapshot, take));
    return values;
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    auto found = Read(tree, keys[i], [&take, i](std::string_view bytes) { take(i, bytes); });
    if (!found.ok()) return std::move(found).status();
  }
  return values;
}

v1::Scan ReadView::Scan(const Tree& tree, Range range, Direction direction) const {
  absl::StatusOr<moraine::Tree*> target = Resolve(engine_, tree);
  if (!target.ok()) return v1::Scan(target.status(), std::move(range), direction);
  if (transaction_ == nullptr)
    return v1::Scan(engine_->NewCursor(**target, snapshot_), std::move(range), direction);
  moraine::Transaction& transaction = internal::TransactionAccess::Get(transaction_);
  auto cursor = transaction.NewCursor(**target, internal::ToInterval(range));
  return v1::Scan(std::move(cursor), std::move(range), direction);
}

absl::StatusOr<std::optional<Record>> ReadView::FirstOf(v1::Scan scan) const {
  std::optional<Record> record;
  if (auto it = scan.begin(); it != scan.end()) {
    const Entry entry = *it;
    record.emplace(Record{std::string(entry.key), Value(entry.value)});
  }
  if (!scan.status().ok()) return scan.status();
  return record;
}

absl::StatusOr<std::optional<Record>> ReadView::First(const Tree& tree, Range range) const {
  return FirstOf(Scan(tree, std::move(range), Direction::kForward));
}

absl::StatusOr<std::optional<Record>> ReadView::Last(const Tree& tree, Range range) const {
  return FirstOf(Scan(tree, std::move(range), Direction::kBackward));
}

absl::StatusOr<std::optional<Record>> ReadView::Before(const Tree& tree,
                                                       std::string_view key) const {
  return Last(tree, Between(Unbounded(), Excluding(key)));
}

absl::StatusOr<std::optional<Record>> ReadView::AtOrBefore(const Tree& tree,
                                                           std::string_view key) const {
  return Last(tree, Between(Unbounded(), Including(key)));
}

absl::StatusOr<std::optional<Record>> ReadView::AtOrAfter(const Tree& tree,
                                                          std::string_view key) const {
  return First(tree, Between(Including(key), Unbounded()));
}

absl::StatusOr<std::optional<Record>> ReadView::After(const Tree& tree,
                                                      std::string_view key) const {
  return First(tree, Between(Excluding(key), Unbounded()));
}

}  // namespace moraine::MORAINE_V1
