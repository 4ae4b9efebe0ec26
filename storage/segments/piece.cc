// Encoding and validation of pieces.
#include "storage/segments/piece.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "storage/base/check.h"
#include "storage/base/coding.h"
#include "storage/base/status_macros.h"
#include "storage/segments/compression.h"

namespace moraine {
namespace {

constexpr size_t kChecksumOffset = 60;

// What the header says beside PieceHeader.
struct Framing {
  uint16_t magic = 0;
  uint8_t kind = 0;
  uint8_t codec = 0;
  uint32_t payload_bytes = 0;
  uint32_t zero = 0;
  uint32_t checksum = 0;
};

uint32_t PieceChecksum(const DatabaseId& database_id, Address address, std::string_view header,
                       std::string_view payload) {
  uint32_t salt = ChecksumSalt(database_id, SegmentId(kPieceMagic), address.value());
  return Crc32c(payload, Crc32c(header.substr(0, kChecksumOffset), salt));
}

size_t Sectors(size_t payload_bytes) {
  return (kPieceHeaderBytes + payload_bytes + kSectorBytes - 1) / kSectorBytes;
}

Framing ReadHeader(std::string_view stored, PieceHeader* header) {
  ByteReader reader(stored.substr(0, kPieceHeaderBytes));
  Framing framing;
  framing.magic = reader.Fixed<uint16_t>();
  framing.kind = reader.Fixed<uint8_t>();
  framing.codec = reader.Fixed<uint8_t>();
  header->kind = static_cast<PieceKind>(framing.kind);
  header->page = PageId(reader.Fixed<uint32_t>());
  header->tree = TreeId(reader.Fixed<uint32_t>());
  header->version = reader.Fixed<uint32_t>();
  header->from = reader.Fixed<uint64_t>();
  header->covers = reader.Fixed<uint64_t>();
  header->max_ts = reader.Fixed<uint64_t>();
  header->raw_bytes = reader.Fixed<uint32_t>();
  framing.payload_bytes = reader.Fixed<uint32_t>();
  header->entries = reader.Fixed<uint32_t>();
  header->level = reader.Fixed<uint32_t>();
  framing.zero = reader.Fixed<uint32_t>();
  framing.checksum = reader.Fixed<uint32_t>();
  MORAINE_CHECK(reader.AtEnd());
  return framing;
}

absl::Status Damaged(const std::string& what) { return absl::DataLossError(what); }

// Everything that the checksum cannot vouch for in bytes written with bad intent.
absl::Status CheckFields(const Framing& framing, const PieceHeader& header,
                         const PieceLocation& location) {
  if (framing.kind < static_cast<uint8_t>(PieceKind::kBase) ||
      framing.kind > static_cast<uint8_t>(PieceKind::kManifest)) {
    return Damaged(absl::StrCat("expected a piece kind from 1 to 4, found ", framing.kind));
  }
  if (framing.codec > static_cast<uint8_t>(PieceCodec::kZstd)) {
    return absl::FailedPreconditionError(
        absl::StrCat("codec ", framing.codec, ": open it with the version that wrote it"));
  }
  if (header.raw_bytes > kMostPieceBytes) {
    return Damaged(absl::StrCat("expected at most ", kMostPieceBytes, " bytes of payload, found ",
                                header.raw_bytes));
  }
  if (framing.codec == static_cast<uint8_t>(PieceCodec::kPlain) &&
      framing.payload_bytes != header.raw_bytes) {
    return Damaged(
        absl::StrCat("expected ", header.raw_bytes, " plain bytes, found ", framing.payload_bytes));
  }
  const uint32_t stored_bytes = StoredBytes(header.kind, framing.payload_bytes);
  if (stored_bytes != location.stored_bytes) {
    return Damaged(absl::StrCat("expected a piece of ", location.stored_bytes, " bytes, found ",
                                stored_bytes));
  }
  if (framing.zero != 0) return Damaged("expected a zero field, found another value");
  return absl::OkStatus();
}

}  // namespace

StoredPayload CompressPayload(std::string_view payload, int level, std::string* scratch) {
  const StoredPayload plain{PieceCodec::kPlain, payload};
  const size_t plain_sectors = Sectors(payload.size());
  if (level == 0 || payload.size() < kLeastCompressedBytes || plain_sectors < 2) return plain;
  const size_t most_bytes = (plain_sectors - 1) * kSectorBytes - kPieceHeaderBytes;
  if (!ZstdCompress(payload, level, most_bytes, scratch)) return plain;
  return {PieceCodec::kZstd, *scratch};
}

uint32_t StoredBytes(PieceKind kind, size_t payload_bytes) {
  size_t bytes = kind == PieceKind::kBase ? Sectors(payload_bytes) * kSectorBytes
                                          : kPieceHeaderBytes + payload_bytes;
  // Beyond kMostPieceBytes only in damaged headers, where any number will do that fits nothing.
  return static_cast<uint32_t>(std::min<size_t>(bytes, UINT32_MAX));
}

void EncodePieceHeader(const DatabaseId& database_id, Address address, const PieceHeader& header,
                       const StoredPayload& payload, char* to) {
  char* at = PutFixed(to, kPieceMagic);
  at = PutFixed(at, static_cast<uint8_t>(header.kind));
  at = PutFixed(at, static_cast<uint8_t>(payload.codec));
  at = PutFixed(at, header.page.value());
  at = PutFixed(at, header.tree.value());
  at = PutFixed(at, header.version);
  at = PutFixed(at, header.from);
  at = PutFixed(at, header.covers);
  at = PutFixed(at, header.max_ts);
  at = PutFixed(at, header.raw_bytes);
  at = PutFixed(at, static_cast<uint32_t>(payload.bytes.size()));
  at = PutFixed(at, header.entries);
  at = PutFixed(at, header.level);
  at = PutFixed(at, uint32_t{0});
  at = PutFixed(at, PieceChecksum(database_id, address, std::string_view(to, kPieceHeaderBytes),
                                  payload.bytes));
  MORAINE_DCHECK(at == to + kPieceHeaderBytes);
}

namespace {

// Checks a piece and fills `header`; `*payload` lies in `stored`.
absl::Status CheckPiece(const DatabaseId& database_id, const PieceLocation& location,
                        std::string_view stored, PieceHeader* header, StoredPayload* payload) {
  if (stored.size() < kPieceHeaderBytes || stored.size() < location.stored_bytes) {
    return Damaged(
        absl::StrCat("expected ", location.stored_bytes, " bytes, found ", stored.size()));
  }
  const Framing framing = ReadHeader(stored, header);
  if (framing.magic != kPieceMagic) {
    return Damaged(
        absl::StrFormat("expected piece magic %04x, found %04x", kPieceMagic, framing.magic));
  }
  if (framing.payload_bytes > stored.size() - kPieceHeaderBytes) {
    return Damaged(absl::StrCat("expected a payload of at most ", stored.size() - kPieceHeaderBytes,
                                " bytes, found ", framing.payload_bytes));
  }
  payload->codec = static_cast<PieceCodec>(framing.codec);
  payload->bytes = stored.substr(kPieceHeaderBytes, framing.payload_bytes);
  const uint32_t checksum = PieceChecksum(database_id, location.address, stored, payload->bytes);
  if (checksum != framing.checksum) {
    return Damaged(
        absl::StrFormat("expected checksum %08x, found %08x (or the piece belongs "
                        "elsewhere)",
                        checksum, framing.checksum));
  }
  return CheckFields(framing, *header, location);
}

}  // namespace

uint64_t ClaimedBytes(std::string_view bytes) {
  if (bytes.size() < kPieceHeaderBytes) return 0;
  PieceHeader header;
  const Framing framing = ReadHeader(bytes, &header);
  return framing.magic == kPieceMagic ? StoredBytes(header.kind, framing.payload_bytes) : 0;
}

std::optional<StoredPiece> FindPiece(const DatabaseId& database_id, Address address,
                                     std::string_view bytes) {
  const uint64_t claimed = ClaimedBytes(bytes);
  if (claimed == 0 || claimed > bytes.size()) return std::nullopt;
  StoredPiece piece;
  piece.location = {address, static_cast<uint32_t>(claimed)};
  if (!CheckPiece(database_id, piece.location, bytes, &piece.header, &piece.payload).ok())
    return std::nullopt;
  return piece;
}

absl::Status DecodePiece(const DatabaseId& database_id, const PieceLocation& location,
                         std::string_view stored, PieceHeader* header, std::string* raw) {
  StoredPayload payload;
  MORAINE_RETURN_IF_ERROR(CheckPiece(database_id, location, stored, header, &payload));
  if (payload.codec == PieceCodec::kPlain) {
    raw->assign(payload.bytes);
    return absl::OkStatus();
  }
  if (const char* why = ZstdExpand(payload.bytes, header->raw_bytes, raw)) {
    return Damaged(
        absl::StrCat("expected a zstd frame of ", header->raw_bytes, " bytes, found ", why));
  }
  return absl::OkStatus();
}

}  // namespace moraine
