// Opening, moving and freeing cursors; the moves themselves are in cursor_object.h.
#include <memory>
#include <utility>

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
using moraine::c::ViewObject;

namespace {

// The cursor of a handle, for the time of one call.
class CursorUse {
 public:
  CursorUse(const moraine_cursor* cursor, Arguments* arguments)
      : use_(cursor, HandleKind::kCursor) {
    if (!use_.found()) {
      arguments->Misuse("cursor: NULL, freed, or no cursor");
    } else if (!use_.entered()) {
      arguments->Misuse("cursor: another thread is inside a call on it");
    }
  }
  CursorObject* operator->() const { return static_cast<CursorObject*>(use_.object()); }

 private:
  ExclusiveUse use_;
};

// Runs one move and gives the record that it led to.
template <class MoveFunction>
moraine_code Step(moraine_cursor* cursor, moraine_slice* key, moraine_slice* value,
                  moraine_error** error, const MoveFunction& move) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    const CursorUse use(cursor, &arguments);
    if (!arguments.ok()) return arguments.Fail(error);
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
absl::StatusOr<std::shared_ptr<const SharedSnapshot>> SnapshotOf(moraine_view* view,
                                                                 ViewObject* source) {
  if (Handle::KindOf(view) == HandleKind::kSnapshot) {
    return static_cast<SnapshotObject*>(source)->shared;
  }
  auto taken = source->database->target->TakeSnapshot();
  if (!taken.ok()) return taken.status();
  return std::make_shared<const SharedSnapshot>(*std::move(taken), source->database);
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
    auto snapshot = SnapshotOf(view, source);
    if (!snapshot.ok()) return Fail(error, snapshot.status());
    const moraine::ReadView* reader = &(*snapshot)->get();
    auto object = std::make_unique<CursorObject>(
        *std::move(snapshot), reader, target->tree, std::move(bounds),
        reverse ? moraine::Direction::kBackward : moraine::Direction::kForward);
    Handle* handle = HandlePool::Get().Make(HandleKind::kCursor, object.get());
    (void)object.release();
    *cursor = reinterpret_cast<moraine_cursor*>(handle);
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
    const CursorUse use(cursor, &arguments);
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
  const std::unique_ptr<CursorObject> object(
      static_cast<CursorObject*>(Handle::Claim(cursor, HandleKind::kCursor)));
  if (object == nullptr) return MORAINE_MISUSE;
  HandlePool::Get().Release(cursor);
  return MORAINE_OK;
}
