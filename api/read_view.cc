// Reads, all in terms of the engine's Get and cursors.
#include <utility>

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

absl::StatusOr<std::optional<Value>> ReadView::Get(const Tree& tree, std::string_view key) const {
  MORAINE_ASSIGN_OR_RETURN(moraine::Tree * target, Resolve(engine_, tree));
  std::optional<Value> value;
  absl::StatusOr<bool> found = engine_->Get(
      *target, key, snapshot_, [&value](std::string_view bytes) { value.emplace(bytes); });
  if (!found.ok()) return std::move(found).status();
  return value;
}

absl::StatusOr<bool> ReadView::Get(const Tree& tree, std::string_view key,
                                   std::string* value) const {
  MORAINE_ASSIGN_OR_RETURN(moraine::Tree * target, Resolve(engine_, tree));
  return engine_->Get(*target, key, snapshot_,
                      [value](std::string_view bytes) { value->assign(bytes); });
}

absl::StatusOr<bool> ReadView::Contains(const Tree& tree, std::string_view key) const {
  MORAINE_ASSIGN_OR_RETURN(moraine::Tree * target, Resolve(engine_, tree));
  return engine_->Get(*target, key, snapshot_, [](std::string_view) {});
}

absl::StatusOr<std::vector<std::optional<Value>>> ReadView::MultiGet(
    const Tree& tree, std::span<const std::string_view> keys) const {
  MORAINE_ASSIGN_OR_RETURN(moraine::Tree * target, Resolve(engine_, tree));
  // The latest state moves between two gets, so it is pinned for all of them.
  moraine::EngineSnapshot pinned;
  const moraine::EngineSnapshot* snapshot = snapshot_;
  if (snapshot == nullptr) {
    MORAINE_ASSIGN_OR_RETURN(pinned, engine_->TakeSnapshot());
    snapshot = &pinned;
  }
  std::vector<std::optional<Value>> values(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    auto found = engine_->Get(*target, keys[i], snapshot,
                              [&values, i](std::string_view bytes) { values[i].emplace(bytes); });
    if (!found.ok()) return std::move(found).status();
  }
  return values;
}

v1::Scan ReadView::Scan(const Tree& tree, Range range, Direction direction) const {
  return v1::Scan(engine_, snapshot_, tree, std::move(range), direction);
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
