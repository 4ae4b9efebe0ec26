// The storage engine behind every door: one directory, many ordered trees, single operations and
// atomic batches, snapshots and cursors. This is the only header of storage that txn and api
// include. Thread safety: every member of Engine may be called by any number of threads at once
// unless it says otherwise; a Cursor belongs to one thread at a time. Errors: NotFound (a missing
// tree or database), AlreadyExists, InvalidArgument (sizes), FailedPrecondition (misuse, no merge
// operator, another process has the lock), ResourceExhausted (memory budget, full disk), DataLoss
// (damaged bytes: file, offset, expected and found), Aborted (conflict), Unavailable (device error;
// the engine is then read-only). An absent key is a value, never an error.
#ifndef MORAINE_STORAGE_ENGINE_H_
#define MORAINE_STORAGE_ENGINE_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/base/ids.h"
#include "storage/io/io.h"
#include "storage/space_report.h"
#include "storage/tree/merge_operator.h"
#include "storage/tree/read_item.h"
#include "storage/tree/update.h"

namespace moraine {

inline constexpr size_t kMostKeyBytes = size_t{4} << 10;
inline constexpr size_t kMostValueBytes = size_t{64} << 20;

// When a write's success is reported. All-or-nothing holds for each; what survives is always a
// prefix of the commit order.
enum class Durability : uint8_t {
  kSync,   // durable when the call returns
  kGroup,  // durable within the group interval
  kNone,   // durable at the next sync, checkpoint or when the log ring is written
};

struct EngineOptions {
  bool create_if_missing = false;
  bool error_if_exists = false;
  bool read_only = false;  // opens what is there, changes no file, refuses writes
  uint64_t memory_bytes = uint64_t{1} << 30;
  std::chrono::milliseconds group_interval{10};
  uint32_t leaf_bytes = 8192;  // target size of a leaf page, 4 to 32 KiB
  uint64_t log_ring_bytes = uint64_t{32} << 20;
  uint64_t log_segment_bytes = uint64_t{64} << 20;
  uint64_t data_segment_bytes = uint64_t{2} << 20;
  uint64_t data_file_bytes = uint64_t{256} << 20;
  // A checkpoint begins by itself when the log has grown by this much since the last one; what is
  // replayed after a crash is about twice as much at most.
  uint64_t checkpoint_log_bytes = uint64_t{512} << 20;
  // How much of the segments in use shall be alive, 0.3 to 0.95: more takes less disk and more
  // copying.
  double space_fill = 0.8;
  IoOptions io;
  Io* shared_io =
      nullptr;  // use this one (simulated device) instead of creating one from `io`; borrowed
  std::vector<std::shared_ptr<const MergeOperator>> merge_operators;  // beyond the built-in ones
  bool checkpoint_on_close = true;
};

struct TreeOptions {
  std::string merge_operator;  // "", or add, max, min, append, bit_or, or one given at open
};

struct TreeInfo {
  std::string name;
  TreeId id;
  std::string merge_operator;
};

class Tree;
class Engine;

enum class WriteKind : uint8_t { kPut = 1, kDelete = 2, kMerge = 3 };

struct WriteOperation {
  WriteKind kind = WriteKind::kPut;
  Tree* tree = nullptr;
  std::string_view key;    // borrowed for the duration of the call
  std::string_view value;  // put: the value; merge: the operand
};

// Pins one position of the commit order: reads at it see exactly the versions with a smaller
// timestamp, for ever. Move-only; costs one slot in a registry. Must not outlive the engine.
class EngineSnapshot {
 public:
  EngineSnapshot() = default;
  EngineSnapshot(EngineSnapshot&& other) noexcept;
  EngineSnapshot& operator=(EngineSnapshot&& other) noexcept;
  ~EngineSnapshot();
  Timestamp timestamp() const { return timestamp_; }
  bool valid() const { return engine_ != nullptr; }

 private:
  friend class Engine;
  Engine* engine_ = nullptr;
  void* slot_ = nullptr;
  Timestamp timestamp_;
};

// What a transaction wants to commit: writes, if nobody has changed what it read at its snapshot.
struct TransactionRequest {
  const EngineSnapshot* snapshot = nullptr;  // where it read; lives until the call returns
  std::span<const ReadItem> reads;
  std::span<const WriteOperation> writes;  // at least one; later ones win, merges stack up
  // Timestamp of the snapshot of its first try, which it keeps for all of them: the smaller one gets
  // its way. 0: that of this snapshot.
  uint64_t priority = 0;
};

// Walks the keys of one tree, both ways, as of one snapshot. Starts unpositioned. key() and value()
// are valid until the next call on the cursor.
class Cursor {
 public:
  virtual ~Cursor() = default;
  virtual bool Valid() const = 0;
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  // Positions at the first key >= `key` / the last key <= `key`; at the first or last key of the
  // tree.
  virtual absl::Status Seek(std::string_view key) = 0;
  virtual absl::Status SeekForPrevious(std::string_view key) = 0;
  virtual absl::Status SeekToFirst() = 0;
  virtual absl::Status SeekToLast() = 0;
  virtual absl::Status Next() = 0;
  virtual absl::Status Previous() = 0;
};

struct EngineStats {
  uint64_t records = 0;  // keys in all user trees, counted by a scan of the pages (latest versions)
  uint64_t trees = 0;
  uint64_t pages = 0;
  uint64_t inner_pages = 0;
  uint64_t bytes_user = 0;  // keys and values
  uint64_t bytes_live = 0;  // of pages in memory
  uint64_t bytes_on_disk = 0;
  uint64_t log_segments = 0;
  uint64_t memory_bytes = 0;  // charged to the budget
  uint64_t memory_limit_bytes = 0;
  uint64_t log_tail = 0;
  uint64_t log_stable = 0;
  uint64_t log_device_bytes = 0;
  uint64_t log_device_writes = 0;
  uint64_t log_device_syncs = 0;
  uint64_t data_segments = 0;        // in use
  uint64_t data_file_bytes = 0;      // of the segment store
  uint64_t data_live_bytes = 0;      // of pieces that pages name
  uint64_t data_appended_bytes = 0;  // pieces written since opening
  uint64_t data_device_bytes = 0;    // the same, as the device saw it
  uint64_t pages_loaded = 0;         // from disk, since opening
  uint64_t pieces_loaded = 0;
  uint64_t load_submissions = 0;
  uint64_t load_bytes = 0;
  uint64_t pages_flushed = 0;
  uint64_t fragments_flushed = 0;
  uint64_t bases_flushed = 0;
  uint64_t pages_evicted = 0;
  uint64_t pages_on_disk = 0;  // pages that have pieces
  uint64_t pieces_on_disk = 0;
  uint64_t segments_cleaned = 0;  // since opening
  uint64_t bytes_moved = 0;       // copied by cleaning; part of data_appended_bytes
  uint64_t pages_rewritten = 0;   // written whole by cleaning
  uint64_t snapshots = 0;
  uint64_t recovered_records = 0;  // replayed from the log at open
  double recovery_seconds = 0;
  uint64_t checkpoint_lsn = 0;
  uint32_t format_version = 0;
  std::string io_backend;
  std::string io_fallback_reason;
};

// One thing wrong with a database, found by Verify.
struct VerifyFinding {
  std::string where;  // tree, page, key, or file and offset
  std::string what;
};
struct VerifyReport {
  uint64_t pages = 0;
  uint64_t records = 0;
  uint64_t log_records = 0;
  uint64_t disk_pages = 0;  // whose pieces were read and checked
  std::vector<VerifyFinding> findings;
};

class Engine {
 public:
  static absl::StatusOr<std::unique_ptr<Engine>> Open(const std::string& path,
                                                      const EngineOptions& options);
  virtual ~Engine() = default;  // closes; an error is lost, so call Close first
  // Checkpoints (unless told otherwise or read-only), flushes and closes files. No other call may
  // be running.
  virtual absl::Status Close() = 0;

  // Trees. A Tree* stays valid until the engine is destroyed, also when the tree was dropped
  // (operations then fail with NotFound). Names are 1 to 255 bytes.
  virtual absl::StatusOr<Tree*> CreateTree(std::string_view name,
                                           const TreeOptions& options) = 0;  // AlreadyExists
  virtual absl::StatusOr<Tree*> OpenTree(std::string_view name) = 0;         // NotFound
  virtual absl::Status DropTree(std::string_view name) = 0;
  virtual absl::Status RenameTree(std::string_view from, std::string_view to) = 0;
  virtual absl::StatusOr<std::vector<TreeInfo>> ListTrees() = 0;

  // Reads. `snapshot` nullptr: the latest committed state. The view passed to `found` lives for
  // that call only; it runs inside an epoch guard and must neither block nor call back into the
  // engine. Returns whether the key is present.
  virtual absl::StatusOr<bool> Get(Tree& tree, std::string_view key, const EngineSnapshot* snapshot,
                                   absl::FunctionRef<void(std::string_view)> found) = 0;
  // The same for many keys at once: calls `found` with the index of every key that is present, in any
  // order. What has to come from disk is read together. Without a snapshot each key is read at its
  // own latest state.
  virtual absl::Status MultiGet(Tree& tree, std::span<const std::string_view> keys,
                                const EngineSnapshot* snapshot,
                                absl::FunctionRef<void(size_t, std::string_view)> found) = 0;
  // `snapshot` is borrowed and must outlive the cursor; nullptr: the cursor takes and owns one.
  virtual absl::StatusOr<std::unique_ptr<Cursor>> NewCursor(Tree& tree,
                                                            const EngineSnapshot* snapshot) = 0;
  virtual absl::StatusOr<EngineSnapshot> TakeSnapshot() = 0;

  // Writes. Each returns the commit position.
  virtual absl::StatusOr<Lsn> Write(const WriteOperation& operation, Durability durability) = 0;
  // Reads, decides and writes as one atomic step. nullopt when the function kept the value.
  virtual absl::StatusOr<std::optional<Lsn>> Update(Tree& tree, std::string_view key,
                                                    UpdateFunction function,
                                                    Durability durability) = 0;
  // All or nothing, across trees; a later operation on a key wins over an earlier one of the batch.
  virtual absl::StatusOr<Lsn> Apply(std::span<const WriteOperation> batch,
                                    Durability durability) = 0;

  // Transactions; txn/ makes a usable thing of these. Aborted: a read item has changed, `*conflict`
  // says which. Unknown: the writes are visible, but the log failed before it could promise them.
  // Any other error: nothing was written.
  virtual absl::StatusOr<Lsn> CommitTransaction(const TransactionRequest& request,
                                                Durability durability, ReadConflict* conflict) = 0;
  // Whether a commit since `snapshot` has changed one of `reads` already.
  virtual absl::StatusOr<bool> AlreadyChanged(const EngineSnapshot& snapshot,
                                              std::span<const ReadItem> reads,
                                              ReadConflict* conflict) = 0;
  virtual const MergeOperator* MergeOperatorOf(const Tree& tree) const = 0;  // nullptr: none

  // Returns when everything committed before the call is durable.
  virtual absl::Status Flush() = 0;
  // Writes all pages as of one snapshot and lets the log before it go, so that reopening is
  // bounded.
  virtual absl::Status Checkpoint() = 0;

  // Lets up to `pages` pages leave memory, least useful ones first, after writing what is new of
  // them; how many left. What an application calls that needs the memory for something else.
  virtual absl::StatusOr<uint64_t> Trim(uint64_t pages) = 0;
  // Writes every page as one piece and moves what is alive together, until the files are about as
  // small as they can be; runs beside other work. Cancelled: `progress` returned false; what was
  // done so far stays.
  virtual absl::Status Compact(absl::FunctionRef<bool(const CompactProgress&)> progress) = 0;
  // Where the space of the data files goes. O(segments).
  virtual absl::StatusOr<SpaceReport> Space() = 0;
  virtual absl::StatusOr<EngineStats> Stats() = 0;
  // Checks every page, fence and key in memory and every checksum on disk; slow, runs beside other
  // work.
  virtual absl::StatusOr<VerifyReport> Verify() = 0;

 private:
  friend class EngineSnapshot;
  virtual void ReleaseSnapshot(EngineSnapshot& snapshot) = 0;

 protected:
  static void FillSnapshot(EngineSnapshot& snapshot, Engine* engine, void* slot,
                           Timestamp timestamp);
  static void* SlotOf(const EngineSnapshot& snapshot) { return snapshot.slot_; }
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_ENGINE_H_
