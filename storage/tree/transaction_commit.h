// Commits writes to several keys of several trees at one instant, if what was read before still
// stands (architecture.md 4.4, 4.5). Every version carries the address of one status object, and
// one compare-and-swap on that object makes all of them take effect.
//
// An attempt: install all versions, in key order -> Reserve a position -> examine every read item
// -> flip -> publish -> stamp. The examination follows Reserve, so whatever is installed behind it
// has a larger position. A reader that needs an earlier decision moves the status word's bound; then
// the attempt reserves again and examines everything again.
//
// Conflicts. Two undecided writes of a key, or an undecided write of a key that was read: the older
// transaction aborts the younger attempt (wound); a younger one waits a little, aborts its own
// attempt and starts anew with its old priority, so that some oldest one always gets through. A
// single write in the way of an install is waited for, then aborted and repeated by its owner. An
// older transaction whose thread has stopped is aborted, too (stall_watch.h). All of this stays
// inside Run. A committed write of something that was read cannot be mended here: Run
// gives up with Aborted, and its caller reads again.
//
// Between install and stamp no guard is held, so that long examinations do not hold back
// reclamation. Two rules make that safe: an aborted version stays linked until its owner has
// stamped it (CollectAbove), and a dropped tree's pages go only after the guards that saw it whole
// have ended, so versions are stamped under a guard after a look at the tree's mark. Once the word
// is flipped everybody may fold the versions away; flip and stamp share a guard.
//
// An owner of intents never waits for anything but other threads' short steps: neither Admit nor
// I/O nor memory. An attempt that meets pages out of memory, to examine or on the way to a leaf, is
// given up, the pages are loaded, and the next attempt begins.
#ifndef MORAINE_STORAGE_TREE_TRANSACTION_COMMIT_H_
#define MORAINE_STORAGE_TREE_TRANSACTION_COMMIT_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/tree/examine.h"
#include "storage/tree/read_item.h"
#include "storage/tree/tree.h"

namespace moraine {

struct TreeWrite {
  Tree* tree = nullptr;
  VersionKind kind = VersionKind::kPut;
  std::string_view key;    // borrowed
  std::string_view value;  // borrowed
};

struct CommitRequest {
  // A later write to a key wins over an earlier one; merges stack up.
  std::span<const TreeWrite> writes;
  std::span<const ReadItem> reads;
  uint64_t read_ts = 0;   // with reads: their position, registered until Run returns
  uint64_t priority = 0;  // the position at which the first try began; 0: now
};

// For one Run, on one thread.
class TransactionCommit {
 public:
  // `environment` is that of all the trees.
  explicit TransactionCommit(const TreeEnvironment& environment) : environment_(environment) {}

  // All or nothing. Outside a guard. Aborted: a read item has changed; `*conflict` (unless nullptr)
  // says which. NotFound: a tree was dropped. Nothing is left behind by an error.
  absl::StatusOr<CommitPosition> Run(const CommitRequest& request,
                                     ReadConflict* conflict = nullptr);

  // Whether something committed has changed a read item since `read_ts`: a transaction that would
  // not get through may as well stop. Ignores undecided writes.
  static absl::StatusOr<bool> AlreadyChanged(const TreeEnvironment& environment,
                                             std::span<const ReadItem> reads, uint64_t read_ts,
                                             ReadConflict* conflict);

 private:
  enum class Step : uint8_t { kDone, kRetry, kConflict, kNoMemory, kNeedsLoad, kDropped };
  struct MissingPage {
    Tree* tree;
    PageId page;
  };

  static absl::Status CheckOperators(std::span<const TreeWrite> writes);
  void Order(std::span<const TreeWrite> writes);
  std::string Payload() const;
  absl::Status AfterFailure(Step step);
  absl::Status LoadMissing();
  Step TryOnce(TreeThread& thread, StatusObject* status, const RecordBody& body,
               CommitPosition* position);
  Step InstallAll(TreeThread& thread, StatusObject* status);
  Step InstallOne(TreeThread& thread, StatusObject* status, const TreeWrite& write);
  bool GiveWay(TreeThread& thread, Version* blocker, StatusObject* status);
  Step Commit(TreeThread& thread, StatusObject* status, const RecordBody& body,
              CommitPosition* position);
  Step Validate(TreeThread& thread, StatusObject* status, uint64_t position);
  Step ValidateItem(TreeThread& thread, size_t index, const Examiner& examiner,
                    StatusObject* status);
  void StampAll(TreeThread& thread, StatusObject* status);

  const TreeEnvironment& environment_;
  std::span<const ReadItem> reads_;
  uint64_t read_ts_ = 0;
  ReadConflict conflict_;
  std::vector<TreeWrite> writes_;     // by tree and key
  std::vector<Version*> installed_;   // of the attempt under way, in the order of writes_
  std::vector<MissingPage> missing_;  // with kNeedsLoad
  bool reclaimed_ = false;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_TRANSACTION_COMMIT_H_
