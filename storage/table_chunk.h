// A chunk of the page table as a piece's payload: where the pieces of 512 pages with neighbouring
// ids are. For each page that has any, in ascending order:
//   varint difference of the page's index in the chunk (plus one), varint tree,
//   varint 2 * n + c for n pieces, [c = 1: varint covers, varint max_ts],
//   n times: varint address / 64, varint stored bytes, varint version
#ifndef MORAINE_STORAGE_TABLE_CHUNK_H_
#define MORAINE_STORAGE_TABLE_CHUNK_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/base/ids.h"
#include "storage/cache/disk_refs.h"

namespace moraine {

inline constexpr uint32_t kChunkPages = 512;
inline uint32_t ChunkOf(PageId page) { return page.value() / kChunkPages; }

struct TableEntry {
  PageId page;
  TreeId tree;
  uint64_t max_ts = 0;
  DiskCopy disk;  // `word` is not stored
};

// `entries`: of one chunk, ascending, each with at least one piece.
std::string EncodeTableChunk(std::span<const TableEntry> entries);
// DataLoss says what is wrong with bytes that passed their checksum.
absl::StatusOr<std::vector<TableEntry>> DecodeTableChunk(uint32_t chunk, std::string_view bytes);

}  // namespace moraine

#endif  // MORAINE_STORAGE_TABLE_CHUNK_H_
