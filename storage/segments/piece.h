// A piece: what one append writes for one page, a header of 64 bytes and a payload (a block,
// tree/block.h; or a chunk of the page table), compressed when that saves a sector. Little endian:
//    0  u16 magic  2 u8 kind  3 u8 codec (0 plain, 1 zstd)
//    4  u32 page   8 u32 tree  12 u32 version
//   16  u64 from  24 u64 covers  32 u64 max_ts
//   40  u32 raw_bytes (payload, expanded)  44 u32 payload_bytes (as stored)
//   48  u32 entries  52 u32 level  56 u32 zero
//   60  u32 CRC32C of the header before it and the payload, salted with the database and the address
// The salt makes a piece at a wrong place, or of another database, fail like a damaged one.
#ifndef MORAINE_STORAGE_SEGMENTS_PIECE_H_
#define MORAINE_STORAGE_SEGMENTS_PIECE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "storage/base/checksum.h"
#include "storage/base/ids.h"
#include "storage/segments/address.h"

namespace moraine {

enum class PieceKind : uint8_t {
  kBase = 1,      // a page's whole content
  kFragment = 2,  // the updates of a page with from <= ts < covers
  kChunk = 3,     // words of the page table; `page` is the chunk's number
  kManifest = 4,  // of a store that keeps the manifests of its checkpoints itself
};

struct PieceHeader {
  PieceKind kind = PieceKind::kBase;
  PageId page;
  TreeId tree;
  uint32_t version = 0;  // of the page's content: one more with every piece of the page
  uint64_t from = 0;     // zero for a base
  uint64_t covers = 0;   // every update of the page with from <= ts < covers is in here
  uint64_t max_ts = 0;   // of what is in here
  uint32_t raw_bytes = 0;
  uint32_t entries = 0;
  uint32_t level = 0;  // of the page in its tree: 0 leaf
};

inline constexpr size_t kPieceHeaderBytes = 64;
inline constexpr uint32_t kMostPieceBytes = uint32_t{128} << 20;
inline constexpr uint16_t kPieceMagic = 0x506d;                   // "mP"
inline constexpr size_t kLeastCompressedBytes = size_t{1} << 10;  // smaller ones stay as they are

enum class PieceCodec : uint8_t { kPlain = 0, kZstd = 1 };

// A payload as it will be stored: `bytes` is the payload itself or lies in the scratch string that
// was given to CompressPayload.
struct StoredPayload {
  PieceCodec codec = PieceCodec::kPlain;
  std::string_view bytes;
};

// Compresses at zstd level `level` (0: not at all) unless that saves no sector; never fails, since
// plain is always an answer. Any thread.
StoredPayload CompressPayload(std::string_view payload, int level, std::string* scratch);

// How long a piece is in the store: a base occupies whole sectors, so that a packed disk word
// (cache/disk_refs.h) can say its length.
uint32_t StoredBytes(PieceKind kind, size_t payload_bytes);

// Fills the kPieceHeaderBytes at `to` for a piece at `address`.
void EncodePieceHeader(const DatabaseId& database_id, Address address, const PieceHeader& header,
                       const StoredPayload& payload, char* to);

// A piece as it lies in its segment, to be moved as it is; `payload` lies in the bytes given.
struct StoredPiece {
  PieceLocation location;
  PieceHeader header;
  StoredPayload payload;
};

// How long the piece at the beginning of `bytes` says it is; 0 when none begins there. Nothing but a
// hint how much to read before FindPiece.
uint64_t ClaimedBytes(std::string_view bytes);
// The piece at the beginning of `bytes`, which were read from `address`; nullopt unless it is whole
// and belongs there. For walks over a segment, which know no locations. Any thread.
std::optional<StoredPiece> FindPiece(const DatabaseId& database_id, Address address,
                                     std::string_view bytes);

// Checks a piece and expands it. Nothing in `stored` is trusted: no more than header.raw_bytes, which
// is within kMostPieceBytes, is allocated. DataLoss says what was expected and what found; the
// caller knows where. Any thread.
absl::Status DecodePiece(const DatabaseId& database_id, const PieceLocation& location,
                         std::string_view stored, PieceHeader* header, std::string* raw);

}  // namespace moraine

#endif  // MORAINE_STORAGE_SEGMENTS_PIECE_H_
