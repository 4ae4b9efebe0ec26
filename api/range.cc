// Comparing keys with bounds, and the range that a prefix stands for.
#include <utility>

#include <moraine/range.h>

namespace moraine::MORAINE_V1 {

bool Range::AboveLower(std::string_view key) const {
  switch (lower.kind) {
    case Bound::Kind::kUnbounded:
      return true;
    case Bound::Kind::kInclusive:
      return key >= lower.key;
    case Bound::Kind::kExclusive:
      return key > lower.key;
  }
  return false;
}

bool Range::BelowUpper(std::string_view key) const {
  switch (upper.kind) {
    case Bound::Kind::kUnbounded:
      return true;
    case Bound::Kind::kInclusive:
      return key <= upper.key;
    case Bound::Kind::kExclusive:
      return key < upper.key;
  }
  return false;
}

Range Prefix(std::string_view prefix) {
  // The first key after all that begin with the prefix: its last byte below 0xff, plus one. A
  // prefix of 0xff bytes alone has no such key, as nothing sorts after it.
  std::string after(prefix);
  while (!after.empty() && static_cast<unsigned char>(after.back()) == 0xff) after.pop_back();
  if (after.empty()) return {Including(prefix), Unbounded()};
  after.back() = static_cast<char>(static_cast<unsigned char>(after.back()) + 1);
  return {Including(prefix), Excluding(after)};
}

}  // namespace moraine::MORAINE_V1
