// Structs that callers of any version filled in, and the initializers of those structs.
#include "api/c/arguments.h"

#include <algorithm>
#include <string>
#include <utility>

namespace moraine::c {

namespace {

// No struct of any version is larger; more is a struct that nobody initialized.
constexpr size_t kMostStructBytes = 4096;

// Sets the bound's kind from the caller's, and tells whether there is such a kind.
bool ReadKind(uint8_t kind, Bound::Kind* to) {
  switch (kind) {
    case MORAINE_UNBOUNDED:
      *to = Bound::Kind::kUnbounded;
      return true;
    case MORAINE_INCLUSIVE:
      *to = Bound::Kind::kInclusive;
      return true;
    case MORAINE_EXCLUSIVE:
      *to = Bound::Kind::kExclusive;
      return true;
    default:
      return false;
  }
}

bool AllZero(const uint8_t* bytes, size_t size) {
  return std::all_of(bytes, bytes + size, [](uint8_t byte) { return byte == 0; });
}

template <class T>
moraine_code Initialize(T* to, size_t struct_size) {
  if (to == nullptr || struct_size < sizeof(size_t) || struct_size > kMostStructBytes) {
    return MORAINE_MISUSE;
  }
  std::memset(static_cast<void*>(to), 0, struct_size);
  to->struct_size = struct_size;
  return MORAINE_OK;
}

}  // namespace

void Arguments::CopyStruct(const void* from, size_t from_size, size_t least_size, void* to,
                           size_t to_size) {
  if (from_size < least_size || from_size > kMostStructBytes) {
    return Misuse("a struct whose struct_size was not set: use its INIT macro");
  }
  std::memcpy(to, from, std::min(from_size, to_size));
  const auto* bytes = static_cast<const uint8_t*>(from);
  if (from_size > to_size && !AllZero(bytes + to_size, from_size - to_size)) {
    Unsupported("a struct of a later version with members that this library does not know");
  }
}

Range Arguments::RangeOf(const moraine_range* range, bool* reverse) {
  const moraine_range given = Struct(range, sizeof(moraine_range));
  *reverse = given.reverse != 0;
  if (!AllZero(given.reserved, sizeof(given.reserved))) Unsupported("range: reserved is not zero");
  Bound lower;
  Bound upper;
  if (!ReadKind(given.lower_kind, &lower.kind) || !ReadKind(given.upper_kind, &upper.kind)) {
    (void)Reject("range: a kind of bound that there is not");
    return {};
  }
  const std::string_view prefix = Key(given.prefix.data, given.prefix.size);
  if (lower.kind != Bound::Kind::kUnbounded) {
    lower.key = std::string(Key(given.lower.data, given.lower.size));
  }
  if (upper.kind != Bound::Kind::kUnbounded) {
    upper.key = std::string(Key(given.upper.data, given.upper.size));
  }
  if (prefix.empty()) return {std::move(lower), std::move(upper)};
  // A bound counts where it is tighter than the prefix's.
  Range result = Prefix(prefix);
  if (lower.kind != Bound::Kind::kUnbounded && lower.key >= result.lower.key) {
    result.lower = std::move(lower);
  }
  const bool open = result.upper.kind == Bound::Kind::kUnbounded;
  if (upper.kind != Bound::Kind::kUnbounded && (open || upper.key < result.upper.key)) {
    result.upper = std::move(upper);
  }
  return result;
}

}  // namespace moraine::c

moraine_code moraine_options_init(moraine_options* options, size_t struct_size) {
  return moraine::c::Initialize(options, struct_size);
}

moraine_code moraine_tree_options_init(moraine_tree_options* options, size_t struct_size) {
  return moraine::c::Initialize(options, struct_size);
}

moraine_code moraine_transaction_options_init(moraine_transaction_options* options,
                                              size_t struct_size) {
  return moraine::c::Initialize(options, struct_size);
}

moraine_code moraine_range_init(moraine_range* range, size_t struct_size) {
  return moraine::c::Initialize(range, struct_size);
}
