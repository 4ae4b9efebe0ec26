// Transactions: any number of reads and writes in any trees that take effect at one instant, or not
// at all, as if no other transaction ran meanwhile.
//
//   absl::Status sold = db->Transact([&](moraine::Transaction& t) -> absl::Status {
//     auto left = t.Get(stock, "pen");
//     if (!left.ok()) return left.status();
//     if (!left->has_value()) return absl::FailedPreconditionError("sold out");
//     return t.Put(stock, "pen", Decrement((*left)->view()));
//   });
//
// A transaction reads one instant, that of its begin, with its own writes laid over it. Nobody sees
// a write of it before it commits; there are no locks, so it blocks nobody and is blocked by nobody.
// The price is that a commit may find that another writer was faster: then nothing is written, and
// Database::Transact runs the whole again.
#ifndef MORAINE_API_TRANSACTION_H_
#define MORAINE_API_TRANSACTION_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include <moraine/namespace.h>
#include <moraine/options.h>
#include <moraine/range.h>
#include <moraine/read_view.h>
#include <moraine/tree.h>
#include <moraine/value.h>

namespace moraine::MORAINE_V1 {

enum class Isolation : uint8_t {
  // As if transactions ran one after another, in the order of their commits. The commit fails when
  // anything that was read has changed since: a value, the absence of a key, a gap of a scanned
  // range. A scan counts as far as it went.
  kSerializable,
  // The commit fails only when a key that is put or deleted has changed since, or one that was read
  // by GetForUpdate. No update is lost, but two transactions may each read what the other writes
  // (write skew).
  kSnapshot,
  // Reads only: nothing is recorded, and nothing can fail at commit. Like a Snapshot.
  kReadOnly,
};

struct TransactionOptions {
  Isolation isolation = Isolation::kSerializable;

  // How much a transaction may keep in memory of what it wrote and read. More is ResourceExhausted,
  // at the call that would exceed it. 0: an eighth of Options::memory_bytes.
  uint64_t most_bytes = 0;

  // For Database::Transact. No more tries than this, and none that begins later than `deadline`
  // after the call (0: no limit).
  uint32_t most_tries = 100;
  std::chrono::milliseconds deadline{0};
  Durability durability = Durability::kSync;
};

// Why a transaction failed: another writer changed `key`, which it had read, at the place `winner`
// of the commit order (compare Snapshot::position).
struct Conflict {
  Tree tree;
  std::string key;
  uint64_t winner = 0;
};

// The conflict that a status of a transaction carries; nullopt when it failed for another reason.
std::optional<Conflict> ConflictOf(const absl::Status& status);

// For one thread at a time. Move-only; destroying it aborts it. It must be destroyed before its
// Database, and its scans before it. Reads are those of ReadView. Every call after Commit or Abort
// is FailedPrecondition. Keys and values are copied in.
class Transaction : public ReadView {
 public:
  // No transaction; every call returns FailedPrecondition.
  Transaction();
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&& other) noexcept;
  ~Transaction();

  // Its instant's place in the commit order.
  uint64_t read_position() const;

  // The value of a key that is going to be written. A hint that saves work: it fails with the
  // conflict at once when the key has changed already. Under kSnapshot the key is also checked at
  // commit, as if it were written.
  absl::StatusOr<std::optional<Value>> GetForUpdate(const Tree& tree, std::string_view key);

  absl::Status Put(const Tree& tree, std::string_view key, std::string_view value);
  // Deleting an absent key is OK.
  absl::Status Delete(const Tree& tree, std::string_view key);
  // Applies the tree's merge operator without reading: transactions that only merge into a key do
  // not conflict over it. FailedPrecondition when the tree has none.
  absl::Status Merge(const Tree& tree, std::string_view key, std::string_view operand);
  // Writes `desired` (nullopt: deletes) if the key holds `expected` (nullopt: is absent).
  absl::StatusOr<CompareAndSwapResult> CompareAndSwap(const Tree& tree, std::string_view key,
                                                      std::optional<std::string_view> expected,
                                                      std::optional<std::string_view> desired);
  // Deletes the keys of `range` that this transaction sees, and returns how many. It reads the
  // range, so under kSerializable a key that another writer puts into it is a conflict.
  absl::StatusOr<uint64_t> DeleteRange(const Tree& tree, const Range& range);

  // Marks the writes so far; savepoints are numbered from 0 and nest.
  absl::StatusOr<size_t> SetSavepoint();
  // Takes back the writes since, and ends later savepoints; this one stays. What was read stays
  // read: it may still be a conflict. InvalidArgument: there is no such savepoint.
  absl::Status RollBackTo(size_t savepoint);
  // Keeps the writes, and ends this savepoint and later ones.
  absl::Status ReleaseSavepoint(size_t savepoint);

  // Makes all writes take effect at one place of the commit order and returns it; that of its reads
  // when nothing was written. Errors:
  //   Aborted            another writer was first (ConflictOf); run it again from the start
  //   ResourceExhausted  the memory budget or the disk is full
  //   NotFound           a tree was dropped meanwhile
  //   Unknown            commit unknown: the writes took effect and are visible, but the device
  //                      failed before they were durable. Only opening the database again tells
  //                      whether they survived; they did whole or not at all
  // After any error but Unknown nothing was written.
  absl::StatusOr<uint64_t> Commit(Durability durability = Durability::kSync);
  // Forgets all writes. Never fails.
  void Abort();

 private:
  friend class Database;
  struct State;

  // Within Transact: the transaction is another's.
  Transaction(moraine::Engine* engine, internal::OpenTransaction* borrowed);
  Transaction(moraine::Engine* engine, std::unique_ptr<State> state);

  std::unique_ptr<State> state_;  // null: borrowed, or none
};

}  // namespace moraine::MORAINE_V1

#endif  // MORAINE_API_TRANSACTION_H_
