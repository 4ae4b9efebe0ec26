// The engine: joins files, log, memory, page table and trees, and keeps their order of life.
#ifndef MORAINE_STORAGE_ENGINE_IMPLEMENTATION_H_
#define MORAINE_STORAGE_ENGINE_IMPLEMENTATION_H_

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "storage/cache/load_gate.h"
#include "storage/cache/page_reader.h"
#include "storage/catalog.h"
#include "storage/cleaner.h"
#include "storage/database_files.h"
#include "storage/engine.h"
#include "storage/log/log.h"
#include "storage/manifest.h"
#include "storage/memory/heap.h"
#include "storage/memory/memory_budget.h"
#include "storage/pager.h"
#include "storage/recovery.h"
#include "storage/segments/segment_store.h"
#include "storage/sync/mutex.h"
#include "storage/tree/log_pins.h"
#include "storage/tree/snapshot_registry.h"
#include "storage/tree/transaction_commit.h"

namespace moraine {

class EngineImplementation final : public Engine {
 public:
  explicit EngineImplementation(const EngineOptions& options);
  ~EngineImplementation() override;
  absl::Status OpenFiles(const std::string& path);

  absl::Status Close() override;
  absl::StatusOr<Tree*> CreateTree(std::string_view name, const TreeOptions& options) override;
  absl::StatusOr<Tree*> OpenTree(std::string_view name) override;
  absl::Status DropTree(std::string_view name) override;
  absl::Status RenameTree(std::string_view from, std::string_view to) override;
  absl::StatusOr<std::vector<TreeInfo>> ListTrees() override;
  absl::StatusOr<bool> Get(Tree& tree, std::string_view key, const EngineSnapshot* snapshot,
                           absl::FunctionRef<void(std::string_view)> found) override;
  absl::Status MultiGet(Tree& tree, std::span<const std::string_view> keys,
                        const EngineSnapshot* snapshot,
                        absl::FunctionRef<void(size_t, std::string_view)> found) override;
  absl::StatusOr<std::unique_ptr<Cursor>> NewCursor(Tree& tree,
                                                    const EngineSnapshot* snapshot) override;
  absl::StatusOr<EngineSnapshot> TakeSnapshot() override;
  absl::StatusOr<Lsn> Write(const WriteOperation& operation, Durability durability) override;
  absl::StatusOr<std::optional<Lsn>> Update(Tree& tree, std::string_view key,
                                            UpdateFunction function,
                                            Durability durability) override;
  absl::StatusOr<Lsn> Apply(std::span<const WriteOperation> batch, Durability durability) override;
  absl::StatusOr<Lsn> CommitTransaction(const TransactionRequest& request, Durability durability,
                                        ReadConflict* conflict) override;
  absl::StatusOr<bool> AlreadyChanged(const EngineSnapshot& snapshot,
                                      std::span<const ReadItem> reads,
                                      ReadConflict* conflict) override;
  const MergeOperator* MergeOperatorOf(const Tree& tree) const override;
  absl::Status Flush() override;
  absl::Status Checkpoint() override;
  absl::StatusOr<uint64_t> Trim(uint64_t pages) override;
  absl::Status Compact(absl::FunctionRef<bool(const CompactProgress&)> progress) override;
  absl::StatusOr<SpaceReport> Space() override;
  absl::StatusOr<EngineStats> Stats() override;
  absl::StatusOr<VerifyReport> Verify() override;

 private:
  void ReleaseSnapshot(EngineSnapshot& snapshot) override;

  absl::Status CheckOptions() const;
  absl::Status Recover();
  absl::Status OpenPages(const Manifest& manifest);
  absl::Status CheckWritable() const;
  absl::StatusOr<std::vector<TreeWrite>> TreeWrites(std::span<const WriteOperation> batch);
  absl::Status CheckSpace();
  absl::StatusOr<Lsn> Acknowledge(const CommitPosition& position, Durability durability);
  void WatchLog(Lsn lsn);
  uint64_t CheckpointLogBytes() const;
  absl::Status ReleaseSpace();
  absl::Status CommitCheckpoint(Manifest next);
  absl::Status AppendChunks(const TableCopy& copy, Manifest* next,
                            std::vector<PieceLocation>* replaced);
  absl::Status WriteManifest(const Manifest& next);
  absl::Status WriteCheckpoint(const TableCopy& copy, Manifest* next,
                               std::vector<PieceLocation>* replaced);
  absl::Status RemoveOldManifests();
  LogOptions MakeLogOptions() const;
  void AddPageStats(EngineStats* stats);
  std::vector<PageId> PagesInPieces(PageTable::Extent extent);
  absl::Status VerifyPieces(VerifyReport* report);
  absl::Status VerifyLogFiles(VerifyReport* report);

  const EngineOptions options_;
  MemoryBudget budget_;
  std::unique_ptr<Io> owned_io_;
  Io* io_ = nullptr;
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<File> lock_;
  Superblock superblock_;
  SnapshotRegistry snapshots_;
  LogPins pins_;
  std::unique_ptr<Heap> heap_;
  std::unique_ptr<PageTable> table_;
  std::unique_ptr<SegmentStore> store_;
  std::unique_ptr<PageReader> reader_;
  LoadGate gate_;
  std::unique_ptr<Log> log_;
  TreeEnvironment environment_;
  std::unique_ptr<Pager> pager_;
  std::unique_ptr<Cleaner> cleaner_;
  std::unique_ptr<Catalog> catalog_;

  Mutex structure_mutex_;        // creating, dropping, renaming trees
  Mutex full_checkpoint_mutex_;  // one that flushes at a time; before checkpoint_mutex_
  Mutex checkpoint_mutex_;       // one manifest at a time
  RecoveryResult recovered_;
  double recovery_seconds_ = 0;
  Manifest manifest_;                // of the checkpoint in force; under checkpoint_mutex_
  absl::Status checkpoint_health_;   // why no more checkpoints are made; under checkpoint_mutex_
  uint64_t checkpoint_records_ = 0;  // log records when it was written; under checkpoint_mutex_
  Atomic<uint64_t> checkpoint_due_{~uint64_t{0}};  // the log position that asks for the next one
  bool closed_ = false;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_ENGINE_IMPLEMENTATION_H_
