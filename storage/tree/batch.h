// Atomic writes to several keys of several trees: every version carries the address of one status
// object, and one compare-and-swap on that object makes all of them take effect (architecture.md
// 4.4, 4.5 without reads).
//
// Conflicts: a batch meets an undecided version of its own key. Older wins: it aborts a younger
// batch (wound), a younger one waits a little and then aborts itself and starts anew with its old
// priority, so that some oldest batch always finishes. A single write in the way is waited for,
// then aborted and repeated by its owner.
#ifndef MORAINE_STORAGE_TREE_BATCH_H_
#define MORAINE_STORAGE_TREE_BATCH_H_

#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/tree/tree.h"

namespace moraine {

struct TreeWrite {
  Tree* tree = nullptr;
  VersionKind kind = VersionKind::kPut;
  std::string_view key;    // borrowed
  std::string_view value;  // borrowed
};

class BatchWriter {
 public:
  // `environment` is that of all the trees.
  explicit BatchWriter(const TreeEnvironment& environment) : environment_(environment) {}

  // All or nothing; a later write to a key wins over an earlier one. Outside a guard.
  absl::StatusOr<CommitPosition> Write(std::span<const TreeWrite> writes);

 private:
  enum class Attempt : uint8_t { kCommitted, kRetry, kNoMemory, kDropped };

  void Order(std::span<const TreeWrite> writes);
  std::string Payload() const;
  Attempt TryOnce(TreeThread& thread, StatusObject* status, const RecordBody& body,
                  CommitPosition* position);
  Attempt InstallAll(TreeThread& thread, StatusObject* status);
  bool GiveWay(Version* blocker, StatusObject* status);
  bool Commit(TreeThread& thread, StatusObject* status, const RecordBody& body,
              CommitPosition* position);

  const TreeEnvironment& environment_;
  std::vector<TreeWrite> writes_;    // by tree and key
  std::vector<Version*> installed_;  // of the attempt under way
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_BATCH_H_
