// Filling batches and applying them, with the check that all trees are of one database.
#include <memory>

#include "api/c/arguments.h"
#include "api/c/failure.h"
#include "api/c/handle.h"
#include "api/c/objects.h"
#include <moraine/c.h>

using moraine::c::Arguments;
using moraine::c::BatchObject;
using moraine::c::ExclusiveUse;
using moraine::c::Fail;
using moraine::c::Guarded;
using moraine::c::Handle;
using moraine::c::HandleKind;
using moraine::c::HandlePool;
using moraine::c::TreeObject;

namespace {

// The batch of a handle, for the time of one call.
class BatchUse {
 public:
  BatchUse(const moraine_batch* batch, Arguments* arguments) : use_(batch, HandleKind::kBatch) {
    if (!use_.found()) {
      arguments->Misuse("batch: NULL, freed, or no batch");
    } else if (!use_.entered()) {
      arguments->Misuse("batch: another thread is inside a call on it");
    }
  }
  BatchObject* operator->() const { return static_cast<BatchObject*>(use_.object()); }

  // Binds the batch to the database of `tree` with its first operation.
  void Join(const TreeObject* tree, Arguments* arguments) const {
    if (!arguments->ok()) return;
    BatchObject* object = operator->();
    if (object->owner_serial == 0) object->owner_serial = tree->owner_serial;
    if (object->owner_serial != tree->owner_serial) {
      arguments->Misuse("tree: of another database than the batch");
    }
  }

 private:
  ExclusiveUse use_;
};

}  // namespace

moraine_code moraine_batch_new(moraine_batch** batch, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    arguments.Required(batch, "batch: NULL");
    if (!arguments.ok()) return arguments.Fail(error);
    *batch = nullptr;
    auto object = std::make_unique<BatchObject>();
    Handle* handle = HandlePool::Get().Make(HandleKind::kBatch, object.get());
    (void)object.release();
    *batch = reinterpret_cast<moraine_batch*>(handle);
    return MORAINE_OK;
  });
}

moraine_code moraine_batch_put(moraine_batch* batch, moraine_tree* tree, const void* key,
                               size_t key_size, const void* value, size_t value_size,
                               moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    const BatchUse use(batch, &arguments);
    const auto* target = arguments.TreeOf(tree, nullptr);
    const auto key_bytes = arguments.Key(key, key_size);
    const auto value_bytes = arguments.Value(value, value_size);
    use.Join(target, &arguments);
    if (!arguments.ok()) return arguments.Fail(error);
    use->batch.Put(target->tree, key_bytes, value_bytes);
    return MORAINE_OK;
  });
}

moraine_code moraine_batch_delete(moraine_batch* batch, moraine_tree* tree, const void* key,
                                  size_t key_size, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    const BatchUse use(batch, &arguments);
    const auto* target = arguments.TreeOf(tree, nullptr);
    const auto key_bytes = arguments.Key(key, key_size);
    use.Join(target, &arguments);
    if (!arguments.ok()) return arguments.Fail(error);
    use->batch.Delete(target->tree, key_bytes);
    return MORAINE_OK;
  });
}

moraine_code moraine_batch_merge(moraine_batch* batch, moraine_tree* tree, const void* key,
                                 size_t key_size, const void* operand, size_t operand_size,
                                 moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    const BatchUse use(batch, &arguments);
    const auto* target = arguments.TreeOf(tree, nullptr);
    const auto key_bytes = arguments.Key(key, key_size);
    const auto operand_bytes = arguments.Value(operand, operand_size);
    use.Join(target, &arguments);
    if (!arguments.ok()) return arguments.Fail(error);
    use->batch.Merge(target->tree, key_bytes, operand_bytes);
    return MORAINE_OK;
  });
}

moraine_code moraine_batch_clear(moraine_batch* batch, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    const BatchUse use(batch, &arguments);
    if (!arguments.ok()) return arguments.Fail(error);
    use->batch.Clear();
    use->owner_serial = 0;
    return MORAINE_OK;
  });
}

moraine_code moraine_batch_count(moraine_batch* batch, size_t* count, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    const BatchUse use(batch, &arguments);
    arguments.Required(count, "count: NULL");
    if (!arguments.ok()) return arguments.Fail(error);
    *count = use->batch.size();
    return MORAINE_OK;
  });
}

moraine_code moraine_batch_apply(moraine_database* database, moraine_batch* batch,
                                 moraine_durability durability, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    auto* object = arguments.DatabaseOf(database);
    const BatchUse use(batch, &arguments);
    const auto chosen = arguments.DurabilityOf(durability);
    if (!arguments.ok()) return arguments.Fail(error);
    if (!use->batch.empty() && use->owner_serial != object->serial) {
      return Fail(error, MORAINE_MISUSE, "batch: its trees are of another or a closed database");
    }
    const absl::Status applied = object->target->Apply(use->batch, chosen);
    return applied.ok() ? MORAINE_OK : Fail(error, applied);
  });
}

moraine_code moraine_batch_free(moraine_batch* batch) {
  if (batch == nullptr) return MORAINE_OK;
  const std::unique_ptr<BatchObject> object(
      static_cast<BatchObject*>(Handle::Claim(batch, HandleKind::kBatch)));
  if (object == nullptr) return MORAINE_MISUSE;
  HandlePool::Get().Release(batch);
  return MORAINE_OK;
}
