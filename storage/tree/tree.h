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
#include "storage/tree/paging.h"
#include "storage/tree/tree_environment.h"
#include "storage/tree/update.h"

namespace moraine {

struct PageLoad;

// Where a commit stands: durable once the log is stable up to `end`.
struct CommitPosition {
  Lsn lsn;
  Lsn end;
};

struct TreeStats {
  uint64_t pages = 0;
  uint64_t inner_pages = 0;
  uint64_t pages_out = 0;  // leaves of which there is no base in memory; not in what follows
  uint64_t records = 0;    // keys present in the latest state
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
  // A tree whose pages are on disk: the engine has set the words of `root`.
  static absl::StatusOr<std::unique_ptr<Tree>> Adopt(const TreeEnvironment& environment, TreeId id,
                                                     const MergeOperator* merge, PageId root);
  ~Tree();  // frees the memory of every page; no thread may be inside

  TreeId id() const { return id_; }
  PageId root() const { return root_; }
  const MergeOperator* merge_operator() const { return merge_; }
  // Recovery learns an operator after it made the tree.
  void SetMergeOperatorExclusive(const MergeOperator* merge) { merge_ = merge; }
  // From now on every operation fails with NotFound.
  void MarkDropped();
  bool dropped() const;
  // Frees the memory and the ids of all pages of a dropped tree that no thread is inside any more.
  void FreePagesExclusive();
  // The same for a tree with pages on disk: frees the memory of every page, then calls `release`
  // with its id, once each; what is on disk and the id are the caller's. Loads inner pages.
  absl::Status ReleasePages(absl::FunctionRef<void(PageId)> release);

  // Calls `found` with the value visible at `point`, inside a guard; false when there is none.
  absl::StatusOr<bool> Get(std::string_view key, ReadPoint point,
                           absl::FunctionRef<void(std::string_view)> found);

  // Calls `found` for every key of `keys` that is present, with its index, in any order. Pages that
  // are out of memory are read together.
  absl::Status MultiGet(std::span<const std::string_view> keys, ReadPoint point,
                        absl::FunctionRef<void(size_t, std::string_view)> found);

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
  // When it has to be read from disk, up to `ahead` leaves to the right of it come along.
  absl::Status ReadLeaf(std::string_view key, ReadPoint point, std::string* block,
                        uint32_t ahead = 0);
  // The same for the leaf that holds the largest keys < `key`; for all keys when `key` is nullopt.
  absl::Status ReadLeafBefore(std::optional<std::string_view> key, ReadPoint point,
                              std::string* block);

  // Replaces an empty tree's content by leaf blocks in key order, the first with an empty low
  // fence, each beginning where the one before ends. No other thread may use the tree.
  class Loader;

  // Paging (architecture.md 5, 8). All but IsDirty, AfterPublish and Evict: outside guards; they
  // wait for the device.

  // Brings pages of this tree into memory, those that are there already excepted, all of them in
  // one submission. kReserve: for whoever makes room; never waits for room itself.
  absl::Status LoadPages(std::span<const PageId> pages, ChargeKind charge = ChargeKind::kOrdinary);

  enum class CaptureResult : uint8_t {
    kCaptured,
    kClean,      // nothing to write; with `before`: nothing with a timestamp below it
    kNeedsLoad,  // load *other first
    kFirst,      // capture and publish the group of *other first
    kGone,       // no page of this tree, or one that is being made right now
  };
  // Hands out what has to be written of the group that `page` belongs to: a page and every page
  // never written that its image refers to. They are to be published together. `before` zero: all
  // there is. With any result but kCaptured, or an error, what was handed out is to be forgotten.
  // One caller at a time for a page, until what it captured is published.
  // kBase: the page itself, dirty or not, is written whole, so that all its pieces are replaced.
  enum class CaptureForm : uint8_t { kAsNeeded, kBase };
  absl::StatusOr<CaptureResult> CaptureGroup(
      PageId page, Timestamp before, CaptureForm form,
      absl::FunctionRef<absl::Status(const PageCapture&)> emit, PageId* other);
  // The page's new pieces, which hold every update with ts < `covers`, are published.
  void AfterPublish(PageId page, uint64_t covers);
  // Takes the page out of memory, but for what is not written yet.
  EvictResult Evict(PageId page);
  // Whether the page holds something with ts < `before` (zero: anything) that is not on disk. Says
  // yes when in doubt.
  bool IsDirty(PageId page, Timestamp before);
  // Recovery: makes the parent level know `page`, which is of `level` and begins at `separator`.
  absl::Status PostRecovered(uint32_t level, std::string_view separator, PageId page);

  TreeStats Stats();
  // Walks all pages, loading them, and reports what is wrong, as text with the page and key; empty when nothing
  // is.
  void Verify(absl::FunctionRef<void(std::string where, std::string what)> report, uint64_t* pages,
              uint64_t* records);

 private:
  friend class TransactionCommit;

  // A leaf and what its page word said. When that word is not resident, `inner` tells whether the
  // page is one that the descent has to pass before it can tell the leaf; and `parent` is the page
  // that led there.
  struct Leaf {
    PageId page;
    MemWord word;
    PageId parent;
    MemWord parent_word;
    bool inner = false;
  };
  // Where a page of some level was found: entry `index` of the parent, unless it is the root. No
  // page: there is no such level, or `missing`, an inner page on the way, is out of memory.
  struct Place {
    PageId page;
    MemWord word;
    PageId missing;
    MemWord parent_word;
    uint32_t index = 0;
  };
  enum class Loading : uint8_t { kNever, kInner, kAll };  // which pages a walk brings into memory
  enum class LookupResult : uint8_t { kAbsent, kFound, kUnknown };  // kUnknown: the base would tell
  enum class InstallResult : uint8_t {
    kInstalled,
    kBlocked,
    kKept,
    kTooLarge,
    kNoMemory,
    kNeedsLoad,
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
    PageId missing;  // with kNeedsLoad
  };

  Tree(const TreeEnvironment& environment, TreeId id, const MergeOperator* merge);

  // tree.cc. All below: inside a guard.
  enum class Purpose : uint8_t { kSearch, kInstall };
  Leaf FindLeaf(std::string_view key, Purpose purpose);
  PageId FindPage(std::string_view key, uint32_t level);
  Leaf FindLeafBefore(std::string_view key, uint32_t level = 0);
  Leaf FindLastLeaf();
  LookupResult Lookup(const PageImage& image, std::string_view key, ReadPoint point,
                      absl::FunctionRef<void(std::string_view)> found);
  LookupResult TryGet(TreeThread& thread, std::string_view key, ReadPoint point,
                      absl::FunctionRef<void(std::string_view)> found, PageId* missing,
                      bool counts);
  Examination Examine(const ReadItem& item, std::string_view from, const Examiner& examiner);
  void FoldForReaders(TreeThread& thread, const Leaf& leaf);
  void CopyVisible(TreeThread& thread, MemWord word, ReadPoint point, std::string* block);
  absl::Status CheckUsable() const;
  void Admit(PageId page) {
    if (environment_.service != nullptr) environment_.service->Admit(page);
  }
  uint64_t StructurePosition(PageId page, BlockView block) const;

  // tree_write.cc
  InstallResult Install(TreeThread& thread, Installation* installation);
  bool MayInstallBlind(const Leaf& leaf, const Installation& installation) const;
  bool ReplayedAlready(const Leaf& leaf, const Installation& installation) const;
  void AssistNowAndThen(TreeThread& thread);
  bool Decide(const PageImage& image, Installation* installation);
  Version* MakeVersion(TreeThread& thread, const Installation& installation, uint32_t delta_slots);
  const Delta* MakeDelta(TreeThread& thread, Version* version, const PageImage& image);
  template <class Record>
  std::optional<CommitPosition> Commit(TreeThread& thread, Version* version, const Record& record);
  template <class MakeRecord>
  InstallResult TryWrite(TreeThread& thread, Installation* installation, MakeRecord make_record,
                         CommitPosition* position);
  absl::Status AfterFailure(InstallResult result, const Installation& installation,
                            bool* reclaimed);
  absl::Status MakeRoom(uint64_t bytes, bool* reclaimed);
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
  bool SplitInner(TreeThread& thread, PageId page, MemWord word, const BlockSpec& spec,
                  std::span<const PendingEntry> entries, bool append);
  bool ReplaceRoot(TreeThread& thread, MemWord word, uint32_t level,
                   std::span<const std::string> separators, std::span<const PageId> children);
  char* NewBlock(TreeThread& thread, const BlockSpec& spec, std::span<const PendingEntry> entries);

  // tree_walk.cc
  Place FindPlace(std::string_view key, uint32_t level);
  std::optional<std::string> KeyAfter(const Place& place) const;
  void GatherMissing(std::string_view key, uint32_t most, std::vector<PageId>* pages);
  absl::StatusOr<uint32_t> RootLevel(Loading loading);
  absl::Status WalkLevel(uint32_t level, Loading loading,
                         absl::FunctionRef<void(const Place&)> visit);
  void CountPage(TreeThread& thread, const Place& place, TreeStats* stats);
  bool VerifyPage(TreeThread& thread, const Place& place, std::string* expected_low,
                  absl::FunctionRef<void(std::string, std::string)> report, uint64_t* records);
  void FreeImage(TreeThread& thread, const PageImage& image);
  absl::Status CollectPages(Loading loading, std::vector<PageId>* pages);
  std::vector<PageId> FindPagesExclusive();

  // tree_load.cc
  absl::Status LoadOnce(std::span<const PageId> pages, ChargeKind charge);
  absl::StatusOr<bool> InstallLoaded(TreeThread& thread, PageLoad& load, ChargeKind charge);
  absl::StatusOr<char*> MergePieces(TreeThread& thread, const PageLoad& load, ChargeKind charge);
  // tree_evict.cc
  uint64_t CoversOf(PageId page, const PageImage& image) const;
  bool ReplaceBase(TreeThread& thread, PageId page, MemWord word, const char* base,
                   uint64_t covers);
  bool EnsurePosted(TreeThread& thread, PageId page, BlockView block);
  bool HasResidentChild(BlockView block) const;
  void PackDiskWord(TreeThread& thread, PageId page);
  // tree_capture.cc
  struct Group;
  struct Captured;
  bool NeverWritten(PageId page) const {
    return page != kNoPage && environment_.table->LoadDisk(page).none();
  }
  bool HoldsUnwritten(const PageImage& image, uint64_t covers, uint64_t before) const;
  absl::StatusOr<CaptureResult> FindGroupHead(PageId* page);
  bool WantsBase(PageId page, const PageImage& image, const DiskCopy& disk, uint64_t covers,
                 uint64_t bytes) const;
  void BuildFragment(TreeThread& thread, uint64_t covers, uint64_t position, Captured* captured);
  void BuildBase(TreeThread& thread, const PageImage& image, uint64_t position, Captured* captured);
  CaptureResult TryCapture(TreeThread& thread, PageId page, CaptureForm form, Captured* captured);
  absl::StatusOr<CaptureResult> CapturePage(TreeThread& thread, Group& group, PageId page,
                                            CaptureForm form);

  const TreeEnvironment& environment_;
  const TreeId id_;
  const MergeOperator* merge_;
  PageId root_;
  Atomic<uint32_t> dropped_{0};
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_TREE_H_
