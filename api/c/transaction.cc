// Transactions: begun and ended by the caller, or run and repeated by moraine_transact.
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "api/c/arguments.h"
#include "api/c/cursor_object.h"
#include "api/c/failure.h"
#include "api/c/handle.h"
#include "api/c/objects.h"
#include "api/c/owned.h"
#include "storage/sync/atomic.h"
#include <moraine/c.h>
#include <moraine/transaction.h>

namespace moraine::c {

namespace {

TransactionOptions ReadOptions(const moraine_transaction_options* from, Arguments* arguments) {
  const auto given = arguments->Struct(from, sizeof(moraine_transaction_options));
  TransactionOptions options;
  switch (given.isolation) {
    case MORAINE_SERIALIZABLE:
      options.isolation = Isolation::kSerializable;
      break;
    case MORAINE_SNAPSHOT_ISOLATION:
      options.isolation = Isolation::kSnapshot;
      break;
    case MORAINE_READ_ONLY:
      options.isolation = Isolation::kReadOnly;
      break;
    default:
      (void)arguments->Reject("isolation: there is no such one");
  }
  if (given.most_tries != 0) options.most_tries = given.most_tries;
  options.most_bytes = given.most_bytes;
  options.deadline = std::chrono::milliseconds(given.deadline_ms);
  options.durability = arguments->DurabilityOf(given.durability);
  return options;
}

// A code for a status of a call on `object`; remembers conflicts for moraine_transact.
moraine_code Ended(TransactionObject* object, const absl::Status& status, moraine_error** error) {
  if (status.ok()) return MORAINE_OK;
  const std::optional<Conflict> conflict = ConflictOf(status);
  if (!conflict.has_value()) return Fail(error, status);
  object->conflict = status;
  return FailWithConflict(
      error, status, {HandleOf(object->database, conflict->tree), conflict->key, conflict->winner});
}

// A handle for `object`, which counts among what keeps the database open.
moraine_transaction* MakeHandle(std::unique_ptr<TransactionObject> object,
                                DatabaseObject* database) {
  object->database = database;
  object->reader = object->target;
  Handle* handle =
      HandlePool::Get().Make(HandleKind::kTransaction, static_cast<ViewObject*>(object.get()));
  (void)object.release();
  // order: relaxed: closing while another thread begins a transaction is a documented misuse
  database->dependents.fetch_add(1, std::memory_order_relaxed);
  return reinterpret_cast<moraine_transaction*>(handle);
}

// Ends a handle that was claimed, and what depends on it.
void Destroy(const moraine_transaction* transaction, void* claimed) {
  std::unique_ptr<TransactionObject> object(
      static_cast<TransactionObject*>(static_cast<ViewObject*>(claimed)));
  DatabaseObject* const database = object->database;
  for (CursorObject* cursor : object->cursors) cursor->Detach();
  object.reset();
  HandlePool::Get().Release(transaction);
  // order: release -> DatabaseObject::dependents: the transaction's snapshot is gone before
  database->dependents.fetch_sub(1, std::memory_order_release);
}

// The handle of one try of moraine_transact.
class BorrowedHandle {
 public:
  BorrowedHandle(Transaction* target, DatabaseObject* database) {
    auto object = std::make_unique<TransactionObject>();
    object->target = target;
    object->borrowed = true;
    object_ = object.get();
    handle_ = MakeHandle(std::move(object), database);
  }
  ~BorrowedHandle() {
    // Nobody else may end it, so this waits only for a call that another thread is inside of.
    void* claimed = nullptr;
    while ((claimed = Handle::Claim(handle_, HandleKind::kTransaction)) == nullptr) CpuPause();
    Destroy(handle_, claimed);
  }
  BorrowedHandle(const BorrowedHandle&) = delete;
  BorrowedHandle& operator=(const BorrowedHandle&) = delete;

  moraine_transaction* get() const { return handle_; }
  const absl::Status& conflict() const { return object_->conflict; }

 private:
  moraine_transaction* handle_;
  const TransactionObject* object_;
};

constexpr char kBorrowed[] = "transaction: moraine_transact ends it, by what its function returns";

}  // namespace

}  // namespace moraine::c

using moraine::c::Arguments;
using moraine::c::Ended;
using moraine::c::Fail;
using moraine::c::Guarded;
using moraine::c::Handle;
using moraine::c::HandleKind;
using moraine::c::OwnedCopy;
using moraine::c::TransactionObject;

namespace {

const moraine::c::DatabaseObject* DatabaseOf(const TransactionObject* object) {
  return object == nullptr ? nullptr : object->database;
}

}  // namespace

moraine_code moraine_transaction_begin(moraine_database* database,
                                       const moraine_transaction_options* options,
                                       moraine_transaction** transaction, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    auto* owner = arguments.DatabaseOf(database);
    const auto read = moraine::c::ReadOptions(options, &arguments);
    arguments.Required(transaction, "transaction: NULL");
    if (!arguments.ok()) return arguments.Fail(error);
    *transaction = nullptr;
    auto begun = owner->target->Begin(read);
    if (!begun.ok()) return Fail(error, begun.status());
    auto object = std::make_unique<TransactionObject>();
    object->owned = *std::move(begun);
    object->target = &object->owned;
    *transaction = moraine::c::MakeHandle(std::move(object), owner);
    return MORAINE_OK;
  });
}

moraine_code moraine_transaction_put(moraine_transaction* transaction, moraine_tree* tree,
                                     const void* key, size_t key_size, const void* value,
                                     size_t value_size, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    auto* object = arguments.TransactionOf(transaction);
    const auto* target = arguments.TreeOf(tree, DatabaseOf(object));
    const auto key_bytes = arguments.Key(key, key_size);
    const auto value_bytes = arguments.Value(value, value_size);
    if (!arguments.ok()) return arguments.Fail(error);
    return Ended(object, object->target->Put(target->tree, key_bytes, value_bytes), error);
  });
}

moraine_code moraine_transaction_delete(moraine_transaction* transaction, moraine_tree* tree,
                                        const void* key, size_t key_size, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    auto* object = arguments.TransactionOf(transaction);
    const auto* target = arguments.TreeOf(tree, DatabaseOf(object));
    const auto key_bytes = arguments.Key(key, key_size);
    if (!arguments.ok()) return arguments.Fail(error);
    return Ended(object, object->target->Delete(target->tree, key_bytes), error);
  });
}

moraine_code moraine_transaction_merge(moraine_transaction* transaction, moraine_tree* tree,
                                       const void* key, size_t key_size, const void* operand,
                                       size_t operand_size, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    auto* object = arguments.TransactionOf(transaction);
    const auto* target = arguments.TreeOf(tree, DatabaseOf(object));
    const auto key_bytes = arguments.Key(key, key_size);
    const auto operand_bytes = arguments.Value(operand, operand_size);
    if (!arguments.ok()) return arguments.Fail(error);
    return Ended(object, object->target->Merge(target->tree, key_bytes, operand_bytes), error);
  });
}

moraine_code moraine_transaction_compare_and_swap(moraine_transaction* transaction,
                                                  moraine_tree* tree, const void* key,
                                                  size_t key_size, const moraine_slice* expected,
                                                  const moraine_slice* desired,
                                                  moraine_slice* actual, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    auto* object = arguments.TransactionOf(transaction);
    const auto* target = arguments.TreeOf(tree, DatabaseOf(object));
    const auto key_bytes = arguments.Key(key, key_size);
    const auto expected_bytes = arguments.OptionalValue(expected);
    const auto desired_bytes = arguments.OptionalValue(desired);
    if (!arguments.ok()) return arguments.Fail(error);
    const auto result =
        object->target->CompareAndSwap(target->tree, key_bytes, expected_bytes, desired_bytes);
    if (!result.ok()) return Ended(object, result.status(), error);
    if (actual != nullptr) *actual = OwnedCopy(result->actual);
    return result->swapped ? MORAINE_OK : MORAINE_MISMATCH;
  });
}

moraine_code moraine_transaction_get_for_update(moraine_transaction* transaction,
                                                moraine_tree* tree, const void* key,
                                                size_t key_size, moraine_slice* value,
                                                moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    auto* object = arguments.TransactionOf(transaction);
    const auto* target = arguments.TreeOf(tree, DatabaseOf(object));
    const auto key_bytes = arguments.Key(key, key_size);
    arguments.Required(value, "value: NULL");
    if (!arguments.ok()) return arguments.Fail(error);
    *value = {nullptr, 0};
    const auto found = object->target->GetForUpdate(target->tree, key_bytes);
    if (!found.ok()) return Ended(object, found.status(), error);
    *value = OwnedCopy(*found);
    return found->has_value() ? MORAINE_OK : MORAINE_NOT_FOUND;
  });
}

moraine_code moraine_transaction_delete_range(moraine_transaction* transaction, moraine_tree* tree,
                                              const moraine_range* range, uint64_t* count,
                                              moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    auto* object = arguments.TransactionOf(transaction);
    const auto* target = arguments.TreeOf(tree, DatabaseOf(object));
    bool ignored = false;
    const moraine::Range bounds = arguments.RangeOf(range, &ignored);
    if (!arguments.ok()) return arguments.Fail(error);
    const auto deleted = object->target->DeleteRange(target->tree, bounds);
    if (!deleted.ok()) return Ended(object, deleted.status(), error);
    if (count != nullptr) *count = *deleted;
    return MORAINE_OK;
  });
}

moraine_code moraine_transaction_set_savepoint(moraine_transaction* transaction, size_t* savepoint,
                                               moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    auto* object = arguments.TransactionOf(transaction);
    arguments.Required(savepoint, "savepoint: NULL");
    if (!arguments.ok()) return arguments.Fail(error);
    const auto set = object->target->SetSavepoint();
    if (!set.ok()) return Ended(object, set.status(), error);
    *savepoint = *set;
    return MORAINE_OK;
  });
}

moraine_code moraine_transaction_roll_back_to(moraine_transaction* transaction, size_t savepoint,
                                              moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    auto* object = arguments.TransactionOf(transaction);
    if (!arguments.ok()) return arguments.Fail(error);
    return Ended(object, object->target->RollBackTo(savepoint), error);
  });
}

moraine_code moraine_transaction_release_savepoint(moraine_transaction* transaction,
                                                   size_t savepoint, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    auto* object = arguments.TransactionOf(transaction);
    if (!arguments.ok()) return arguments.Fail(error);
    return Ended(object, object->target->ReleaseSavepoint(savepoint), error);
  });
}

moraine_code moraine_transaction_commit(moraine_transaction* transaction,
                                        moraine_durability durability, uint64_t* position,
                                        moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    auto* object = arguments.TransactionOf(transaction);
    const auto chosen = arguments.DurabilityOf(durability);
    if (object != nullptr && object->borrowed) arguments.Misuse(moraine::c::kBorrowed);
    if (!arguments.ok()) return arguments.Fail(error);
    const auto committed = object->target->Commit(chosen);
    if (!committed.ok()) return Ended(object, committed.status(), error);
    if (position != nullptr) *position = *committed;
    return MORAINE_OK;
  });
}

moraine_code moraine_transaction_abort(moraine_transaction* transaction, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    auto* object = arguments.TransactionOf(transaction);
    if (object != nullptr && object->borrowed) arguments.Misuse(moraine::c::kBorrowed);
    if (!arguments.ok()) return arguments.Fail(error);
    object->target->Abort();
    return MORAINE_OK;
  });
}

moraine_code moraine_transaction_free(moraine_transaction* transaction) {
  if (transaction == nullptr) return MORAINE_OK;
  {
    Arguments arguments;
    const auto* object = arguments.TransactionOf(transaction);
    if (object == nullptr || object->borrowed) return MORAINE_MISUSE;
  }
  void* claimed = Handle::Claim(transaction, HandleKind::kTransaction);
  if (claimed == nullptr) return MORAINE_MISUSE;
  moraine::c::Destroy(transaction, claimed);
  return MORAINE_OK;
}

moraine_code moraine_transact(moraine_database* database, moraine_transact_function body,
                              void* context, const moraine_transaction_options* options,
                              moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    auto* owner = arguments.DatabaseOf(database);
    const auto read = moraine::c::ReadOptions(options, &arguments);
    if (body == nullptr) arguments.Misuse("body: NULL");
    if (!arguments.ok()) return arguments.Fail(error);
    moraine_code given_up = MORAINE_OK;
    const auto run = [&](moraine::Transaction& target) -> absl::Status {
      const moraine::c::BorrowedHandle handle(&target, owner);
      given_up = body(context, handle.get());
      if (given_up == MORAINE_OK) return absl::OkStatus();
      const bool lost = given_up == MORAINE_CONFLICT && !handle.conflict().ok();
      if (!lost) return absl::CancelledError("the function gave up");
      given_up = MORAINE_OK;
      return handle.conflict();
    };
    const absl::Status done = owner->target->Transact(run, read);
    if (given_up != MORAINE_OK) return given_up;
    TransactionObject last;
    last.database = owner;
    return Ended(&last, done, error);
  });
}
