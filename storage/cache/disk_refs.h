// What the disk word of a page says: nowhere, one piece (packed into the word), or a list of pieces.
//
//   disk  63 .. 26 address / 64 | 25 .. 18 sectors | 17 .. 2 version mod 2^16 | 1..0 tag
//   tag   0 none: the page was never written   1 one piece, packed   2 pointer to DiskRefs
//
// A packed word is for pages at rest: it has no place for `covers`, which the block then carries
// (tree/block.h), and it gives the length in sectors, rounded up. A DiskRefs is immutable; it is
// replaced as a whole and retired by epoch, so it is read under a guard and copied for use beyond.
// Disk words change in two ways only: publication of new pieces (one thread at a time, under the
// publication lock, so that a checkpoint copies them all as of one instant) and packing or unpacking
// without a change of meaning (a compare-and-swap that may fail).
#ifndef MORAINE_STORAGE_CACHE_DISK_REFS_H_
#define MORAINE_STORAGE_CACHE_DISK_REFS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <span>

#include "storage/base/check.h"
#include "storage/segments/address.h"

namespace moraine {

struct PieceRef {
  PieceLocation location;
  uint32_t version = 0;
  bool operator==(const PieceRef&) const = default;
};

inline constexpr uint32_t kMostFragments = 8;
inline constexpr uint32_t kMostPieces = kMostFragments + 1;

// A base and the fragments over it, oldest first. Most pages of a database under random updates have
// one in memory, so it is packed: a piece takes a word of address / 64 and stored bytes, as long as
// all are within 16 TB and 64 MB and each version is one above that of the piece below; else two.
class DiskRefs {
 public:
  static size_t BytesFor(std::span<const PieceRef> pieces) {
    return sizeof(DiskRefs) + WordsOf(Packable(pieces)) * sizeof(uint64_t) * pieces.size();
  }
  // `memory`: BytesFor(pieces), aligned to 8. Every update with ts < `covers` is in the pieces;
  // `max_ts` is the largest in them.
  static const DiskRefs* Make(void* memory, std::span<const PieceRef> pieces, uint64_t covers,
                              uint64_t max_ts) {
    MORAINE_DCHECK(!pieces.empty() && pieces.size() <= kMostPieces);
    return new (memory) DiskRefs(pieces, covers, max_ts);
  }
  size_t bytes() const {
    return sizeof(DiskRefs) + WordsOf(packed_) * sizeof(uint64_t) * size_t{count_};
  }

  uint32_t count() const { return count_; }
  uint64_t covers() const { return covers_; }
  uint64_t max_ts() const { return max_ts_; }
  PieceRef piece(uint32_t index) const {
    if (packed_) {
      return {{Address((words_[index] >> kBytesBits) * kPieceUnit),
               static_cast<uint32_t>(words_[index] & ((uint64_t{1} << kBytesBits) - 1))},
              newest_version_ - (count_ - 1 - index)};
    }
    return {{Address(words_[2 * index]), static_cast<uint32_t>(words_[2 * index + 1])},
            static_cast<uint32_t>(words_[2 * index + 1] >> 32)};
  }

 private:
  static constexpr int kBytesBits = 26;

  DiskRefs(std::span<const PieceRef> pieces, uint64_t covers, uint64_t max_ts)
      : count_(static_cast<uint8_t>(pieces.size())),
        packed_(Packable(pieces)),
        newest_version_(pieces.back().version),
        covers_(covers),
        max_ts_(max_ts) {
    for (size_t i = 0; i < pieces.size(); ++i) {
      const PieceLocation& location = pieces[i].location;
      if (packed_) {
        words_[i] = location.address.value() / kPieceUnit << kBytesBits | location.stored_bytes;
      } else {
        words_[2 * i] = location.address.value();
        words_[2 * i + 1] = uint64_t{pieces[i].version} << 32 | location.stored_bytes;
      }
    }
  }
  static size_t WordsOf(bool packed) { return packed ? 1 : 2; }
  static bool Packable(std::span<const PieceRef> pieces) {
    uint32_t version = pieces.front().version;
    for (const PieceRef& piece : pieces) {
      if (piece.version != version++ || piece.location.stored_bytes >> kBytesBits != 0 ||
          piece.location.address.value() / kPieceUnit >> (64 - kBytesBits) != 0) {
        return false;
      }
    }
    return true;
  }

  const uint8_t count_;
  const bool packed_;
  const uint32_t newest_version_;
  const uint64_t covers_;
  const uint64_t max_ts_;
  uint64_t words_[];
};
static_assert(sizeof(DiskRefs) == 24);

class DiskWord {
 public:
  constexpr DiskWord() = default;
  static DiskWord FromBits(uint64_t bits) { return DiskWord(bits); }
  static DiskWord Of(const DiskRefs* refs) {
    return DiskWord(reinterpret_cast<uintptr_t>(refs) | kRefsTag);
  }
  // nullopt when the piece is too long or too far away to be packed.
  static std::optional<DiskWord> Packed(const PieceRef& piece) {
    uint64_t sectors = (piece.location.stored_bytes + kSectorBytes - 1) / kSectorBytes;
    uint64_t unit = piece.location.address.value() / kPieceUnit;
    if (sectors > 255 || unit >= uint64_t{1} << 38) return std::nullopt;
    return DiskWord(unit << 26 | sectors << 18 | uint64_t{piece.version & 0xffff} << 2 |
                    kPackedTag);
  }

  bool none() const { return bits_ == 0; }
  bool packed() const { return (bits_ & kTagMask) == kPackedTag; }
  // nullptr unless the word is a list.
  const DiskRefs* refs() const {
    if ((bits_ & kTagMask) != kRefsTag) return nullptr;
    return reinterpret_cast<const DiskRefs*>(static_cast<uintptr_t>(bits_ & ~kTagMask));
  }
  // Of a packed word; stored_bytes is rounded up to sectors, version is modulo 2^16.
  PieceRef piece() const {
    MORAINE_DCHECK(packed());
    return {{Address((bits_ >> 26) * kPieceUnit),
             static_cast<uint32_t>((bits_ >> 18 & 0xff) * kSectorBytes)},
            static_cast<uint32_t>(bits_ >> 2 & 0xffff)};
  }
  uint64_t bits() const { return bits_; }
  bool operator==(const DiskWord&) const = default;

 private:
  static constexpr uint64_t kTagMask = 3;
  static constexpr uint64_t kPackedTag = 1;
  static constexpr uint64_t kRefsTag = 2;
  constexpr explicit DiskWord(uint64_t bits) : bits_(bits) {}
  uint64_t bits_ = 0;
};
static_assert(sizeof(DiskWord) == 8);

// A copy by value, for use without a guard.
struct DiskCopy {
  DiskWord word;  // compared with the current word after a wait
  uint32_t count = 0;
  uint64_t covers = 0;  // zero when the word was packed
  std::array<PieceRef, kMostPieces> pieces;

  static DiskCopy Of(DiskWord word) {
    DiskCopy copy;
    copy.word = word;
    if (const DiskRefs* refs = word.refs()) {
      copy.count = refs->count();
      copy.covers = refs->covers();
      for (uint32_t i = 0; i < copy.count; ++i) copy.pieces[i] = refs->piece(i);
    } else if (word.packed()) {
      copy.count = 1;
      copy.pieces[0] = word.piece();
    }
    return copy;
  }
  // Whether both name the same pieces: an address alone comes back after reuse, a version with it
  // does not.
  bool SamePieces(const DiskCopy& other) const {
    if (count != other.count) return false;
    for (uint32_t i = 0; i < count; ++i) {
      if (pieces[i].location.address != other.pieces[i].location.address ||
          (pieces[i].version & 0xffff) != (other.pieces[i].version & 0xffff)) {
        return false;
      }
    }
    return true;
  }
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_CACHE_DISK_REFS_H_
