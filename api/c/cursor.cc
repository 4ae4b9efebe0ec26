// Opening, moving and freeing cursors; the moves themselves are in cursor_object.h.
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "api/c/arguments.h"
#include "api/c/cursor_object.h"
#include "api/c/failure.h"
#include "api/c/handle.h"
#include "api/c/objects.h"
#include <moraine/c.h>

using moraine::c::Arguments;
using moraine::c::CursorObject;
using moraine::c::ExclusiveUse;
using moraine::c::Fail;
using moraine::c::Guarded;
using moraine::c::Handle;
using moraine::c::HandleKind;
using moraine::c::HandlePool;
using moraine::c::SharedSnapshot;
using moraine::c::SnapshotObject;
using moraine::c::TransactionObject;
using moraine::c::ViewObject;

namespace {

// What a cursor's handle points to.
struct OpenCursor {
  CursorObject moves;
  // The transaction it reads, which may be gone; nullptr: it reads a snapshot.
  const void* transaction;
  uint64_t transaction_serial;
};

// The cursor of a handle, for the time of one call, and the transaction it reads with it. A step of
// a scan is the cheapest call there is, so this has no Arguments of its own.
class CursorUse {
 public:
  explicit CursorUse(const moraine_cursor* cursor) : use_(cursor, HandleKind::kCursor) {
    if (!use_.found()) {
      problem_ = "cursor: NULL, freed, or no cursor";
    } else if (!use_.entered()) {
      problem_ = "cursor: another thread is inside a call on it";
    } else if (reads_transaction()) {
      transaction_.emplace(object()->transaction, HandleKind::kTransaction);
      if (transaction() != nullptr) return;
      problem_ = transaction_busy() ? "cursor: another thread is inside a call on its transaction"
                                    : "cursor: its transaction was freed";
    }
  }
  // What is wrong; nullptr: nothing.
  const char* problem() const { return problem_; }
  CursorObject* operator->() const { return &object()->moves; }

  bool entered() const { return use_.entered(); }
  bool transaction_busy() const { return transaction_->found() && !transaction_->entered(); }
  bool reads_transaction() const { return object()->transaction != nullptr; }
  // nullptr when it was freed, or its handle is another's by now.
  TransactionObject* transaction() const {
    const bool same = transaction_.has_value() && transaction_->entered() &&
                      transaction_->serial() == object()->transaction_serial;
    if (!same) return nullptr;
    return static_cast<TransactionObject*>(static_cast<ViewObject*>(transaction_->object()));
  }

 private:
  OpenCursor* object() const { return static_cast<OpenCursor*>(use_.object()); }

  ExclusiveUse use_;
  std::optional<ExclusiveUse> transaction_;
  const char* problem_ = nullptr;
};

// Runs one move and gives the record that it led to.
template <class MoveFunction>
moraine_code Step(moraine_cursor* cursor, moraine_slice* key, moraine_slice* value,
                  moraine_error** error, const MoveFunction& move) {
  return Guarded(error, [&]() -> moraine_code {
    const CursorUse use(cursor);
    if (use.problem() != nullptr) return Fail(error, MORAINE_MISUSE, use.problem());
    const absl::Status moved = move(*use.operator->());
    if (!moved.ok()) return Fail(error, moved);
    if (!use->at_record()) return MORAINE_NOT_FOUND;
    const moraine::Entry entry = use->entry();
    if (key != nullptr) *key = {entry.key.data(), entry.key.size()};
    if (value != nullptr) *value = {entry.value.data(), entry.value.size()};
    return MORAINE_OK;
  });
}

// The snapshot behind a view: its own, or for a database a new one.
absl::StatusOr<std::shared_ptr<const SharedSnapshot>> SnapshotOf(HandleKind kind,
                                                                 ViewObject* source) {
  if (kind == HandleKind::kSnapshot) return static_cast<SnapshotObject*>(source)->shared;
  auto taken = source->database->target->TakeSnapshot();
  if (!taken.ok()) return taken.status();
  return std::make_shared<const SharedSnapshot>(*std::move(taken), source->database);
}

moraine_cursor* MakeHandle(std::unique_ptr<OpenCursor> cursor) {
  Handle* handle = HandlePool::Get().Make(HandleKind::kCursor, cursor.get());
  (void)cursor.release();
  return reinterpret_cast<moraine_cursor*>(handle);
}

}  // namespace

moraine_code moraine_cursor_open(moraine_view* view, moraine_tree* tree, const moraine_range* range,
                                 moraine_cursor** cursor, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    auto* source = arguments.ViewOf(view);
    const auto* target = arguments.TreeOf(tree, source == nullptr ? nullptr : source->database);
    bool reverse = false;
    moraine::Range bounds = arguments.RangeOf(range, &reverse);
    arguments.Required(cursor, "cursor: NULL");
    if (!arguments.ok()) return arguments.Fail(error);
    *cursor = nullptr;
    const auto direction = reverse ? moraine::Direction::kBackward : moraine::Direction::kForward;
    const HandleKind kind = Handle::KindOf(view);
    if (kind == HandleKind::kTransaction) {
      auto* transaction = static_cast<TransactionObject*>(source);
      transaction->cursors.reserve(transaction->cursors.size() + 1);
      auto opened = std::make_unique<OpenCursor>(OpenCursor{
          CursorObject(nullptr, source->reader, target->tree, std::move(bounds), direction), view,
          static_cast<const Handle*>(view)->serial()});
      transaction->cursors.push_back(&opened->moves);
      *cursor = MakeHandle(std::move(opened));
      return MORAINE_OK;
    }
    auto snapshot = SnapshotOf(kind, source);
    if (!snapshot.ok()) return Fail(error, snapshot.status());
    const moraine::ReadView* reader = &(*snapshot)->get();
    *cursor = MakeHandle(std::make_unique<OpenCursor>(OpenCursor{
        CursorObject(*std::move(snapshot), reader, target->tree, std::move(bounds), direction),
        nullptr, 0}));
    return MORAINE_OK;
  });
}

moraine_code moraine_cursor_next(moraine_cursor* cursor, moraine_slice* key, moraine_slice* value,
                                 moraine_error** error) {
  return Step(cursor, key, value, error,
              [](CursorObject& object) { return object.Move(CursorObject::Way::kWith); });
}

moraine_code moraine_cursor_previous(moraine_cursor* cursor, moraine_slice* key,
                                     moraine_slice* value, moraine_error** error) {
  return Step(cursor, key, value, error,
              [](CursorObject& object) { return object.Move(CursorObject::Way::kAgainst); });
}

moraine_code moraine_cursor_first(moraine_cursor* cursor, moraine_slice* key, moraine_slice* value,
                                  moraine_error** error) {
  return Step(cursor, key, value, error,
              [](CursorObject& object) { return object.MoveToStart(CursorObject::Way::kWith); });
}

moraine_code moraine_cursor_last(moraine_cursor* cursor, moraine_slice* key, moraine_slice* value,
                                 moraine_error** error) {
  return Step(cursor, key, value, error,
              [](CursorObject& object) { return object.MoveToStart(CursorObject::Way::kAgainst); });
}

moraine_code moraine_cursor_seek(moraine_cursor* cursor, const void* target, size_t target_size,
                                 moraine_slice* key, moraine_slice* value, moraine_error** error) {
  Arguments arguments;
  const std::string_view bytes = arguments.Key(target, target_size);
  if (!arguments.ok()) return arguments.Fail(error);
  return Step(cursor, key, value, error,
              [bytes](CursorObject& object) { return object.Seek(bytes); });
}

moraine_code moraine_cursor_fetch(moraine_cursor* cursor, size_t most, moraine_slice* keys,
                                  moraine_slice* values, size_t* count, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    const CursorUse use(cursor);
    if (use.problem() != nullptr) arguments.Misuse(use.problem());
    arguments.Required(keys, "keys: NULL");
    arguments.Required(count, "count: NULL");
    if (most == 0) (void)arguments.Reject("most: 0");
    if (!arguments.ok()) return arguments.Fail(error);
    const absl::Status fetched = use->Fetch(most, keys, values, count);
    if (!fetched.ok()) return Fail(error, fetched);
    return *count != 0 ? MORAINE_OK : MORAINE_NOT_FOUND;
  });
}

moraine_code moraine_cursor_free(moraine_cursor* cursor) {
  if (cursor == nullptr) return MORAINE_OK;
  {
    // While its transaction lives, that knows the cursor.
    const CursorUse use(cursor);
    if (use.entered() && use.reads_transaction()) {
      TransactionObject* transaction = use.transaction();
      if (transaction == nullptr && use.transaction_busy()) return MORAINE_MISUSE;
      if (transaction != nullptr) std::erase(transaction->cursors, use.operator->());
      use->Detach();
    }
  }
  const std::unique_ptr<OpenCursor> object(
      static_cast<OpenCursor*>(Handle::Claim(cursor, HandleKind::kCursor)));
  if (object == nullptr) return MORAINE_MISUSE;
  HandlePool::Get().Release(cursor);
  return MORAINE_OK;
}
