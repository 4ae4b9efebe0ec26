// One ordered tree of keys and values: a B-link tree (P. Lehman, S. B. Yao, 1981) whose pages are
// immutable and replaced by compare-and-swap through the page table (the Bw-tree, J. Levandoski et
// al., ICDE 2013). See README.md for what is done differently and why it is safe.
//
// Who may call what: everything from any thread, outside an epoch guard, unless the name ends in
// Exclusive. Progress: Get and cursors are lock-free against writers of other keys; they may make a
// writer of the same key reserve again, at most three times. Writes are lock-free apart from Admit
// (back-pressure) and from waiting for an undecided version of the same key, whose owner never
// waits while it is undecided unless it is a batch (bounded by wounding).
#ifndef MORAINE_STORAGE_TREE_TREE_H_
#define MORAINE_STORAGE_TREE_TREE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/base/ids.h"
#include "storage/tree/examine.h"
#include "storage/tree/merge_operator.h"
#include "storage/tree/operation_record.h"
#include "storage/tree/page_contents.h"
#include "storage/tree/tree_environment.h"
#include "storage/tree/update.h"

namespace moraine {

// Where a commit stands: durable once the log is stable up to `end`.
struct CommitPosition {
  Lsn lsn;
  Lsn end;
};

struct TreeStats {
  uint64_t pages = 0;
  uint64_t inner_pages = 0;
  uint64_t records = 0;  // keys present in the latest state
  uint64_t payload_bytes = 0;
  uint64_t memory_bytes = 0;  // charged for blocks, runs, deltas and versions
  uint32_t height = 0;
};

class Tree {
 public:
  // An empty tree. `merge` may be nullptr; both are borrowed. Until the environment has a log
  // (recovery) only Replay and a Loader may be used.
  static absl::StatusOr<std::unique_ptr<Tree>> Create(const TreeEnvironment& environment, TreeId id,
                                                      const MergeOperator* merge);
  ~Tree();  // frees every page; no thread may be inside

  TreeId id() const { return id_; }
  const MergeOperator* merge_operator() const { return merge_; }
  // Recovery learns an operator after it made the tree.
  void SetMergeOperatorExclusive(const MergeOperator* merge) { merge_ = merge; }
  // From now on every operation fails with NotFound.
  void MarkDropped();
  bool dropped() const;
  // Frees all pages of a dropped tree that no thread is inside any more.
  void FreePagesExclusive();

  // Calls `found` with the value visible at `point`, inside a guard; false when there is none.
  absl::StatusOr<bool> Get(std::string_view key, ReadPoint point,
                           absl::FunctionRef<void(std::string_view)> found);

  // One write, logged and committed.
  absl::StatusOr<CommitPosition> Write(VersionKind kind, std::string_view key,
                                       std::string_view value);
  // Reads, decides and writes in one step; nullopt when the decision was to keep.
  absl::StatusOr<std::optional<CommitPosition>> Update(std::string_view key,
                                                       UpdateFunction function);
  // Installs a version that is committed already. Recovery only: later calls for one key carry
  // larger timestamps.
  absl::Status Replay(VersionKind kind, std::string_view key, std::string_view value, Timestamp ts);

  // Copies what a reader at `point` sees of the leaf that covers `key` into `block`, as the bytes
  // of a plain block (no versions), valid until the next call. O(leaf).
  absl::Status ReadLeaf(std::string_view key, ReadPoint point, std::string* block);
  // The same for the leaf that holds the largest keys < `key`; for all keys when `key` is nullopt.
  absl::Status ReadLeafBefore(std::optional<std::string_view> key, ReadPoint point,
                              std::string* block);

  // Replaces an empty tree's content by leaf blocks in key order, the first with an empty low
  // fence, each beginning where the one before ends. No other thread may use the tree.
  class Loader;

  TreeStats Stats();
  // Walks all pages and reports what is wrong, as text with the page and key; empty when nothing
  // is.
  void Verify(absl::FunctionRef<void(std::string where, std::string what)> report, uint64_t* pages,
              uint64_t* records);

 private:
  friend class TransactionCommit;

  // A leaf and what its page word said.
  struct Leaf {
    PageId page;
    MemWord word;
  };
  enum class InstallResult : uint8_t {
    kInstalled,
    kBlocked,
    kKept,
    kTooLarge,
    kNoMemory,
    kDropped
  };
  // What to install. `version` is made once and reused from try to try; `blocker` is set with
  // kBlocked.
  struct Installation {
    VersionKind kind = VersionKind::kPut;
    std::string_view key;
    std::string_view value;
    TsWord word = TsWord::Pending(0);
    uint8_t fingerprint = 0;                 // of the key, filled in by Install
    const StatusObject* self = nullptr;      // own undecided versions are no obstacle
    const UpdateFunction* update = nullptr;  // decides kind and value
    uint64_t most_value_bytes = 0;           // with update: a larger decision is kTooLarge
    std::string decided_value;               // with update: what `value` refers to
    Version* version = nullptr;
    Version* blocker = nullptr;
  };

  Tree(const TreeEnvironment& environment, TreeId id, const MergeOperator* merge);

  // tree.cc. All below: inside a guard.
  enum class Purpose : uint8_t { kSearch, kInstall };
  Leaf FindLeaf(std::string_view key, Purpose purpose);
  PageId FindPage(std::string_view key, uint32_t level);
  Leaf FindLeafBefore(std::string_view key);
  Examination Examine(const ReadItem& item, std::string_view from, const Examiner& examiner);
  bool Lookup(const PageImage& image, std::string_view key, ReadPoint point,
              absl::FunctionRef<void(std::string_view)> found);
  void FoldForReaders(TreeThread& thread, const Leaf& leaf);
  void CopyVisible(TreeThread& thread, MemWord word, ReadPoint point, std::string* block);
  absl::Status CheckUsable() const;

  // tree_write.cc
  InstallResult Install(TreeThread& thread, Installation* installation);
  bool Decide(const PageImage& image, Installation* installation);
  Version* MakeVersion(TreeThread& thread, const Installation& installation, uint32_t delta_slots);
  const Delta* MakeDelta(TreeThread& thread, Version* version, const PageImage& image);
  template <class Record>
  std::optional<CommitPosition> Commit(TreeThread& thread, Version* version, const Record& record);
  template <class MakeRecord>
  InstallResult TryWrite(TreeThread& thread, Installation* installation, MakeRecord make_record,
                         CommitPosition* position);
  absl::Status AfterFailure(InstallResult result, bool* reclaimed);
  absl::StatusOr<std::optional<CommitPosition>> UpdateLarge(TreeThread& thread,
                                                            std::string_view key,
                                                            UpdateFunction function,
                                                            UpdateDecision wanted);
  absl::StatusOr<CommitPosition> WriteLarge(TreeThread& thread, VersionKind kind,
                                            std::string_view key, std::string_view value);

  // consolidate.cc
  bool Consolidate(TreeThread& thread, PageId page, MemWord word, bool into_block);
  bool FoldIntoRun(TreeThread& thread, PageId page, MemWord word);
  bool FoldIntoBlock(TreeThread& thread, PageId page, MemWord word);
  // structure.cc
  void PostSeparator(TreeThread& thread, uint32_t level, std::string_view separator, PageId right);
  bool InsertChild(TreeThread& thread, PageId page, MemWord word, std::string_view separator,
                   PageId child);
  bool ReplaceRoot(TreeThread& thread, MemWord word, uint32_t level,
                   std::span<const std::string> separators, std::span<const PageId> children);
  char* NewBlock(TreeThread& thread, const BlockSpec& spec, std::span<const PendingEntry> entries);

  // tree_free.cc, exclusive
  void FreePageTree(PageId page);
  void FreeImage(TreeThread& thread, const PageImage& image);

  const TreeEnvironment& environment_;
  const TreeId id_;
  const MergeOperator* merge_;
  PageId root_;
  Atomic<uint32_t> dropped_{0};
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_TREE_H_
