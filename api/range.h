// Which keys a scan visits: a lower and an upper bound, each inclusive, exclusive or absent. Keys
// are compared as strings of unsigned bytes, a prefix before what it begins.
#ifndef MORAINE_API_RANGE_H_
#define MORAINE_API_RANGE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include <moraine/namespace.h>

namespace moraine::MORAINE_V1 {

struct Bound {
  enum class Kind : uint8_t { kUnbounded, kInclusive, kExclusive };
  Kind kind = Kind::kUnbounded;
  std::string key;
};

inline Bound Unbounded() { return {}; }
inline Bound Including(std::string_view key) { return {Bound::Kind::kInclusive, std::string(key)}; }
inline Bound Excluding(std::string_view key) { return {Bound::Kind::kExclusive, std::string(key)}; }

// A lower bound above the upper one makes an empty range.
struct Range {
  Bound lower;
  Bound upper;

  // Whether `key` lies above the lower and below the upper bound.
  bool AboveLower(std::string_view key) const;
  bool BelowUpper(std::string_view key) const;
  bool Contains(std::string_view key) const { return AboveLower(key) && BelowUpper(key); }
};

// Every key.
inline Range All() { return {}; }
// The keys that begin with `prefix`.
Range Prefix(std::string_view prefix);
// The keys between two bounds: Between(Including("a"), Excluding("b")).
inline Range Between(Bound lower, Bound upper) {
  return {static_cast<Bound&&>(lower), static_cast<Bound&&>(upper)};
}

enum class Direction : uint8_t { kForward, kBackward };

}  // namespace moraine::MORAINE_V1

#endif  // MORAINE_API_RANGE_H_
