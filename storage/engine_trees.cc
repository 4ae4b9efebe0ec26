// Creating, dropping and renaming trees: logged writes to the catalog, one at a time.
#include <utility>

#include "storage/base/status_macros.h"
#include "storage/engine_implementation.h"
#include "storage/sync/backoff.h"

namespace moraine {
namespace {

constexpr size_t kMostNameBytes = 255;

absl::Status CheckName(std::string_view name) {
  if (!name.empty() && name.size() <= kMostNameBytes) return absl::OkStatus();
  return absl::InvalidArgumentError("a tree's name has 1 to " + std::to_string(kMostNameBytes) +
                                    " bytes, not " + std::to_string(name.size()));
}

}  // namespace

absl::StatusOr<Tree*> EngineImplementation::CreateTree(std::string_view name,
                                                       const TreeOptions& options) {
  MORAINE_RETURN_IF_ERROR(CheckWritable());
  MORAINE_RETURN_IF_ERROR(CheckName(name));
  MutexLock lock(structure_mutex_);
  if (catalog_->Find(name).ok())
    return absl::AlreadyExistsError("there is a tree '" + std::string(name) + "' already");
  MORAINE_ASSIGN_OR_RETURN(const MergeOperator* merge,
                           catalog_->FindOperator(options.merge_operator));
  MORAINE_ASSIGN_OR_RETURN(Tree * tree, catalog_->AddTree(merge));
  TreeInfo info{std::string(name), tree->id(), options.merge_operator};
  absl::StatusOr<CommitPosition> position =
      catalog_->names().Write(VersionKind::kPut, name, EncodeTreeEntry(info));
  absl::Status durable =
      position.ok() ? Acknowledge(*position, Durability::kSync).status() : position.status();
  if (!durable.ok()) return durable;
  return tree;
}

absl::StatusOr<Tree*> EngineImplementation::OpenTree(std::string_view name) {
  MORAINE_RETURN_IF_ERROR(CheckName(name));
  MORAINE_ASSIGN_OR_RETURN(TreeInfo info, catalog_->Find(name));
  Tree* tree = catalog_->FindById(info.id);
  if (tree == nullptr)
    return absl::NotFoundError("there is no tree '" + std::string(name) + "'; create it first");
  return tree;
}

absl::StatusOr<std::vector<TreeInfo>> EngineImplementation::ListTrees() {
  MORAINE_ASSIGN_OR_RETURN(EngineSnapshot snapshot, TakeSnapshot());
  return catalog_->List({snapshot.timestamp().value()});
}

absl::Status EngineImplementation::DropTree(std::string_view name) {
  MORAINE_RETURN_IF_ERROR(CheckWritable());
  MutexLock lock(structure_mutex_);
  MORAINE_ASSIGN_OR_RETURN(TreeInfo info, catalog_->Find(name));
  MORAINE_ASSIGN_OR_RETURN(CommitPosition position,
                           catalog_->names().Write(VersionKind::kDelete, name, {}));
  Tree* tree = catalog_->FindById(info.id);
  tree->MarkDropped();
  MORAINE_RETURN_IF_ERROR(Acknowledge(position, Durability::kSync).status());
  // Whoever was inside when the mark was set has left once the grace periods are over; others turn
  // back at the mark.
  heap_->WaitForGuards();
  return pager_->ReleaseTree(*tree);
}

absl::Status EngineImplementation::RenameTree(std::string_view from, std::string_view to) {
  MORAINE_RETURN_IF_ERROR(CheckWritable());
  MORAINE_RETURN_IF_ERROR(CheckName(to));
  MutexLock lock(structure_mutex_);
  MORAINE_ASSIGN_OR_RETURN(TreeInfo info, catalog_->Find(from));
  if (catalog_->Find(to).ok())
    return absl::AlreadyExistsError("there is a tree '" + std::string(to) + "' already");
  std::string entry = EncodeTreeEntry(info);
  TreeWrite writes[] = {{&catalog_->names(), VersionKind::kDelete, from, {}},
                        {&catalog_->names(), VersionKind::kPut, to, entry}};
  CommitRequest commit;
  commit.writes = writes;
  MORAINE_ASSIGN_OR_RETURN(CommitPosition position, TransactionCommit(environment_).Run(commit));
  return Acknowledge(position, Durability::kSync).status();
}

}  // namespace moraine
