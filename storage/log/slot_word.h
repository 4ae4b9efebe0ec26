// The first eight bytes of a record as one value: checksum 0..31 | payload bytes 32..55 | type
// 56..63. Zero means that the slot's owner has not published it yet; a type is never zero, so a
// published word is never zero. Storing this word is what publishes a record.
#ifndef MORAINE_STORAGE_LOG_SLOT_WORD_H_
#define MORAINE_STORAGE_LOG_SLOT_WORD_H_

#include <cstdint>

#include "storage/base/check.h"
#include "storage/log/record_format.h"

namespace moraine {

class SlotWord {
 public:
  constexpr SlotWord() = default;
  constexpr SlotWord(uint32_t checksum, uint32_t payload_bytes, RecordType type)
      : bits_(static_cast<uint64_t>(checksum) | static_cast<uint64_t>(payload_bytes) << 32 |
              static_cast<uint64_t>(type) << 56) {
    MORAINE_DCHECK(payload_bytes <= kMostPayloadBytes);
    MORAINE_DCHECK(type != RecordType());
  }
  static constexpr SlotWord FromBits(uint64_t bits) {
    SlotWord word;
    word.bits_ = bits;
    return word;
  }

  constexpr uint64_t bits() const { return bits_; }
  constexpr bool published() const { return bits_ != 0; }
  constexpr uint32_t checksum() const { return static_cast<uint32_t>(bits_); }
  constexpr uint32_t payload_bytes() const {
    return static_cast<uint32_t>(bits_ >> 32) & static_cast<uint32_t>(kMostPayloadBytes);
  }
  // May be a type that this version does not know when the word comes from a disk.
  constexpr RecordType type() const { return static_cast<RecordType>(bits_ >> 56); }
  constexpr uint64_t record_bytes() const { return RecordBytes(payload_bytes()); }

  constexpr bool operator==(const SlotWord&) const = default;

 private:
  uint64_t bits_ = 0;
};
static_assert(sizeof(SlotWord) == 8);

}  // namespace moraine

#endif  // MORAINE_STORAGE_LOG_SLOT_WORD_H_
