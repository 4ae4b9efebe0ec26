// Fingerprint search, sixteen at a time where the processor can.
#include "storage/tree/run.h"

// The hash is a few instructions for short keys, less than a call through a shared library costs.
#define XXH_INLINE_ALL
#include <xxhash.h>

#if defined(__SSE2__)
#include <emmintrin.h>

#include <cstring>
#endif

namespace moraine {

uint8_t FingerprintOf(std::string_view key) {
  return static_cast<uint8_t>(XXH3_64bits(key.data(), key.size()));
}

uint32_t Run::NextMatch(uint8_t fingerprint, uint32_t from) const {
  const uint8_t* prints = fingerprints();
#if defined(__SSE2__)
  const __m128i target = _mm_set1_epi8(static_cast<char>(fingerprint));
  for (uint32_t block = from & ~15u; block < count; block += 16) {
    __m128i sixteen;
    std::memcpy(&sixteen, prints + block, sizeof(sixteen));
    unsigned matches = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(sixteen, target)));
    if (block < from) matches &= ~0u << (from - block);
    if (matches == 0) continue;
    uint32_t index = block + static_cast<uint32_t>(__builtin_ctz(matches));
    return index < count ? index : count;
  }
  return count;
#else
  while (from < count && prints[from] != fingerprint) ++from;
  return from;
#endif
}

}  // namespace moraine
