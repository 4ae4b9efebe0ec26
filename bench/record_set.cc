// Keys and values as functions of (seed, index, version); see the header. Written to cost a few
// nanoseconds, since this runs inside the timed loops of engines that need a few hundred.
#include "bench/record_set.h"

#include <algorithm>
#include <cstring>

#include "storage/base/check.h"

namespace moraine::bench {
namespace {

// The eight hexadecimal digits of `half`, most significant first, as bytes in memory order.
uint64_t HexDigits(uint32_t half) {
  // One nibble per byte, then all eight digits at once: '0' + nibble, + 39 more from 10 on.
  uint64_t nibbles = half;
  nibbles = ((nibbles & 0x00000000ffff0000ULL) << 16) | (nibbles & 0x000000000000ffffULL);
  nibbles = ((nibbles & 0x0000ff000000ff00ULL) << 8) | (nibbles & 0x000000ff000000ffULL);
  nibbles = ((nibbles & 0x00f000f000f000f0ULL) << 4) | (nibbles & 0x000f000f000f000fULL);
  const uint64_t ones = 0x0101010101010101ULL;
  const uint64_t letters = ((nibbles + 6 * ones) >> 4) & ones;  // 1 where the nibble is 10 to 15
  return __builtin_bswap64(nibbles + '0' * ones + letters * 39);
}

// Random word number `position` of a value.
uint64_t RandomWord(uint64_t stem, size_t position) {
  return Mix(stem + position * 0x9e3779b97f4a7c15ULL);
}

}  // namespace

RecordSet::RecordSet(uint64_t seed, uint64_t count, size_t value_bytes)
    : key_salt_(Mix(seed)),
      owner_salt_(Mix(seed + 1)),
      count_(count),
      value_bytes_(value_bytes),
      constant_(value_bytes - value_bytes / 2, 'm') {
  MORAINE_CHECK(value_bytes >= kLeastValueBytes);
}

std::string_view RecordSet::Key(uint64_t index, KeyBuffer* buffer) const {
  const uint64_t word = Mix(index ^ key_salt_);
  const uint64_t digits[2] = {HexDigits(static_cast<uint32_t>(word >> 32)),
                              HexDigits(static_cast<uint32_t>(word))};
  static_assert(sizeof(digits) == kKeyBytes);
  std::memcpy(buffer->bytes, digits, kKeyBytes);
  return buffer->view();
}

void RecordSet::FillValue(uint64_t index, uint64_t version, std::string* value) const {
  value->resize(value_bytes_);
  char* bytes = value->data();
  const size_t half = value_bytes_ / 2;
  const uint64_t owner = Owner(index);
  const uint64_t stem = owner ^ Mix(version);
  std::memcpy(bytes, &owner, sizeof(owner));
  std::memcpy(bytes + 8, &version, sizeof(version));
  for (size_t at = 16; at < half; at += 8) {
    const uint64_t word = RandomWord(stem, at);
    std::memcpy(bytes + at, &word, std::min<size_t>(8, half - at));
  }
  std::memcpy(bytes + half, constant_.data(), constant_.size());
}

bool RecordSet::CheckValue(uint64_t index, std::string_view value) const {
  if (value.size() != value_bytes_) return false;
  const char* bytes = value.data();
  const size_t half = value_bytes_ / 2;
  uint64_t owner = 0;
  std::memcpy(&owner, bytes, sizeof(owner));
  if (owner != Owner(index)) return false;
  const uint64_t stem = owner ^ Mix(VersionOf(value));
  uint64_t difference = 0;
  size_t at = 16;
  for (; at + 8 <= half; at += 8) {
    uint64_t found = 0;
    std::memcpy(&found, bytes + at, 8);
    difference |= found ^ RandomWord(stem, at);
  }
  if (at < half) {
    const uint64_t word = RandomWord(stem, at);
    difference |= static_cast<uint64_t>(std::memcmp(bytes + at, &word, half - at) != 0);
  }
  return difference == 0 && std::memcmp(bytes + half, constant_.data(), constant_.size()) == 0;
}

uint64_t RecordSet::VersionOf(std::string_view value) {
  uint64_t version = 0;
  if (value.size() >= 16) std::memcpy(&version, value.data() + 8, sizeof(version));
  return version;
}

}  // namespace moraine::bench
