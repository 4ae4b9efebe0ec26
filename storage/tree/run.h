// A run: the committed versions of a page that are newer than its block, sorted by key, newest
// first among equal keys. It holds pointers, not copies. One line of fingerprints answers most
// lookups; heads (as in a block, relative to the base's prefix) answer most comparisons without
// touching a version.
#ifndef MORAINE_STORAGE_TREE_RUN_H_
#define MORAINE_STORAGE_TREE_RUN_H_

#include <cstddef>
#include <cstdint>

#include "storage/tree/version.h"

namespace moraine {

struct Run {
  uint32_t count;
  uint32_t payload_bytes;  // sum of key and value sizes
  uint64_t max_ts;
  uint64_t unused[6];  // fingerprints start a cache line of their own
  // uint8_t fingerprints[count rounded up to 16], then Version* versions[count], then uint32_t
  // heads[count]

  static size_t FingerprintBytes(uint32_t count) { return (size_t{count} + 15) & ~size_t{15}; }
  static size_t Bytes(uint32_t count) {
    return sizeof(Run) + FingerprintBytes(count) +
           (sizeof(Version*) + sizeof(uint32_t)) * size_t{count};
  }
  uint8_t* fingerprints() { return reinterpret_cast<uint8_t*>(this + 1); }
  const uint8_t* fingerprints() const { return reinterpret_cast<const uint8_t*>(this + 1); }
  Version** versions() {
    return reinterpret_cast<Version**>(fingerprints() + FingerprintBytes(count));
  }
  Version* const* versions() const {
    return reinterpret_cast<Version* const*>(fingerprints() + FingerprintBytes(count));
  }
  uint32_t* heads() { return reinterpret_cast<uint32_t*>(versions() + count); }
  const uint32_t* heads() const { return reinterpret_cast<const uint32_t*>(versions() + count); }
  size_t allocation_bytes() const { return Bytes(count); }

  // The first index >= `from` whose fingerprint is `fingerprint`, or count.
  uint32_t NextMatch(uint8_t fingerprint, uint32_t from) const;
};
static_assert(sizeof(Run) == 64);

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_RUN_H_
