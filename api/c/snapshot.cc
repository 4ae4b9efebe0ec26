// Taking snapshots, asking where they stand, and letting them go.
#include <memory>
#include <utility>

#include "api/c/arguments.h"
#include "api/c/failure.h"
#include "api/c/handle.h"
#include "api/c/objects.h"
#include <moraine/c.h>

using moraine::c::Arguments;
using moraine::c::Fail;
using moraine::c::Guarded;
using moraine::c::Handle;
using moraine::c::HandleKind;
using moraine::c::HandlePool;
using moraine::c::SharedSnapshot;
using moraine::c::SnapshotObject;
using moraine::c::ViewObject;

moraine_code moraine_snapshot_take(moraine_database* database, moraine_snapshot** snapshot,
                                   moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    auto* owner = arguments.DatabaseOf(database);
    arguments.Required(snapshot, "snapshot: NULL");
    if (!arguments.ok()) return arguments.Fail(error);
    *snapshot = nullptr;
    auto taken = owner->target->TakeSnapshot();
    if (!taken.ok()) return Fail(error, taken.status());
    auto object = std::make_unique<SnapshotObject>();
    object->shared = std::make_shared<const SharedSnapshot>(*std::move(taken), owner);
    object->reader = &object->shared->get();
    object->database = owner;
    Handle* handle =
        HandlePool::Get().Make(HandleKind::kSnapshot, static_cast<ViewObject*>(object.get()));
    (void)object.release();
    *snapshot = reinterpret_cast<moraine_snapshot*>(handle);
    return MORAINE_OK;
  });
}

moraine_code moraine_snapshot_position(const moraine_snapshot* snapshot, uint64_t* position,
                                       moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    const Handle* handle = Handle::Find(snapshot, HandleKind::kSnapshot);
    if (handle == nullptr) arguments.Misuse("snapshot: NULL, freed, or no snapshot");
    arguments.Required(position, "position: NULL");
    if (!arguments.ok()) return arguments.Fail(error);
    const auto* object = static_cast<SnapshotObject*>(static_cast<ViewObject*>(handle->object()));
    *position = object->shared->get().position();
    return MORAINE_OK;
  });
}

moraine_code moraine_snapshot_free(moraine_snapshot* snapshot) {
  if (snapshot == nullptr) return MORAINE_OK;
  const std::unique_ptr<SnapshotObject> object(static_cast<SnapshotObject*>(
      static_cast<ViewObject*>(Handle::Claim(snapshot, HandleKind::kSnapshot))));
  if (object == nullptr) return MORAINE_MISUSE;
  HandlePool::Get().Release(snapshot);
  return MORAINE_OK;
}
