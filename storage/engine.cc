// Opening, closing, and the operations of an open engine.
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <utility>

#include "storage/base/check.h"
#include "storage/base/status_macros.h"
#include "storage/engine_implementation.h"
#include "storage/tree/tree_cursor.h"

namespace moraine {
namespace {

#if defined(MORAINE_CHECKED)
constexpr uint32_t kRunEntries = 12;  // small, so that folds and splits happen within a few writes
#else
constexpr uint32_t kRunEntries = 64;
#endif
constexpr uint64_t kLeastRingBytes = uint64_t{1} << 20;
constexpr uint32_t kReadQueues = 64;
// Survivors of cleaning fill two streams, tables a third, and one is for whoever is in between.
constexpr uint64_t kReserveSegments = 4;
constexpr uint32_t kTableCapacity = uint32_t{1} << 26;

absl::Status CheckKey(std::string_view key) {
  if (key.size() <= kMostKeyBytes) return absl::OkStatus();
  return absl::InvalidArgumentError("a key of " + std::to_string(key.size()) + " bytes; at most " +
                                    std::to_string(kMostKeyBytes) + " are allowed");
}

absl::Status CheckSizes(std::string_view key, std::string_view value) {
  MORAINE_RETURN_IF_ERROR(CheckKey(key));
  if (value.size() <= kMostValueBytes) return absl::OkStatus();
  return absl::InvalidArgumentError("a value of " + std::to_string(value.size()) +
                                    " bytes; at most " + std::to_string(kMostValueBytes) +
                                    " are allowed");
}

ReadPoint PointOf(const EngineSnapshot* snapshot) {
  return snapshot == nullptr ? ReadPoint() : ReadPoint{snapshot->timestamp().value()};
}

// A tree cursor that keeps the snapshot it reads registered.
class EngineCursor final : public Cursor {
 public:
  EngineCursor(Tree* tree, ReadPoint point, EngineSnapshot owned)
      : owned_(std::move(owned)), cursor_(tree, point) {}
  bool Valid() const override { return cursor_.Valid(); }
  std::string_view key() const override { return cursor_.key(); }
  std::string_view value() const override { return cursor_.value(); }
  absl::Status Seek(std::string_view key) override { return cursor_.Seek(key); }
  absl::Status SeekForPrevious(std::string_view key) override {
    return cursor_.SeekForPrevious(key);
  }
  absl::Status SeekToFirst() override { return cursor_.SeekToFirst(); }
  absl::Status SeekToLast() override { return cursor_.SeekToLast(); }
  absl::Status Next() override { return cursor_.Next(); }
  absl::Status Previous() override { return cursor_.Previous(); }

 private:
  EngineSnapshot owned_;
  TreeCursor cursor_;
};

}  // namespace

EngineSnapshot::EngineSnapshot(EngineSnapshot&& other) noexcept
    : engine_(std::exchange(other.engine_, nullptr)),
      slot_(std::exchange(other.slot_, nullptr)),
      timestamp_(other.timestamp_) {}

EngineSnapshot& EngineSnapshot::operator=(EngineSnapshot&& other) noexcept {
  if (this == &other) return *this;
  if (engine_ != nullptr) engine_->ReleaseSnapshot(*this);
  engine_ = std::exchange(other.engine_, nullptr);
  slot_ = std::exchange(other.slot_, nullptr);
  timestamp_ = other.timestamp_;
  return *this;
}

EngineSnapshot::~EngineSnapshot() {
  if (engine_ != nullptr) engine_->ReleaseSnapshot(*this);
}

void Engine::FillSnapshot(EngineSnapshot& snapshot, Engine* engine, void* slot,
                          Timestamp timestamp) {
  snapshot.engine_ = engine;
  snapshot.slot_ = slot;
  snapshot.timestamp_ = timestamp;
}

absl::StatusOr<std::unique_ptr<Engine>> Engine::Open(const std::string& path,
                                                     const EngineOptions& options) {
  auto engine = std::make_unique<EngineImplementation>(options);
  MORAINE_RETURN_IF_ERROR(engine->OpenFiles(path));
  return engine;
}

EngineImplementation::EngineImplementation(const EngineOptions& options)
    : options_(options), budget_(options.memory_bytes) {}

EngineImplementation::~EngineImplementation() { static_cast<void>(Close()); }

absl::Status EngineImplementation::CheckOptions() const {
  if (options_.leaf_bytes < 4096 || options_.leaf_bytes > 32768) {
    return absl::InvalidArgumentError("leaf_bytes is " + std::to_string(options_.leaf_bytes) +
                                      "; choose 4096 to 32768");
  }
  if (!(options_.space_fill >= 0.3 && options_.space_fill <= 0.95)) {
    return absl::InvalidArgumentError("space_fill is " + std::to_string(options_.space_fill) +
                                      "; choose 0.3 to 0.95");
  }
  if (options_.read_only && options_.create_if_missing) {
    return absl::InvalidArgumentError("read_only and create_if_missing exclude each other");
  }
  return absl::OkStatus();
}

LogOptions EngineImplementation::MakeLogOptions() const {
  LogOptions log_options;
  log_options.database_id = superblock_.id;
  // Half of a small budget must not be spent on the log's ring.
  log_options.ring_bytes =
      std::min(options_.log_ring_bytes,
               std::bit_floor(std::max(options_.memory_bytes / 8, kLeastRingBytes)));
  log_options.segment_bytes = options_.log_segment_bytes;
  log_options.group_interval = options_.group_interval;
  return log_options;
}

absl::Status EngineImplementation::OpenFiles(const std::string& path) {
  MORAINE_RETURN_IF_ERROR(CheckOptions());
  io_ = options_.shared_io;
  if (io_ == nullptr) {
    MORAINE_ASSIGN_OR_RETURN(owned_io_, Io::Create(options_.io));
    io_ = owned_io_.get();
  }
  MORAINE_ASSIGN_OR_RETURN(directory_, io_->OpenDirectory(path, options_.create_if_missing));
  if (!options_.read_only) {
    MORAINE_ASSIGN_OR_RETURN(lock_, directory_->Lock(kLockName));
  }
  absl::StatusOr<Superblock> superblock = ReadSuperblock(*io_, *directory_);
  if (superblock.ok() && options_.error_if_exists) {
    return absl::AlreadyExistsError(path + ": a database is there already");
  }
  if (absl::IsNotFound(superblock.status()) && options_.create_if_missing) {
    Superblock fresh;
    MORAINE_ASSIGN_OR_RETURN(fresh.id, NewDatabaseId());
    MORAINE_RETURN_IF_ERROR(CreateSuperblock(*io_, *directory_, fresh));
    superblock = fresh;
  }
  if (absl::IsNotFound(superblock.status())) {
    return absl::NotFoundError(path + ": no database is there; create it first");
  }
  MORAINE_RETURN_IF_ERROR(superblock.status());
  superblock_ = *superblock;
  return Recover();
}

absl::Status EngineImplementation::OpenPages(const Manifest& manifest) {
  heap_ = std::make_unique<Heap>(&budget_);
  MORAINE_ASSIGN_OR_RETURN(table_, PageTable::Create(kTableCapacity, &budget_));
  SegmentStoreOptions store_options;
  store_options.database_id = superblock_.id;
  store_options.read_only = options_.read_only;
  store_options.segment_bytes = options_.data_segment_bytes;
  store_options.file_bytes = options_.data_file_bytes;
  store_options.reserve_segments = options_.read_only ? 0 : kReserveSegments;
  MORAINE_ASSIGN_OR_RETURN(
      store_, SegmentStore::Open(*io_, *directory_, store_options, manifest.store_state, &budget_));
  MORAINE_ASSIGN_OR_RETURN(reader_, PageReader::Create(*io_, *store_, kReadQueues, &budget_));
  environment_.table = table_.get();
  environment_.heap = heap_.get();
  environment_.snapshots = &snapshots_;
  environment_.pins = &pins_;
  environment_.store = store_.get();
  environment_.reader = reader_.get();
  environment_.gate = &gate_;
  environment_.leaf_bytes = options_.leaf_bytes;
  environment_.run_entries = kRunEntries;
  MORAINE_ASSIGN_OR_RETURN(catalog_, Catalog::Create(environment_, options_.merge_operators));
  Pager::Parts parts;
  parts.environment = &environment_;
  parts.store = store_.get();
  parts.find_tree = [this](TreeId id) -> Tree* {
    Tree* tree = catalog_->FindById(id);
    return tree == nullptr || tree->dropped() ? nullptr : tree;
  };
  parts.all_trees = [this] {
    std::vector<Tree*> trees = catalog_->All();
    std::erase_if(trees, [](Tree* tree) { return tree->dropped(); });
    return trees;
  };
  parts.after_flush = [this](uint64_t bytes) { cleaner_->Pay(bytes); };
  pager_ = std::make_unique<Pager>(std::move(parts));
  Cleaner::Parts cleaner;
  cleaner.store = store_.get();
  cleaner.pager = pager_.get();
  cleaner.release = [this] { return ReleaseSpace(); };
  cleaner.fill = options_.space_fill;
  cleaner_ = std::make_unique<Cleaner>(std::move(cleaner));
  environment_.service = pager_.get();
  return absl::OkStatus();
}

absl::Status EngineImplementation::Recover() {
  auto begin = std::chrono::steady_clock::now();
  MORAINE_ASSIGN_OR_RETURN(manifest_, ReadManifest(*io_, *directory_, superblock_));
  MORAINE_RETURN_IF_ERROR(OpenPages(manifest_));
  LogOptions log_options = MakeLogOptions();
  MORAINE_ASSIGN_OR_RETURN(
      recovered_,
      Recovery(*io_, *directory_, log_options, &environment_, catalog_.get()).Run(manifest_));
  if (!options_.read_only) {
    // Replay may have filled the memory to its limit.
    MORAINE_RETURN_IF_ERROR(pager_->MakeRoom(log_options.ring_bytes));
    MORAINE_ASSIGN_OR_RETURN(
        log_, Log::Open(*io_, *directory_, log_options, recovered_.log_end, &budget_));
    environment_.log = log_.get();
  }
  MORAINE_ASSIGN_OR_RETURN(std::vector<Tree*> nameless, catalog_->FinishRecovery());
  for (Tree* tree : nameless) MORAINE_RETURN_IF_ERROR(pager_->ReleaseTree(*tree));
  if (log_ != nullptr) {
    // order: relaxed: a threshold; nothing is published through it
    checkpoint_due_.store(manifest_.redo.value() + CheckpointLogBytes(), std::memory_order_relaxed);
    pager_->SetTablePieces(manifest_.chunks);
    pager_->Start([this] { return Checkpoint(); });
    cleaner_->Start();
  }
  recovery_seconds_ =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return absl::OkStatus();
}

absl::Status EngineImplementation::Close() {
  if (std::exchange(closed_, true)) return absl::OkStatus();
  absl::Status result;
  if (cleaner_ != nullptr) cleaner_->Stop();
  if (pager_ != nullptr) pager_->Stop();
  if (log_ != nullptr) {
    uint64_t changes = recovered_.replayed_records + log_->stats().records;
    bool changed = log_->Tail() > log_->Stable() || changes > checkpoint_records_;
    if (options_.checkpoint_on_close && changed) result = Checkpoint();
    if (absl::Status flushed = log_->Flush(); result.ok()) result = flushed;
  }
  catalog_.reset();
  cleaner_.reset();
  pager_.reset();
  log_.reset();
  environment_.log = nullptr;
  reader_.reset();
  store_.reset();
  table_.reset();
  heap_.reset();
  lock_.reset();
  directory_.reset();
  return result;
}

absl::Status EngineImplementation::CheckWritable() const {
  if (log_ != nullptr) return absl::OkStatus();
  return absl::FailedPreconditionError("the database is open for reading only");
}

// Whoever makes the database larger is refused while the disk is full; cleaning may make room, too.
absl::Status EngineImplementation::CheckSpace() {
  absl::Status room = store_->CheckSpace();
  if (!room.ok()) cleaner_->Notify();
  return room;
}

// Asks for a checkpoint when the log has grown enough since the last one.
void EngineImplementation::WatchLog(Lsn lsn) {
  // order: relaxed: a threshold; nothing is published through it
  if (lsn.value() >= checkpoint_due_.load(std::memory_order_relaxed)) pager_->RequestCheckpoint();
}

// Reports a commit when it is as durable as asked for.
absl::StatusOr<Lsn> EngineImplementation::Acknowledge(const CommitPosition& position,
                                                      Durability durability) {
  TreeThread& thread = environment_.Local();
  log_->Settle(thread.credit);
  MORAINE_DCHECK(!thread.heap().InGuard());
  WatchLog(position.lsn);
  if (durability == Durability::kSync) MORAINE_RETURN_IF_ERROR(log_->WaitStable(position.end));
  return position.lsn;
}

absl::StatusOr<bool> EngineImplementation::Get(Tree& tree, std::string_view key,
                                               const EngineSnapshot* snapshot,
                                               absl::FunctionRef<void(std::string_view)> found) {
  MORAINE_RETURN_IF_ERROR(CheckKey(key));
  return tree.Get(key, PointOf(snapshot), found);
}

absl::Status EngineImplementation::MultiGet(
    Tree& tree, std::span<const std::string_view> keys, const EngineSnapshot* snapshot,
    absl::FunctionRef<void(size_t, std::string_view)> found) {
  for (std::string_view key : keys) MORAINE_RETURN_IF_ERROR(CheckKey(key));
  return tree.MultiGet(keys, PointOf(snapshot), found);
}

absl::StatusOr<EngineSnapshot> EngineImplementation::TakeSnapshot() {
  EngineSnapshot snapshot;
  uint64_t ts = 0;
  SnapshotRegistry::Slot* slot = snapshots_.Take(log_.get(), &ts);
  FillSnapshot(snapshot, this, slot, Timestamp(ts));
  return snapshot;
}

void EngineImplementation::ReleaseSnapshot(EngineSnapshot& snapshot) {
  snapshots_.Release(static_cast<SnapshotRegistry::Slot*>(SlotOf(snapshot)));
}

absl::StatusOr<std::unique_ptr<Cursor>> EngineImplementation::NewCursor(
    Tree& tree, const EngineSnapshot* snapshot) {
  EngineSnapshot owned;
  if (snapshot == nullptr) {
    MORAINE_ASSIGN_OR_RETURN(owned, TakeSnapshot());
    snapshot = &owned;
  }
  ReadPoint point = PointOf(snapshot);
  return std::make_unique<EngineCursor>(&tree, point, std::move(owned));
}

absl::StatusOr<Lsn> EngineImplementation::Write(const WriteOperation& operation,
                                                Durability durability) {
  MORAINE_RETURN_IF_ERROR(CheckWritable());
  MORAINE_RETURN_IF_ERROR(CheckSizes(operation.key, operation.value));
  if (operation.kind != WriteKind::kDelete) MORAINE_RETURN_IF_ERROR(CheckSpace());
  MORAINE_ASSIGN_OR_RETURN(CommitPosition position,
                           operation.tree->Write(static_cast<VersionKind>(operation.kind),
                                                 operation.key, operation.value));
  return Acknowledge(position, durability);
}

absl::StatusOr<std::optional<Lsn>> EngineImplementation::Update(Tree& tree, std::string_view key,
                                                                UpdateFunction function,
                                                                Durability durability) {
  MORAINE_RETURN_IF_ERROR(CheckWritable());
  MORAINE_RETURN_IF_ERROR(CheckKey(key));
  absl::Status room = CheckSpace();
  bool refused = false;
  auto delete_only = [&](std::optional<std::string_view> value) -> UpdateDecision {
    UpdateDecision decision = function(value);
    refused = decision.action == UpdateDecision::Action::kPut;
    return refused ? UpdateDecision() : decision;
  };
  MORAINE_ASSIGN_OR_RETURN(std::optional<CommitPosition> position,
                           tree.Update(key, room.ok() ? function : UpdateFunction(delete_only)));
  if (refused) return room;
  if (!position) return std::optional<Lsn>();
  MORAINE_ASSIGN_OR_RETURN(Lsn lsn, Acknowledge(*position, durability));
  return std::optional<Lsn>(lsn);
}

absl::StatusOr<std::vector<TreeWrite>> EngineImplementation::TreeWrites(
    std::span<const WriteOperation> batch) {
  std::vector<TreeWrite> writes;
  writes.reserve(batch.size());
  bool grows = false;
  for (const WriteOperation& operation : batch) {
    grows |= operation.kind != WriteKind::kDelete;
    MORAINE_RETURN_IF_ERROR(CheckSizes(operation.key, operation.value));
    writes.push_back(
        {operation.tree, static_cast<VersionKind>(operation.kind), operation.key, operation.value});
  }
  if (grows) MORAINE_RETURN_IF_ERROR(CheckSpace());
  return writes;
}

absl::StatusOr<Lsn> EngineImplementation::Apply(std::span<const WriteOperation> batch,
                                                Durability durability) {
  MORAINE_RETURN_IF_ERROR(CheckWritable());
  if (batch.empty()) return absl::InvalidArgumentError("a batch without operations");
  MORAINE_ASSIGN_OR_RETURN(std::vector<TreeWrite> writes, TreeWrites(batch));
  CommitRequest commit;
  commit.writes = writes;
  MORAINE_ASSIGN_OR_RETURN(CommitPosition position, TransactionCommit(environment_).Run(commit));
  return Acknowledge(position, durability);
}

absl::StatusOr<Lsn> EngineImplementation::CommitTransaction(const TransactionRequest& request,
                                                            Durability durability,
                                                            ReadConflict* conflict) {
  MORAINE_RETURN_IF_ERROR(CheckWritable());
  if (request.writes.empty()) return absl::InvalidArgumentError("a commit without writes");
  MORAINE_ASSIGN_OR_RETURN(std::vector<TreeWrite> writes, TreeWrites(request.writes));
  CommitRequest commit;
  commit.writes = writes;
  commit.reads = request.reads;
  commit.read_ts = request.snapshot->timestamp().value();
  commit.priority = request.priority != 0 ? request.priority : commit.read_ts;
  absl::StatusOr<CommitPosition> position = TransactionCommit(environment_).Run(commit, conflict);
  if (!position.ok()) {
    log_->Settle(environment_.Local().credit);
    return position.status();
  }
  absl::StatusOr<Lsn> acknowledged = Acknowledge(*position, durability);
  if (acknowledged.ok()) return acknowledged;
  return absl::UnknownError("commit outcome unknown: the writes took effect at position " +
                            std::to_string(position->lsn.value()) +
                            ", but the log could not make them durable; reopen the database to "
                            "see whether they survived: " +
                            std::string(acknowledged.status().message()));
}

absl::StatusOr<bool> EngineImplementation::AlreadyChanged(const EngineSnapshot& snapshot,
                                                          std::span<const ReadItem> reads,
                                                          ReadConflict* conflict) {
  return TransactionCommit::AlreadyChanged(environment_, reads, snapshot.timestamp().value(),
                                           conflict);
}

const MergeOperator* EngineImplementation::MergeOperatorOf(const Tree& tree) const {
  return tree.merge_operator();
}

absl::Status EngineImplementation::Flush() {
  return log_ != nullptr ? log_->Flush() : absl::OkStatus();
}

absl::StatusOr<uint64_t> EngineImplementation::Trim(uint64_t pages) {
  MORAINE_RETURN_IF_ERROR(CheckWritable());
  return pager_->Trim(pages);
}

}  // namespace moraine
