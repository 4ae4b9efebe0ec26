// Writes of one key: blind ones, conditional ones, and those that a callback decides.
#include <optional>
#include <utility>

#include "api/c/arguments.h"
#include "api/c/failure.h"
#include "api/c/merge_callback.h"
#include "api/c/objects.h"
#include "api/c/owned.h"
#include <moraine/c.h>

using moraine::c::Arguments;
using moraine::c::Fail;
using moraine::c::Guarded;
using moraine::c::OwnedCopy;

namespace {

moraine_code Ended(const absl::Status& status, moraine_error** error) {
  return status.ok() ? MORAINE_OK : Fail(error, status);
}

// Hands `value` to the caller, who may not want it.
void Give(const std::optional<moraine::Value>& value, moraine_slice* to) {
  if (to != nullptr) *to = OwnedCopy(value);
}

}  // namespace

moraine_code moraine_put(moraine_database* database, moraine_tree* tree, const void* key,
                         size_t key_size, const void* value, size_t value_size,
                         moraine_durability durability, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    auto* object = arguments.DatabaseOf(database);
    const auto* target = arguments.TreeOf(tree, object);
    const auto key_bytes = arguments.Key(key, key_size);
    const auto value_bytes = arguments.Value(value, value_size);
    const auto chosen = arguments.DurabilityOf(durability);
    if (!arguments.ok()) return arguments.Fail(error);
    return Ended(object->target->Put(target->tree, key_bytes, value_bytes, chosen), error);
  });
}

moraine_code moraine_delete(moraine_database* database, moraine_tree* tree, const void* key,
                            size_t key_size, moraine_durability durability, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    auto* object = arguments.DatabaseOf(database);
    const auto* target = arguments.TreeOf(tree, object);
    const auto key_bytes = arguments.Key(key, key_size);
    const auto chosen = arguments.DurabilityOf(durability);
    if (!arguments.ok()) return arguments.Fail(error);
    return Ended(object->target->Delete(target->tree, key_bytes, chosen), error);
  });
}

moraine_code moraine_merge(moraine_database* database, moraine_tree* tree, const void* key,
                           size_t key_size, const void* operand, size_t operand_size,
                           moraine_durability durability, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    auto* object = arguments.DatabaseOf(database);
    const auto* target = arguments.TreeOf(tree, object);
    const auto key_bytes = arguments.Key(key, key_size);
    const auto operand_bytes = arguments.Value(operand, operand_size);
    const auto chosen = arguments.DurabilityOf(durability);
    if (!arguments.ok()) return arguments.Fail(error);
    return Ended(object->target->Merge(target->tree, key_bytes, operand_bytes, chosen), error);
  });
}

moraine_code moraine_compare_and_swap(moraine_database* database, moraine_tree* tree,
                                      const void* key, size_t key_size,
                                      const moraine_slice* expected, const moraine_slice* desired,
                                      moraine_durability durability, moraine_slice* actual,
                                      moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    auto* object = arguments.DatabaseOf(database);
    const auto* target = arguments.TreeOf(tree, object);
    const auto key_bytes = arguments.Key(key, key_size);
    const auto expected_bytes = arguments.OptionalValue(expected);
    const auto desired_bytes = arguments.OptionalValue(desired);
    const auto chosen = arguments.DurabilityOf(durability);
    if (!arguments.ok()) return arguments.Fail(error);
    const auto result = object->target->CompareAndSwap(target->tree, key_bytes, expected_bytes,
                                                       desired_bytes, chosen);
    if (!result.ok()) return Fail(error, result.status());
    Give(result->actual, actual);
    return result->swapped ? MORAINE_OK : MORAINE_MISMATCH;
  });
}

moraine_code moraine_get_and_set(moraine_database* database, moraine_tree* tree, const void* key,
                                 size_t key_size, const moraine_slice* value,
                                 moraine_durability durability, moraine_slice* previous,
                                 moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    auto* object = arguments.DatabaseOf(database);
    const auto* target = arguments.TreeOf(tree, object);
    const auto key_bytes = arguments.Key(key, key_size);
    const auto value_bytes = arguments.OptionalValue(value);
    const auto chosen = arguments.DurabilityOf(durability);
    if (!arguments.ok()) return arguments.Fail(error);
    const auto before = object->target->GetAndSet(target->tree, key_bytes, value_bytes, chosen);
    if (!before.ok()) return Fail(error, before.status());
    Give(*before, previous);
    return MORAINE_OK;
  });
}

moraine_code moraine_update(moraine_database* database, moraine_tree* tree, const void* key,
                            size_t key_size, moraine_update_function update, void* context,
                            moraine_durability durability, moraine_slice* previous,
                            moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    auto* object = arguments.DatabaseOf(database);
    const auto* target = arguments.TreeOf(tree, object);
    const auto key_bytes = arguments.Key(key, key_size);
    if (update == nullptr) arguments.Misuse("update: NULL");
    const auto chosen = arguments.DurabilityOf(durability);
    if (!arguments.ok()) return arguments.Fail(error);
    const auto call = [&](std::optional<std::string_view> current) {
      return moraine::c::CallUpdate(update, context, current);
    };
    const auto before = object->target->FetchAndUpdate(target->tree, key_bytes, call, chosen);
    if (!before.ok()) return Fail(error, before.status());
    Give(*before, previous);
    return MORAINE_OK;
  });
}
