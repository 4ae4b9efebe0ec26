// CRC32C in two forms: a table walk that works anywhere, and the SSE4.2 instruction, chosen once
// per process.
#include "storage/base/checksum.h"

#include <array>
#include <cstring>

#include "storage/base/coding.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace moraine {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // Castagnoli, bit-reversed

constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? kPolynomial : 0);
    table[i] = crc;
  }
  return table;
}

constexpr std::array<uint32_t, 256> kTable = MakeTable();

#if defined(__x86_64__)

// The CRC register after `zero_bytes` further zero bytes is a linear function of its 32 bits; four
// tables of 256 hold that function for one lane length, so that three lanes computed side by side
// can be joined.
constexpr size_t kLaneBytes = 1024;

constexpr uint32_t Shift(uint32_t crc, size_t zero_bytes) {
  for (size_t i = 0; i < zero_bytes; ++i) crc = (crc >> 8) ^ kTable[crc & 0xff];
  return crc;
}

struct LaneShift {
  std::array<std::array<uint32_t, 256>, 4> tables{};
  LaneShift() {
    for (uint32_t lane = 0; lane < 4; ++lane) {
      for (uint32_t byte = 0; byte < 256; ++byte)
        tables[lane][byte] = Shift(byte << (8 * lane), kLaneBytes);
    }
  }
  uint32_t operator()(uint32_t crc) const {
    return tables[0][crc & 0xff] ^ tables[1][(crc >> 8) & 0xff] ^ tables[2][(crc >> 16) & 0xff] ^
           tables[3][crc >> 24];
  }
};

__attribute__((target("sse4.2"))) uint32_t Crc32cHardware(const char* at, size_t count,
                                                          uint32_t crc) {
  static const LaneShift shift;
  uint64_t a = crc;
  while (count >= 3 * kLaneBytes) {
    uint64_t b = 0;
    uint64_t c = 0;
    for (size_t i = 0; i < kLaneBytes; i += 8) {
      a = _mm_crc32_u64(a, GetFixed<uint64_t>(at + i));
      b = _mm_crc32_u64(b, GetFixed<uint64_t>(at + kLaneBytes + i));
      c = _mm_crc32_u64(c, GetFixed<uint64_t>(at + 2 * kLaneBytes + i));
    }
    a = shift(shift(static_cast<uint32_t>(a)) ^ static_cast<uint32_t>(b)) ^ c;
    at += 3 * kLaneBytes;
    count -= 3 * kLaneBytes;
  }
  for (; count >= 8; at += 8, count -= 8) a = _mm_crc32_u64(a, GetFixed<uint64_t>(at));
  uint32_t tail = static_cast<uint32_t>(a);
  for (; count > 0; ++at, --count) tail = _mm_crc32_u8(tail, static_cast<uint8_t>(*at));
  return tail;
}

bool HasHardware() {
  static const bool has = __builtin_cpu_supports("sse4.2");
  return has;
}

#endif

}  // namespace

uint32_t Crc32cPortable(std::string_view bytes, uint32_t crc) {
  crc = ~crc;
  for (char byte : bytes) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<uint8_t>(byte)) & 0xff];
  return ~crc;
}

uint32_t Crc32c(std::string_view bytes, uint32_t crc) {
#if defined(__x86_64__)
  if (HasHardware()) return ~Crc32cHardware(bytes.data(), bytes.size(), ~crc);
#endif
  return Crc32cPortable(bytes, crc);
}

uint32_t ExtendCrc32c(uint32_t crc, uint64_t word) {
  char bytes[sizeof(word)];
  PutFixed(bytes, word);
  return Crc32c(std::string_view(bytes, sizeof(bytes)), crc);
}

uint32_t ChecksumSalt(const DatabaseId& id, SegmentId segment, uint64_t offset) {
  char bytes[32];
  char* at = PutFixed(bytes, id.high);
  at = PutFixed(at, id.low);
  at = PutFixed(at, segment.value());
  PutFixed(at, offset);
  return Crc32c(std::string_view(bytes, sizeof(bytes)));
}

}  // namespace moraine
