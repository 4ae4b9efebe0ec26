// Reads with own writes laid over them, and the commit.
#include "txn/transaction.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "storage/base/status_macros.h"
#include "txn/transaction_cursor.h"

namespace moraine {

absl::StatusOr<std::unique_ptr<Transaction>> Transaction::Begin(Engine& engine,
                                                                const TransactionOptions& options) {
  MORAINE_ASSIGN_OR_RETURN(EngineSnapshot snapshot, engine.TakeSnapshot());
  // The constructor is private.
  return std::unique_ptr<Transaction>(new Transaction(engine, options, std::move(snapshot)));
}

Transaction::Transaction(Engine& engine, const TransactionOptions& options, EngineSnapshot snapshot)
    : engine_(engine),
      options_(options),
      snapshot_(std::move(snapshot)),
      read_position_(snapshot_.timestamp()) {}

absl::Status Transaction::CheckActive() const {
  if (active_) return absl::OkStatus();
  return absl::FailedPreconditionError("the transaction is over; begin a new one");
}

absl::Status Transaction::CheckRoom(uint64_t more) const {
  uint64_t used = reads_.size_bytes() + writes_.size_bytes();
  if (used + more <= options_.most_bytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("the transaction has grown to ", used, " bytes, and ", more,
                   " more would exceed its limit of ", options_.most_bytes,
                   "; commit in smaller parts or raise the limit"));
}

absl::Status Transaction::CheckWritable(std::string_view key, std::string_view value) const {
  MORAINE_RETURN_IF_ERROR(CheckActive());
  if (options_.isolation == Isolation::kReadOnly)
    return absl::FailedPreconditionError("the transaction is read-only");
  if (key.size() > kMostKeyBytes || value.size() > kMostValueBytes) {
    return absl::InvalidArgumentError(absl::StrCat("a key of ", key.size(), " and a value of ",
                                                   value.size(), " bytes; at most ", kMostKeyBytes,
                                                   " and ", kMostValueBytes, " are allowed"));
  }
  return CheckRoom(WriteSet::CostOf(key, value));
}

std::optional<std::string_view> Transaction::ValueOver(const Tree& tree, std::string_view key,
                                                       const PendingWrite& write,
                                                       std::optional<std::string_view> below,
                                                       std::string* buffer) const {
  if (write.kind == WriteKind::kDelete) return std::nullopt;
  if (write.kind == WriteKind::kPut) return write.value;
  std::vector<std::string_view> operands(write.operands.begin(), write.operands.end());
  *buffer = engine_.MergeOperatorOf(tree)->Merge(key, below, operands);
  return *buffer;
}

absl::StatusOr<bool> Transaction::Read(Tree& tree, std::string_view key, bool record,
                                       absl::FunctionRef<void(std::string_view)> found) {
  MORAINE_RETURN_IF_ERROR(CheckActive());
  const PendingWrite* own = writes_.Find(tree, key);
  std::string buffer;
  if (own != nullptr && own->kind != WriteKind::kMerge) {
    std::optional<std::string_view> value = ValueOver(tree, key, *own, std::nullopt, &buffer);
    if (value) found(*value);
    return value.has_value();
  }
  if (record) {
    MORAINE_RETURN_IF_ERROR(CheckRoom(key.size()));
    reads_.AddKey(tree, key);
  }
  if (own == nullptr) return engine_.Get(tree, key, &snapshot_, found);
  std::string below;
  MORAINE_ASSIGN_OR_RETURN(
      bool present, engine_.Get(tree, key, &snapshot_, [&](std::string_view v) { below = v; }));
  found(*ValueOver(tree, key, *own, present ? std::optional<std::string_view>(below) : std::nullopt,
                   &buffer));
  return true;
}

absl::StatusOr<bool> Transaction::Get(Tree& tree, std::string_view key,
                                      absl::FunctionRef<void(std::string_view)> found) {
  return Read(tree, key, records_reads(), found);
}

absl::StatusOr<bool> Transaction::GetForUpdate(Tree& tree, std::string_view key,
                                               absl::FunctionRef<void(std::string_view)> found) {
  MORAINE_RETURN_IF_ERROR(CheckActive());
  if (options_.isolation == Isolation::kReadOnly) return Read(tree, key, false, found);
  ReadItem item{&tree, ReadKind::kKey, key, {}};
  ReadConflict conflict;
  MORAINE_ASSIGN_OR_RETURN(bool changed,
                           engine_.AlreadyChanged(snapshot_, std::span(&item, 1), &conflict));
  if (changed) return ConflictError(item, conflict);
  return Read(tree, key, true, found);
}

absl::StatusOr<std::vector<std::optional<std::string>>> Transaction::MultiGet(
    Tree& tree, std::span<const std::string_view> keys) {
  std::vector<std::optional<std::string>> values(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    auto take = [&](std::string_view value) { values[i].emplace(value); };
    MORAINE_RETURN_IF_ERROR(Get(tree, keys[i], take).status());
  }
  return values;
}

absl::StatusOr<std::unique_ptr<Cursor>> Transaction::NewCursor(Tree& tree, KeyInterval interval) {
  MORAINE_RETURN_IF_ERROR(CheckActive());
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<Cursor> below, engine_.NewCursor(tree, &snapshot_));
  return std::make_unique<TransactionCursor>(*this, tree, std::move(interval), std::move(below));
}

absl::Status Transaction::Put(Tree& tree, std::string_view key, std::string_view value) {
  MORAINE_RETURN_IF_ERROR(CheckWritable(key, value));
  writes_.Put(tree, key, value);
  return absl::OkStatus();
}

absl::Status Transaction::Delete(Tree& tree, std::string_view key) {
  MORAINE_RETURN_IF_ERROR(CheckWritable(key, {}));
  writes_.Delete(tree, key);
  return absl::OkStatus();
}

absl::Status Transaction::Merge(Tree& tree, std::string_view key, std::string_view operand) {
  MORAINE_RETURN_IF_ERROR(CheckWritable(key, operand));
  const MergeOperator* merge = engine_.MergeOperatorOf(tree);
  if (merge == nullptr) {
    return absl::FailedPreconditionError(
        "the tree has no merge operator; name one when creating it");
  }
  writes_.Merge(tree, key, operand, *merge);
  return absl::OkStatus();
}

absl::StatusOr<bool> Transaction::CompareAndSwap(
    Tree& tree, std::string_view key, std::optional<std::string_view> expected,
    std::optional<std::string_view> desired,
    absl::FunctionRef<void(std::optional<std::string_view>)> actual) {
  MORAINE_RETURN_IF_ERROR(CheckWritable(key, desired.value_or("")));
  std::optional<std::string> current;
  MORAINE_RETURN_IF_ERROR(
      Get(tree, key, [&](std::string_view value) { current.emplace(value); }).status());
  if (current != expected) {
    actual(current);
    return false;
  }
  if (desired) {
    MORAINE_RETURN_IF_ERROR(Put(tree, key, *desired));
  } else if (current) {
    MORAINE_RETURN_IF_ERROR(Delete(tree, key));
  }
  return true;
}

absl::StatusOr<uint64_t> Transaction::DeleteRange(Tree& tree, KeyInterval interval) {
  MORAINE_RETURN_IF_ERROR(CheckWritable({}, {}));
  std::string low = interval.low;
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<Cursor> cursor, NewCursor(tree, std::move(interval)));
  uint64_t count = 0;
  MORAINE_RETURN_IF_ERROR(cursor->Seek(low));
  for (; cursor->Valid(); ++count) {
    MORAINE_RETURN_IF_ERROR(Delete(tree, cursor->key()));
    MORAINE_RETURN_IF_ERROR(cursor->Next());
  }
  return count;
}

absl::StatusOr<size_t> Transaction::SetSavepoint() {
  MORAINE_RETURN_IF_ERROR(CheckActive());
  return writes_.SetSavepoint();
}

absl::Status Transaction::RollBackTo(size_t savepoint) {
  MORAINE_RETURN_IF_ERROR(CheckActive());
  if (savepoint >= writes_.savepoints())
    return absl::InvalidArgumentError(absl::StrCat("there is no savepoint ", savepoint));
  writes_.RollBackTo(savepoint);
  return absl::OkStatus();
}

absl::Status Transaction::ReleaseSavepoint(size_t savepoint) {
  MORAINE_RETURN_IF_ERROR(CheckActive());
  if (savepoint >= writes_.savepoints())
    return absl::InvalidArgumentError(absl::StrCat("there is no savepoint ", savepoint));
  writes_.Release(savepoint);
  return absl::OkStatus();
}

std::vector<ReadItem> Transaction::ItemsToValidate(std::span<const WriteOperation> writes) {
  std::vector<ReadItem> items = reads_.Items();
  if (options_.isolation != Isolation::kSnapshot) return items;
  for (const WriteOperation& write : writes) {
    if (write.kind != WriteKind::kMerge)
      items.push_back({write.tree, ReadKind::kKey, write.key, {}});
  }
  return items;
}

absl::StatusOr<Lsn> Transaction::Commit(Durability durability) {
  MORAINE_RETURN_IF_ERROR(CheckActive());
  active_ = false;
  // Registered until the commit is over: what it must be able to see is kept that long.
  EngineSnapshot snapshot = std::move(snapshot_);
  std::vector<WriteOperation> writes = writes_.Operations();
  if (writes.empty()) return Lsn(read_position_.value());
  std::vector<ReadItem> items = ItemsToValidate(writes);
  TransactionRequest request;
  request.snapshot = &snapshot;
  request.reads = items;
  request.writes = writes;
  request.priority = options_.priority;
  ReadConflict conflict;
  absl::StatusOr<Lsn> position = engine_.CommitTransaction(request, durability, &conflict);
  if (absl::IsAborted(position.status())) return ConflictError(items[conflict.item], conflict);
  return position;
}

void Transaction::Abort() {
  active_ = false;
  snapshot_ = EngineSnapshot();
}

}  // namespace moraine
