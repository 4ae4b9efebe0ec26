// The catalog tree and the objects of all trees.
#include "storage/catalog.h"

#include <algorithm>
#include <utility>

#include "storage/base/coding.h"
#include "storage/base/status_macros.h"
#include "storage/tree/tree_cursor.h"

namespace moraine {

std::string EncodeTreeEntry(const TreeInfo& info) {
  std::string value;
  char number[kMaxVarint64Bytes];
  value.append(number, static_cast<size_t>(PutVarint(number, info.id.value()) - number));
  value.append(number, static_cast<size_t>(PutVarint(number, info.merge_operator.size()) - number));
  return value + info.merge_operator;
}

absl::StatusOr<TreeInfo> DecodeTreeEntry(std::string_view name, std::string_view value) {
  ByteReader reader(value);
  TreeInfo info;
  info.name = std::string(name);
  uint64_t id = reader.Varint();
  info.id = TreeId(static_cast<uint32_t>(id));
  info.merge_operator = std::string(reader.LengthPrefixed());
  if (!reader.AtEnd() || id != info.id.value())
    return absl::DataLossError("the catalog entry of tree '" + info.name + "' cannot be read");
  return info;
}

absl::StatusOr<std::unique_ptr<Catalog>> Catalog::Create(
    const TreeEnvironment& environment,
    std::vector<std::shared_ptr<const MergeOperator>> operators) {
  for (const std::shared_ptr<const MergeOperator>& built_in : BuiltInMergeOperators())
    operators.push_back(built_in);
  std::unique_ptr<Catalog> catalog(
      new Catalog(environment, std::move(operators)));  // private constructor
  return catalog;
}

Tree* Catalog::FindById(TreeId id) {
  MutexLock lock(mutex_);
  auto found = trees_.find(id);
  return found == trees_.end() ? nullptr : found->second.get();
}

std::vector<Tree*> Catalog::All() {
  MutexLock lock(mutex_);
  std::vector<Tree*> all;
  for (const auto& [id, tree] : trees_) all.push_back(tree.get());
  return all;
}

absl::StatusOr<const MergeOperator*> Catalog::FindOperator(std::string_view name) const {
  if (name.empty()) return static_cast<const MergeOperator*>(nullptr);
  for (const std::shared_ptr<const MergeOperator>& candidate : operators_) {
    if (candidate->name() == name) return candidate.get();
  }
  return absl::FailedPreconditionError("no merge operator is called '" + std::string(name) +
                                       "'; pass it in the options when opening the database");
}

absl::StatusOr<Tree*> Catalog::AddTree(const MergeOperator* merge) {
  MutexLock lock(mutex_);
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<Tree> tree,
                           Tree::Create(environment_, TreeId(next_id_), merge));
  return trees_.emplace(TreeId(next_id_++), std::move(tree)).first->second.get();
}

absl::StatusOr<Tree*> Catalog::EnsureTree(TreeId id) {
  MutexLock lock(mutex_);
  auto found = trees_.find(id);
  if (found != trees_.end()) return found->second.get();
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<Tree> tree, Tree::Create(environment_, id, nullptr));
  next_id_ = std::max(next_id_, id.value() + 1);
  return trees_.emplace(id, std::move(tree)).first->second.get();
}

absl::StatusOr<Tree*> Catalog::AdoptTree(TreeId id, PageId root) {
  MutexLock lock(mutex_);
  if (trees_.contains(id)) {
    return absl::DataLossError("tree " + std::to_string(id.value()) + " is there twice");
  }
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<Tree> tree,
                           Tree::Adopt(environment_, id, nullptr, root));
  next_id_ = std::max(next_id_, id.value() + 1);
  return trees_.emplace(id, std::move(tree)).first->second.get();
}

void Catalog::RemoveExclusive(TreeId id) {
  MutexLock lock(mutex_);
  trees_.erase(id);
}

absl::StatusOr<std::vector<TreeInfo>> Catalog::List(ReadPoint point) {
  std::vector<TreeInfo> trees;
  TreeCursor cursor(&names(), point);
  MORAINE_RETURN_IF_ERROR(cursor.SeekToFirst());
  while (cursor.Valid()) {
    MORAINE_ASSIGN_OR_RETURN(TreeInfo info, DecodeTreeEntry(cursor.key(), cursor.value()));
    trees.push_back(std::move(info));
    MORAINE_RETURN_IF_ERROR(cursor.Next());
  }
  return trees;
}

absl::StatusOr<TreeInfo> Catalog::Find(std::string_view name) {
  std::string value;
  MORAINE_ASSIGN_OR_RETURN(bool found,
                           names().Get(name, ReadPoint(), [&](std::string_view v) { value = v; }));
  if (!found)
    return absl::NotFoundError("there is no tree '" + std::string(name) + "'; create it first");
  return DecodeTreeEntry(name, value);
}

absl::Status Catalog::NameTrees() {
  MORAINE_ASSIGN_OR_RETURN(std::vector<TreeInfo> named, List(ReadPoint()));
  for (const TreeInfo& info : named) {
    MORAINE_ASSIGN_OR_RETURN(Tree * tree, EnsureTree(info.id));
    MORAINE_ASSIGN_OR_RETURN(const MergeOperator* merge, FindOperator(info.merge_operator));
    tree->SetMergeOperatorExclusive(merge);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Tree*>> Catalog::FinishRecovery() {
  MORAINE_RETURN_IF_ERROR(NameTrees());
  MORAINE_ASSIGN_OR_RETURN(std::vector<TreeInfo> named, List(ReadPoint()));
  std::vector<TreeId> keep = {kCatalogTree};
  for (const TreeInfo& info : named) keep.push_back(info.id);
  std::vector<Tree*> nameless;
  for (Tree* tree : All()) {
    if (std::find(keep.begin(), keep.end(), tree->id()) != keep.end()) continue;
    tree->MarkDropped();
    nameless.push_back(tree);
  }
  return nameless;
}

}  // namespace moraine
