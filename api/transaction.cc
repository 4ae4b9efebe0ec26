// Transactions: translation between the public types and those of txn.
#include "txn/transaction.h"

#include <utility>

#include "api/database_state.h"
#include "api/to_engine.h"
#include "api/transaction_access.h"
#include "api/tree_access.h"
#include "storage/base/status_macros.h"
#include "txn/transact.h"
#include <moraine/transaction.h>

namespace moraine::MORAINE_V1 {

namespace {

// What both need to lead somewhere.
struct Target {
  moraine::Transaction* transaction;
  moraine::Tree* tree;
};

absl::Status NoTransaction() {
  return absl::FailedPreconditionError("the transaction was moved from or never begun");
}

absl::StatusOr<Target> Resolve(internal::OpenTransaction* transaction, const Tree& tree) {
  if (transaction == nullptr) return NoTransaction();
  moraine::Tree* target = internal::TreeAccess::Get(tree);
  if (target == nullptr) return internal::EmptyTreeHandle();
  return Target{&internal::TransactionAccess::Get(transaction), target};
}

moraine::TransactionOptions ToTxn(const TransactionOptions& options, uint64_t memory_bytes) {
  moraine::TransactionOptions result;
  switch (options.isolation) {
    case Isolation::kSerializable:
      result.isolation = moraine::Isolation::kSerializable;
      break;
    case Isolation::kSnapshot:
      result.isolation = moraine::Isolation::kSnapshot;
      break;
    case Isolation::kReadOnly:
      result.isolation = moraine::Isolation::kReadOnly;
      break;
  }
  result.most_bytes = options.most_bytes != 0 ? options.most_bytes : memory_bytes / 8;
  return result;
}

}  // namespace

struct Transaction::State {
  std::unique_ptr<moraine::Transaction> owned;
};

std::optional<Conflict> ConflictOf(const absl::Status& status) {
  std::optional<moraine::Conflict> found = moraine::ConflictOf(status);
  if (!found) return std::nullopt;
  return Conflict{internal::TreeAccess::Make(found->tree), std::move(found->key),
                  found->winner.value()};
}

Transaction::Transaction() = default;

Transaction::Transaction(moraine::Engine* engine, internal::OpenTransaction* borrowed) {
  engine_ = engine;
  transaction_ = borrowed;
}

Transaction::Transaction(moraine::Engine* engine, std::unique_ptr<State> state)
    : Transaction(engine, internal::TransactionAccess::Hide(state->owned.get())) {
  state_ = std::move(state);
}

Transaction::Transaction(Transaction&& other) noexcept
    : ReadView(other), state_(std::move(other.state_)) {
  other.engine_ = nullptr;
  other.transaction_ = nullptr;
}

Transaction& Transaction::operator=(Transaction&& other) noexcept {
  if (this == &other) return *this;
  state_ = std::move(other.state_);
  engine_ = std::exchange(other.engine_, nullptr);
  transaction_ = std::exchange(other.transaction_, nullptr);
  return *this;
}

Transaction::~Transaction() = default;

uint64_t Transaction::read_position() const {
  if (transaction_ == nullptr) return 0;
  return internal::TransactionAccess::Get(transaction_).read_position().value();
}

absl::StatusOr<std::optional<Value>> Transaction::GetForUpdate(const Tree& tree,
                                                               std::string_view key) {
  MORAINE_ASSIGN_OR_RETURN(Target target, Resolve(transaction_, tree));
  std::optional<Value> value;
  auto take = [&value](std::string_view bytes) { value.emplace(bytes); };
  MORAINE_RETURN_IF_ERROR(target.transaction->GetForUpdate(*target.tree, key, take).status());
  return value;
}

absl::Status Transaction::Put(const Tree& tree, std::string_view key, std::string_view value) {
  MORAINE_ASSIGN_OR_RETURN(Target target, Resolve(transaction_, tree));
  return target.transaction->Put(*target.tree, key, value);
}

absl::Status Transaction::Delete(const Tree& tree, std::string_view key) {
  MORAINE_ASSIGN_OR_RETURN(Target target, Resolve(transaction_, tree));
  return target.transaction->Delete(*target.tree, key);
}

absl::Status Transaction::Merge(const Tree& tree, std::string_view key, std::string_view operand) {
  MORAINE_ASSIGN_OR_RETURN(Target target, Resolve(transaction_, tree));
  return target.transaction->Merge(*target.tree, key, operand);
}

absl::StatusOr<CompareAndSwapResult> Transaction::CompareAndSwap(
    const Tree& tree, std::string_view key, std::optional<std::string_view> expected,
    std::optional<std::string_view> desired) {
  MORAINE_ASSIGN_OR_RETURN(Target target, Resolve(transaction_, tree));
  CompareAndSwapResult result;
  auto remember = [&result](std::optional<std::string_view> actual) {
    if (actual) result.actual.emplace(*actual);
  };
  MORAINE_ASSIGN_OR_RETURN(result.swapped, target.transaction->CompareAndSwap(
                                               *target.tree, key, expected, desired, remember));
  return result;
}

absl::StatusOr<uint64_t> Transaction::DeleteRange(const Tree& tree, const Range& range) {
  MORAINE_ASSIGN_OR_RETURN(Target target, Resolve(transaction_, tree));
  return target.transaction->DeleteRange(*target.tree, internal::ToInterval(range));
}

absl::StatusOr<size_t> Transaction::SetSavepoint() {
  if (transaction_ == nullptr) return NoTransaction();
  return internal::TransactionAccess::Get(transaction_).SetSavepoint();
}

absl::Status Transaction::RollBackTo(size_t savepoint) {
  if (transaction_ == nullptr) return NoTransaction();
  return internal::TransactionAccess::Get(transaction_).RollBackTo(savepoint);
}

absl::Status Transaction::ReleaseSavepoint(size_t savepoint) {
  if (transaction_ == nullptr) return NoTransaction();
  return internal::TransactionAccess::Get(transaction_).ReleaseSavepoint(savepoint);
}

absl::StatusOr<uint64_t> Transaction::Commit(Durability durability) {
  if (transaction_ == nullptr) return NoTransaction();
  if (state_ == nullptr)
    return absl::FailedPreconditionError("Transact commits; the function must not");
  MORAINE_ASSIGN_OR_RETURN(
      moraine::Lsn position,
      internal::TransactionAccess::Get(transaction_).Commit(internal::ToEngine(durability)));
  return position.value();
}

void Transaction::Abort() {
  if (transaction_ != nullptr) internal::TransactionAccess::Get(transaction_).Abort();
}

absl::StatusOr<Transaction> Database::Begin(const TransactionOptions& options) {
  MORAINE_RETURN_IF_ERROR(CheckOpen());
  auto state = std::make_unique<Transaction::State>();
  MORAINE_ASSIGN_OR_RETURN(
      state->owned, moraine::Transaction::Begin(*engine_, ToTxn(options, state_->memory_bytes)));
  return Transaction(engine_, std::move(state));
}

absl::Status Database::Transact(absl::FunctionRef<absl::Status(Transaction&)> body,
                                const TransactionOptions& options) {
  MORAINE_RETURN_IF_ERROR(CheckOpen());
  moraine::RetryOptions retry;
  retry.most_tries = options.most_tries;
  retry.deadline = options.deadline;
  auto run = [&](moraine::Transaction& borrowed) {
    Transaction transaction(engine_, internal::TransactionAccess::Hide(&borrowed));
    return body(transaction);
  };
  return moraine::Transact(*engine_, ToTxn(options, state_->memory_bytes), retry, {},
                           internal::ToEngine(options.durability), run)
      .status();
}

}  // namespace moraine::MORAINE_V1
