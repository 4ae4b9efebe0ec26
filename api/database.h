// A moraine database: a directory of ordered trees, many writers, snapshots, atomic batches,
// transactions.
//
//   auto db = moraine::Database::Open("shop", {.create_if_missing = true});
//   if (!db.ok()) return moraine::PrintAndExit(db.status());
//   moraine::Tree stock = *(*db)->OpenTree("stock", {.create_if_missing = true});
//   absl::Status stored = (*db)->Put(stock, "pen", "12");   // durable when it returns OK
//   absl::Status sold = (*db)->Transact([&](moraine::Transaction& t) -> absl::Status {
//     auto left = t.Get(stock, "pen");                      // run again if another writer was first
//     ...
//     return t.Put(stock, "pen", Decrement(*left));
//   });
//
// Thread safety: any number of threads may call any member at once, except Close and the
// destructor, which are for one thread when all others are done. One process has a database open
// for writing at a time. Sizes: keys up to 4 KiB, values up to 64 MiB, tree names 1 to 255 bytes;
// anything else is InvalidArgument. Errors: see status.h; a failed write left nothing behind unless
// it says otherwise.
#ifndef MORAINE_API_DATABASE_H_
#define MORAINE_API_DATABASE_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include <moraine/batch.h>
#include <moraine/merge_operator.h>
#include <moraine/namespace.h>
#include <moraine/options.h>
#include <moraine/range.h>
#include <moraine/read_view.h>
#include <moraine/scan.h>
#include <moraine/snapshot.h>
#include <moraine/space.h>
#include <moraine/stats.h>
#include <moraine/status.h>
#include <moraine/transaction.h>
#include <moraine/tree.h>
#include <moraine/value.h>

namespace moraine::MORAINE_V1 {

// Makes the new value from the old one; nullopt stands for an absent key both ways. It may be
// called more than once, when another writer was faster; it must neither wait for anything nor call
// the database, since pages it looks at are kept for it meanwhile.
using UpdateFunction =
    absl::FunctionRef<std::optional<std::string>(std::optional<std::string_view>)>;

// Reads (Get, Contains, MultiGet, Scan, First, Last and the neighbours) are those of ReadView, on
// the latest committed state.
class Database : public ReadView {
 public:
  // Opens the database in directory `path`; see Options for what may happen when there is none.
  // After a crash it replays the log first. NotFound: there is no database.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path,
                                                        const Options& options = {});
  // Closes it; an error is lost, so call Close where it matters.
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Makes everything durable, writes a checkpoint (Options::checkpoint_on_close) and lets the files
  // go. Snapshots and scans must be gone. Every later call returns FailedPrecondition.
  absl::Status Close();

  // --- Trees ---

  // The tree named "default", which every database has.
  Tree default_tree() const;
  absl::StatusOr<Tree> CreateTree(std::string_view name, const TreeOptions& options = {});
  // NotFound when there is none, unless TreeOptions::create_if_missing.
  absl::StatusOr<Tree> OpenTree(std::string_view name, const TreeOptions& options = {});
  // Drops the tree and all its keys. The default tree stays: FailedPrecondition.
  absl::Status DropTree(std::string_view name);
  absl::Status RenameTree(std::string_view from, std::string_view to);
  // In the order of their names.
  absl::StatusOr<std::vector<TreeDescription>> ListTrees();

  // --- Writes ---
  // Each is atomic and seen by all later reads of any thread when it returns.

  absl::Status Put(const Tree& tree, std::string_view key, std::string_view value,
                   Durability durability = Durability::kSync);
  // Deleting an absent key is OK.
  absl::Status Delete(const Tree& tree, std::string_view key,
                      Durability durability = Durability::kSync);
  // Applies the tree's merge operator without reading; FailedPrecondition when it has none.
  absl::Status Merge(const Tree& tree, std::string_view key, std::string_view operand,
                     Durability durability = Durability::kSync);
  // All operations of the batch, or none.
  absl::Status Apply(const Batch& batch, Durability durability = Durability::kSync);

  // Writes `desired` (nullopt: deletes) if the key holds `expected` (nullopt: is absent). An empty
  // value and an absent key are different. A mismatch is a result, not an error.
  absl::StatusOr<CompareAndSwapResult> CompareAndSwap(const Tree& tree, std::string_view key,
                                                      std::optional<std::string_view> expected,
                                                      std::optional<std::string_view> desired,
                                                      Durability durability = Durability::kSync);
  // Writes `value` (nullopt: deletes) and returns what was there.
  absl::StatusOr<std::optional<Value>> GetAndSet(const Tree& tree, std::string_view key,
                                                 std::optional<std::string_view> value,
                                                 Durability durability = Durability::kSync);
  // Writes what `update` makes of the value and returns the value it was made from.
  absl::StatusOr<std::optional<Value>> FetchAndUpdate(const Tree& tree, std::string_view key,
                                                      UpdateFunction update,
                                                      Durability durability = Durability::kSync);
  // Removes and returns the first (last) record of `range`, or nullopt when it has none. The record
  // was the first at some instant during the call, and no two calls return the same one.
  absl::StatusOr<std::optional<Record>> PopFirst(const Tree& tree, Range range = All(),
                                                 Durability durability = Durability::kSync);
  absl::StatusOr<std::optional<Record>> PopLast(const Tree& tree, Range range = All(),
                                                Durability durability = Durability::kSync);

  // --- Snapshots ---

  // One instant of all trees; instant itself, and blocks nobody.
  absl::StatusOr<Snapshot> TakeSnapshot() const;

  // --- Transactions ---

  // A transaction that begins now, to be committed by Transaction::Commit; see transaction.h.
  absl::StatusOr<Transaction> Begin(const TransactionOptions& options = {});

  // Runs `body` in a transaction and commits it; when it loses to another writer, runs it again
  // from the start on a new transaction, within the bounds of `options`. So `body` must have no
  // effects but those on its transaction, and must not commit it. OK: committed, as durable as
  // asked for. An error of `body` is returned as it is, and nothing was written. Aborted: the tries
  // are used up; ConflictOf says what stood in the way at last. DeadlineExceeded: the time is.
  // Other errors: as of Transaction::Commit.
  absl::Status Transact(absl::FunctionRef<absl::Status(Transaction&)> body,
                        const TransactionOptions& options = {});

  // --- Care ---

  // Returns when everything that was committed before the call is durable.
  absl::Status Flush();
  // Writes all pages as of one instant, so that the log before it can go and reopening is quick.
  // Runs beside readers and writers.
  absl::Status Checkpoint();
  // Makes the data files about as small as they can be: writes every page as one piece and moves
  // what is alive together. Runs beside readers and writers, which may wait for it as they do for
  // cleaning; takes as long as reading and writing all pages, and meanwhile up to a tenth of their
  // space more. `progress` is called by this thread now and then and must not call the database; when
  // it returns false the rest is left undone and the status is Cancelled. ResourceExhausted: the disk
  // has no room for the copies; what was done stays.
  absl::Status Compact(absl::FunctionRef<bool(const CompactionProgress&)> progress);
  absl::Status Compact();
  // Where the bytes on disk go, and what keeps them. O(segments): no page is read.
  absl::StatusOr<v1::Space> Space() const;
  // Counts records by reading every page: O(n).
  absl::StatusOr<v1::Stats> Stats() const;
  // Checks every page and key in memory and every checksum on disk. Slow; runs beside other work.
  // What it finds is in the report, not in the status.
  absl::StatusOr<VerifyReport> Verify() const;

 private:
  struct State;

  explicit Database(std::unique_ptr<State> state);
  absl::Status CheckOpen() const;
  absl::StatusOr<std::optional<Record>> Pop(const Tree& tree, const Range& range,
                                            Direction direction, Durability durability);

  std::unique_ptr<State> state_;
};

}  // namespace moraine::MORAINE_V1

#endif  // MORAINE_API_DATABASE_H_
