// Calling back into C with borrowed slices, and taking the result.
#include "api/c/merge_callback.h"

#include <utility>
#include <vector>

#include "api/c/failure.h"

namespace moraine::c {

std::string MergeCallback::Merge(std::string_view key, std::optional<std::string_view> existing,
                                 std::span<const std::string_view> operands) const {
  std::vector<moraine_slice> slices;
  slices.reserve(operands.size());
  for (const std::string_view operand : operands) {
    slices.push_back({operand.data(), operand.size()});
  }
  moraine_slice current = {nullptr, 0};
  if (existing.has_value()) current = {existing->data(), existing->size()};
  moraine_result result;
  callbacks_.merge(callbacks_.context, key.data(), key.size(),
                   existing.has_value() ? &current : nullptr, slices.data(), slices.size(),
                   &result);
  return std::move(result.bytes);
}

std::optional<std::string> CallUpdate(moraine_update_function update, void* context,
                                      std::optional<std::string_view> current) {
  moraine_slice slice = {nullptr, 0};
  if (current.has_value()) slice = {current->data(), current->size()};
  moraine_result result;
  const bool write = update(context, current.has_value() ? &slice : nullptr, &result) != 0;
  if (!write) return std::nullopt;
  return std::move(result.bytes);
}

}  // namespace moraine::c

moraine_code moraine_result_append(moraine_result* result, const void* data, size_t size) {
  return moraine::c::Guarded(nullptr, [&]() -> moraine_code {
    if (result == nullptr || result->word != moraine_result::kAlive) return MORAINE_MISUSE;
    if (data == nullptr && size != 0) return MORAINE_MISUSE;
    if (size > MORAINE_MOST_VALUE_BYTES - result->bytes.size()) return MORAINE_INVALID_ARGUMENT;
    if (size != 0) result->bytes.append(static_cast<const char*>(data), size);
    return MORAINE_OK;
  });
}
