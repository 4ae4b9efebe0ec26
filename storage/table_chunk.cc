// Writing and reading chunks of the page table.
#include "storage/table_chunk.h"

#include "storage/base/coding.h"

namespace moraine {
namespace {

void AppendVarint(uint64_t value, std::string* out) {
  char bytes[kMaxVarint64Bytes];
  out->append(bytes, static_cast<size_t>(PutVarint(bytes, value) - bytes));
}

// One entry; false: not valid.
bool ReadEntry(ByteReader& reader, uint32_t chunk, uint64_t* next, TableEntry* entry) {
  uint64_t index = *next + reader.Varint() - 1;
  uint64_t tree = reader.Varint();
  uint64_t count = reader.Varint();
  bool has_covers = (count & 1) != 0;
  count >>= 1;
  if (!reader.ok() || index >= kChunkPages || tree > UINT32_MAX) return false;
  if (count == 0 || count > kMostPieces) return false;
  *next = index + 1;
  entry->page = PageId(chunk * kChunkPages + static_cast<uint32_t>(index));
  entry->tree = TreeId(static_cast<uint32_t>(tree));
  entry->disk.count = static_cast<uint32_t>(count);
  if (has_covers) {
    entry->disk.covers = reader.Varint();
    entry->max_ts = reader.Varint();
  }
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t unit = reader.Varint();
    uint64_t stored_bytes = reader.Varint();
    uint64_t version = reader.Varint();
    if (!reader.ok() || unit == 0 || unit > UINT64_MAX / kPieceUnit) return false;
    if (stored_bytes > UINT32_MAX || version > UINT32_MAX) return false;
    entry->disk.pieces[i] = {{Address(unit * kPieceUnit), static_cast<uint32_t>(stored_bytes)},
                             static_cast<uint32_t>(version)};
  }
  return true;
}

}  // namespace

std::string EncodeTableChunk(std::span<const TableEntry> entries) {
  std::string out;
  uint32_t next = 0;
  for (const TableEntry& entry : entries) {
    uint32_t index = entry.page.value() % kChunkPages;
    AppendVarint(index - next + 1, &out);
    next = index + 1;
    AppendVarint(entry.tree.value(), &out);
    bool has_covers = entry.disk.covers != 0;
    AppendVarint(uint64_t{entry.disk.count} * 2 + (has_covers ? 1 : 0), &out);
    if (has_covers) {
      AppendVarint(entry.disk.covers, &out);
      AppendVarint(entry.max_ts, &out);
    }
    for (uint32_t i = 0; i < entry.disk.count; ++i) {
      const PieceRef& piece = entry.disk.pieces[i];
      AppendVarint(piece.location.address.value() / kPieceUnit, &out);
      AppendVarint(piece.location.stored_bytes, &out);
      AppendVarint(piece.version, &out);
    }
  }
  return out;
}

absl::StatusOr<std::vector<TableEntry>> DecodeTableChunk(uint32_t chunk, std::string_view bytes) {
  ByteReader reader(bytes);
  std::vector<TableEntry> entries;
  uint64_t next = 0;
  while (reader.remaining() > 0) {
    TableEntry entry;
    if (!ReadEntry(reader, chunk, &next, &entry)) {
      return absl::DataLossError("chunk " + std::to_string(chunk) + " of the page table: entry " +
                                 std::to_string(entries.size()) +
                                 " cannot be read, though the checksum is right");
    }
    entries.push_back(entry);
  }
  return entries;
}

}  // namespace moraine
