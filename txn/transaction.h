// One transaction: reads as of one snapshot with its own writes laid over it, writes kept in memory,
// and a commit that makes all of them visible at one position of the commit order, or none.
//
// Serializable (default): the result is that of running the committed transactions one after
// another in the order of their positions; the commit fails if anything that was read, keys that
// were found absent and gaps of scanned ranges included, has changed since. Snapshot: the commit
// fails only if a key that it puts or deletes has changed since (first committer wins, so no update
// is lost), or one read by GetForUpdate; write skew is possible. Read-only: nothing can be written,
// nothing is recorded, nothing fails. In every mode all reads are of one instant.
//
// Merges do not read: transactions that only merge into a key do not conflict over it.
#ifndef MORAINE_TXN_TRANSACTION_H_
#define MORAINE_TXN_TRANSACTION_H_

#include <cstddef>
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

#include "storage/engine.h"
#include "txn/conflict.h"
#include "txn/read_set.h"
#include "txn/write_set.h"

namespace moraine {

enum class Isolation : uint8_t { kSerializable, kSnapshot, kReadOnly };

struct TransactionOptions {
  Isolation isolation = Isolation::kSerializable;
  // What it may keep in memory of what it read and writes; more is ResourceExhausted, at the call
  // that would exceed it, with nothing done.
  uint64_t most_bytes = uint64_t{64} << 20;
  // Timestamp of the snapshot of the first of several tries; 0: this is the first.
  uint64_t priority = 0;
};

// Which keys: from low, inclusive, to high, exclusive; nullopt: to the end of the tree.
struct KeyInterval {
  std::string low;
  std::optional<std::string> high;
};

// For one thread at a time. Dropping it aborts it, which is free: nothing of it is shared before
// Commit. The engine outlives it. After Commit or Abort every call is FailedPrecondition.
class Transaction {
 public:
  static absl::StatusOr<std::unique_ptr<Transaction>> Begin(Engine& engine,
                                                            const TransactionOptions& options);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // The snapshot's place in the commit order.
  Timestamp read_position() const { return read_position_; }
  bool active() const { return active_; }
  // Whether a commit has something to write. (Its position does not tell: the first commit after a
  // snapshot may have the very position of it.)
  bool has_writes() const { return !writes_.empty(); }

  // Whether the key is present; calls `found` with its value if so. It may run inside an epoch
  // guard: it must neither block nor call back.
  absl::StatusOr<bool> Get(Tree& tree, std::string_view key,
                           absl::FunctionRef<void(std::string_view)> found);
  // Get of a key that will be written: fails with the conflict now if it has changed since the
  // snapshot, and at commit if it has by then, also under snapshot isolation.
  absl::StatusOr<bool> GetForUpdate(Tree& tree, std::string_view key,
                                    absl::FunctionRef<void(std::string_view)> found);
  absl::StatusOr<std::vector<std::optional<std::string>>> MultiGet(
      Tree& tree, std::span<const std::string_view> keys);
  // Walks the interval both ways, own writes included, also those made while it walks. It must not
  // outlive the transaction, and fails once that is over.
  absl::StatusOr<std::unique_ptr<Cursor>> NewCursor(Tree& tree, KeyInterval interval);

  absl::Status Put(Tree& tree, std::string_view key, std::string_view value);
  absl::Status Delete(Tree& tree, std::string_view key);
  absl::Status Merge(Tree& tree, std::string_view key, std::string_view operand);
  // Writes `desired` (nullopt: deletes) if the key holds `expected` (nullopt: is absent). Whether it
  // did; if not, `actual` is called with what is there instead.
  absl::StatusOr<bool> CompareAndSwap(
      Tree& tree, std::string_view key, std::optional<std::string_view> expected,
      std::optional<std::string_view> desired,
      absl::FunctionRef<void(std::optional<std::string_view>)> actual);
  // Deletes every key of the interval that this transaction sees; how many.
  absl::StatusOr<uint64_t> DeleteRange(Tree& tree, KeyInterval interval);

  // Savepoints nest and are numbered from 0. Rolling back keeps the savepoint and takes back all
  // writes after it; what was read stays read. Releasing keeps the writes. Both end later
  // savepoints. InvalidArgument: there is no such savepoint.
  absl::StatusOr<size_t> SetSavepoint();
  absl::Status RollBackTo(size_t savepoint);
  absl::Status ReleaseSavepoint(size_t savepoint);

  // The position of the commit; of the snapshot, when nothing was written. Aborted with a conflict
  // (ConflictOf): run it again from the start. Unknown: all writes are visible, but the log failed,
  // and only opening the database again tells whether they survived. Any other error: nothing was
  // written.
  absl::StatusOr<Lsn> Commit(Durability durability);
  void Abort();

 private:
  friend class TransactionCursor;

  Transaction(Engine& engine, const TransactionOptions& options, EngineSnapshot snapshot);
  absl::Status CheckActive() const;
  absl::Status CheckWritable(std::string_view key, std::string_view value) const;
  absl::Status CheckRoom(uint64_t more) const;
  bool records_reads() const { return options_.isolation == Isolation::kSerializable; }
  absl::StatusOr<bool> Read(Tree& tree, std::string_view key, bool record,
                            absl::FunctionRef<void(std::string_view)> found);
  // The value that `write` leaves over what is below it; nullopt: none. `*buffer` may hold it.
  std::optional<std::string_view> ValueOver(const Tree& tree, std::string_view key,
                                            const PendingWrite& write,
                                            std::optional<std::string_view> below,
                                            std::string* buffer) const;
  std::vector<ReadItem> ItemsToValidate(std::span<const WriteOperation> writes);

  Engine& engine_;
  const TransactionOptions options_;
  EngineSnapshot snapshot_;
  const Timestamp read_position_;
  bool active_ = true;
  ReadSet reads_;
  WriteSet writes_;
};

}  // namespace moraine

#endif  // MORAINE_TXN_TRANSACTION_H_
