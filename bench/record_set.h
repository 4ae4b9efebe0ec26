// The records that every benchmark uses, computed from a seed instead of stored: key and value of
// record `index` are pure functions, so an engine's memory is the only memory, every engine gets
// the same bytes, and a value that was read can be checked without looking it up anywhere.
//   key    16 bytes: hexadecimal digits of a bijective mix of (seed, index), so keys are distinct
//          and arrive in no order
//   value  [0..8) owner, from (seed, index)  [8..16) version, little endian
//          [16..n/2) random, from owner and version   [n/2..n) constant
#ifndef MORAINE_BENCH_RECORD_SET_H_
#define MORAINE_BENCH_RECORD_SET_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace moraine::bench {

inline constexpr size_t kKeyBytes = 16;
inline constexpr size_t kLeastValueBytes = 32;  // room for owner and version in the random half

// A bijection of 64-bit words that leaves no pattern (finalizer of splitmix64).
constexpr uint64_t Mix(uint64_t word) {
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ULL;
  word = (word ^ (word >> 27)) * 0x94d049bb133111ebULL;
  return word ^ (word >> 31);
}

// A stream of random words for one thread. About 1 ns a word.
class RandomStream {
 public:
  explicit RandomStream(uint64_t seed) : state_(Mix(seed)) {}
  uint64_t Next() { return Mix(state_ += 0x9e3779b97f4a7c15ULL); }
  // Uniform in [0, bound).
  uint64_t Below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }

 private:
  uint64_t state_;
};

// Room for one key; the view lives as long as this object and is overwritten by the next use.
struct KeyBuffer {
  char bytes[kKeyBytes];
  std::string_view view() const { return {bytes, kKeyBytes}; }
};

// Immutable; any thread.
class RecordSet {
 public:
  // `value_bytes` is at least kLeastValueBytes.
  RecordSet(uint64_t seed, uint64_t count, size_t value_bytes);

  uint64_t count() const { return count_; }
  size_t value_bytes() const { return value_bytes_; }

  std::string_view Key(uint64_t index, KeyBuffer* buffer) const;
  // Makes `value` the value of record `index` in its version `version`.
  void FillValue(uint64_t index, uint64_t version, std::string* value) const;
  // Whether `value` is a whole value of record `index`, in any version. Looks at every byte.
  bool CheckValue(uint64_t index, std::string_view value) const;
  // The version a value says it has; 0 when it is too short to say.
  static uint64_t VersionOf(std::string_view value);

 private:
  uint64_t Owner(uint64_t index) const { return Mix(owner_salt_ ^ index); }

  const uint64_t key_salt_;
  const uint64_t owner_salt_;
  const uint64_t count_;
  const size_t value_bytes_;
  const std::string constant_;  // the second half of every value
};

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_RECORD_SET_H_
