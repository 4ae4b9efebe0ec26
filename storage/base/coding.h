// Little-endian encoding and the one bounds-checked reader through which every byte that comes from
// a disk or a user's file is decoded. A read past the end never touches memory: the reader turns
// failed, stays failed and yields zeros, so that a decoder can read a whole structure and test ok()
// once.
#ifndef MORAINE_STORAGE_BASE_CODING_H_
#define MORAINE_STORAGE_BASE_CODING_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace moraine {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "formats are little endian and stored by plain copies");

inline constexpr size_t kMaxVarint32Bytes = 5;
inline constexpr size_t kMaxVarint64Bytes = 10;

// Stores `value` at `to`, which may be unaligned, and returns the first byte after it.
template <class Integer>
inline char* PutFixed(char* to, Integer value) {
  std::memcpy(to, &value, sizeof(value));
  return to + sizeof(value);
}

template <class Integer>
inline Integer GetFixed(const char* from) {
  Integer value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

// Stores `value` in 1 to 10 bytes, seven bits a byte, least significant first; returns the first
// byte after it.
inline char* PutVarint(char* to, uint64_t value) {
  while (value >= 0x80) {
    *to++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *to++ = static_cast<char>(value);
  return to;
}

constexpr size_t VarintBytes(uint64_t value) {
  size_t bytes = 1;
  while (value >= 0x80) {
    value >>= 7;
    ++bytes;
  }
  return bytes;
}

inline char* PutBytes(char* to, std::string_view bytes) {
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

  bool ok() const { return ok_; }
  size_t remaining() const { return static_cast<size_t>(end_ - at_); }
  bool AtEnd() const { return ok_ && at_ == end_; }

  template <class Integer>
  Integer Fixed() {
    if (remaining() < sizeof(Integer)) return Fail<Integer>();
    Integer value = GetFixed<Integer>(at_);
    at_ += sizeof(Integer);
    return value;
  }

  uint64_t Varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && at_ != end_; shift += 7) {
      uint8_t byte = static_cast<uint8_t>(*at_++);
      if (shift == 63 && byte > 1) break;
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return Fail<uint64_t>();
  }

  // The next `count` bytes, borrowed from the input; empty and failed when fewer remain.
  std::string_view Bytes(uint64_t count) {
    if (remaining() < count) {
      Fail<int>();
      return {};
    }
    std::string_view bytes(at_, static_cast<size_t>(count));
    at_ += count;
    return bytes;
  }

  // A varint length followed by that many bytes.
  std::string_view LengthPrefixed() { return Bytes(Varint()); }

 private:
  template <class Integer>
  Integer Fail() {
    ok_ = false;
    at_ = end_;
    return Integer();
  }

  const char* at_;
  const char* end_;
  bool ok_ = true;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_BASE_CODING_H_
