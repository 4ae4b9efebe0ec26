// Point reads and the ends of ranges, of any view.
#include <cstring>
#include <string_view>
#include <vector>

#include "api/c/arguments.h"
#include "api/c/failure.h"
#include "api/c/objects.h"
#include "api/c/owned.h"
#include <moraine/c.h>

using moraine::c::Arguments;
using moraine::c::Fail;
using moraine::c::Guarded;
using moraine::c::OwnedCopy;

namespace {

using OptionalRecord = absl::StatusOr<std::optional<moraine::Record>>;

moraine_code GiveRecord(const OptionalRecord& record, moraine_slice* key, moraine_slice* value,
                        moraine_error** error) {
  if (!record.ok()) return Fail(error, record.status());
  if (!record->has_value()) return MORAINE_NOT_FOUND;
  *key = OwnedCopy((*record)->key);
  if (value != nullptr) *value = OwnedCopy((*record)->value.view());
  return MORAINE_OK;
}

enum class End { kFirst, kLast };

moraine_code ReadEnd(End end, moraine_view* view, moraine_tree* tree, const moraine_range* range,
                     moraine_slice* key, moraine_slice* value, moraine_error** error) {
  Arguments arguments;
  const auto* source = arguments.ViewOf(view);
  const auto* target = arguments.TreeOf(tree, source == nullptr ? nullptr : source->database);
  bool ignored = false;
  const moraine::Range bounds = arguments.RangeOf(range, &ignored);
  arguments.Required(key, "key: NULL");
  if (!arguments.ok()) return arguments.Fail(error);
  const auto& reader = *source->reader;
  return GiveRecord(
      end == End::kFirst ? reader.First(target->tree, bounds) : reader.Last(target->tree, bounds),
      key, value, error);
}

moraine_code PopEnd(End end, moraine_database* database, moraine_tree* tree,
                    const moraine_range* range, moraine_durability durability, moraine_slice* key,
                    moraine_slice* value, moraine_error** error) {
  Arguments arguments;
  auto* object = arguments.DatabaseOf(database);
  const auto* target = arguments.TreeOf(tree, object);
  bool ignored = false;
  const moraine::Range bounds = arguments.RangeOf(range, &ignored);
  const auto chosen = arguments.DurabilityOf(durability);
  arguments.Required(key, "key: NULL");
  if (!arguments.ok()) return arguments.Fail(error);
  auto& popper = *object->target;
  return GiveRecord(end == End::kFirst ? popper.PopFirst(target->tree, bounds, chosen)
                                       : popper.PopLast(target->tree, bounds, chosen),
                    key, value, error);
}

// The values behind each other in one owned block.
void GiveValues(const std::vector<std::optional<moraine::Value>>& found, moraine_slice* values,
                void** block) {
  size_t size = 0;
  for (const auto& value : found) size += value.has_value() ? value->size() : 0;
  char* bytes = moraine::c::OwnedBlock(size);
  *block = bytes;
  for (size_t i = 0; i < found.size(); ++i) {
    values[i] = {nullptr, 0};
    if (!found[i].has_value()) continue;
    values[i] = {bytes, found[i]->size()};
    std::memcpy(bytes, found[i]->data(), found[i]->size());
    bytes += found[i]->size();
  }
}

}  // namespace

moraine_code moraine_get(moraine_view* view, moraine_tree* tree, const void* key, size_t key_size,
                         void* buffer, size_t buffer_size, size_t* value_size,
                         moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    const auto* source = arguments.ViewOf(view);
    const auto* target = arguments.TreeOf(tree, source == nullptr ? nullptr : source->database);
    const auto key_bytes = arguments.Key(key, key_size);
    if (buffer_size != 0) arguments.Required(buffer, "buffer: NULL with a size");
    if (!arguments.ok()) return arguments.Fail(error);
    const auto value = source->reader->Get(target->tree, key_bytes);
    if (!value.ok()) return Fail(error, value.status());
    if (!value->has_value()) return MORAINE_NOT_FOUND;
    const size_t size = (*value)->size();
    if (value_size != nullptr) *value_size = size;
    if (size > buffer_size) return MORAINE_TOO_SMALL;
    if (size != 0) std::memcpy(buffer, (*value)->data(), size);
    return MORAINE_OK;
  });
}

moraine_code moraine_get_copy(moraine_view* view, moraine_tree* tree, const void* key,
                              size_t key_size, moraine_slice* value, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    const auto* source = arguments.ViewOf(view);
    const auto* target = arguments.TreeOf(tree, source == nullptr ? nullptr : source->database);
    const auto key_bytes = arguments.Key(key, key_size);
    arguments.Required(value, "value: NULL");
    if (!arguments.ok()) return arguments.Fail(error);
    *value = {nullptr, 0};
    const auto found = source->reader->Get(target->tree, key_bytes);
    if (!found.ok()) return Fail(error, found.status());
    *value = OwnedCopy(*found);
    return found->has_value() ? MORAINE_OK : MORAINE_NOT_FOUND;
  });
}

moraine_code moraine_contains(moraine_view* view, moraine_tree* tree, const void* key,
                              size_t key_size, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    const auto* source = arguments.ViewOf(view);
    const auto* target = arguments.TreeOf(tree, source == nullptr ? nullptr : source->database);
    const auto key_bytes = arguments.Key(key, key_size);
    if (!arguments.ok()) return arguments.Fail(error);
    const auto found = source->reader->Contains(target->tree, key_bytes);
    if (!found.ok()) return Fail(error, found.status());
    return *found ? MORAINE_OK : MORAINE_NOT_FOUND;
  });
}

moraine_code moraine_multi_get(moraine_view* view, moraine_tree* tree, const moraine_slice* keys,
                               size_t count, moraine_slice* values, void** block,
                               moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    Arguments arguments;
    const auto* source = arguments.ViewOf(view);
    const auto* target = arguments.TreeOf(tree, source == nullptr ? nullptr : source->database);
    arguments.Required(block, "block: NULL");
    if (count != 0) {
      arguments.Required(keys, "keys: NULL with a count");
      arguments.Required(values, "values: NULL with a count");
    }
    if (count > MORAINE_MOST_GET_KEYS) (void)arguments.Reject("count: more than 1048576 keys");
    std::vector<std::string_view> key_list;
    if (arguments.ok()) key_list.reserve(count);
    for (size_t i = 0; arguments.ok() && i < count; ++i) {
      key_list.push_back(arguments.Key(keys[i].data, keys[i].size));
    }
    if (!arguments.ok()) return arguments.Fail(error);
    *block = nullptr;
    const auto found = source->reader->MultiGet(target->tree, key_list);
    if (!found.ok()) return Fail(error, found.status());
    GiveValues(*found, values, block);
    return MORAINE_OK;
  });
}

moraine_code moraine_first(moraine_view* view, moraine_tree* tree, const moraine_range* range,
                           moraine_slice* key, moraine_slice* value, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    return ReadEnd(End::kFirst, view, tree, range, key, value, error);
  });
}

moraine_code moraine_last(moraine_view* view, moraine_tree* tree, const moraine_range* range,
                          moraine_slice* key, moraine_slice* value, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    return ReadEnd(End::kLast, view, tree, range, key, value, error);
  });
}

moraine_code moraine_pop_first(moraine_database* database, moraine_tree* tree,
                               const moraine_range* range, moraine_durability durability,
                               moraine_slice* key, moraine_slice* value, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    return PopEnd(End::kFirst, database, tree, range, durability, key, value, error);
  });
}

moraine_code moraine_pop_last(moraine_database* database, moraine_tree* tree,
                              const moraine_range* range, moraine_durability durability,
                              moraine_slice* key, moraine_slice* value, moraine_error** error) {
  return Guarded(error, [&]() -> moraine_code {
    return PopEnd(End::kLast, database, tree, range, durability, key, value, error);
  });
}
