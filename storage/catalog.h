// Which trees a database has. The catalog is itself a tree (id 0): its keys are names, its values
// say id and merge operator of each tree, so that creating, dropping and renaming are ordinary
// logged writes.
//   value: varint tree id, varint length, merge operator's name
// Thread safety: all members, any thread; structural changes take a lock.
#ifndef MORAINE_STORAGE_CATALOG_H_
#define MORAINE_STORAGE_CATALOG_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/engine.h"
#include "storage/sync/mutex.h"
#include "storage/tree/tree.h"

namespace moraine {

std::string EncodeTreeEntry(const TreeInfo& info);
absl::StatusOr<TreeInfo> DecodeTreeEntry(std::string_view name, std::string_view value);

class Catalog {
 public:
  // `operators`: beyond the built-in ones. `environment` is borrowed.
  static absl::StatusOr<std::unique_ptr<Catalog>> Create(
      const TreeEnvironment& environment,
      std::vector<std::shared_ptr<const MergeOperator>> operators);

  Tree& names() { return *FindById(kCatalogTree); }
  // nullptr when no tree has the id.
  Tree* FindById(TreeId id);
  // Every tree object, dropped ones included.
  std::vector<Tree*> All();
  absl::StatusOr<const MergeOperator*> FindOperator(std::string_view name) const;

  // Makes the object of a tree, for a new tree (id chosen here) or, at recovery, for a known id.
  absl::StatusOr<Tree*> AddTree(const MergeOperator* merge);
  absl::StatusOr<Tree*> EnsureTree(TreeId id);
  // A tree of a checkpoint, whose pages the page table knows already.
  absl::StatusOr<Tree*> AdoptTree(TreeId id, PageId root);
  // Takes out a tree that no thread can be inside any more.
  void RemoveExclusive(TreeId id);

  // What the catalog says at `point`.
  absl::StatusOr<std::vector<TreeInfo>> List(ReadPoint point);
  absl::StatusOr<TreeInfo> Find(std::string_view name);
  // Gives every tree that has a name its operator. Before replay: the checkpoint's pages may be
  // ahead of its catalog.
  absl::Status NameTrees();
  // After replay: the same, and trees that no name leads to are marked as dropped and returned.
  absl::StatusOr<std::vector<Tree*>> FinishRecovery();

 private:
  Catalog(const TreeEnvironment& environment,
          std::vector<std::shared_ptr<const MergeOperator>> operators)
      : environment_(environment), operators_(std::move(operators)) {}

  const TreeEnvironment& environment_;
  const std::vector<std::shared_ptr<const MergeOperator>> operators_;
  Mutex mutex_;
  std::map<TreeId, std::unique_ptr<Tree>> trees_;
  uint32_t next_id_ = 0;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_CATALOG_H_
