// The manifest of a checkpoint: everything that opening needs beside the log. The page table itself
// is cut into chunks, pieces of the segment store, and only chunks that changed are written anew;
// the manifest says where all of them are. It is a file of its own, manifest-<generation>, written
// and made durable before the superblock names it, removed when the next one is named.
//   u64 magic, u64 generation, u64 redo, u64 replay from, u64 position,
//   varint n trees       varint id, varint root page
//   varint n separators  varint tree, varint level, varint page, bytes separator
//   varint n chunks      varint chunk number (difference), varint address / 64, varint stored bytes
//   bytes segment store state
//   (bytes: varint length, then that many)
// Its length and checksum, salted with the database and the generation, are in the superblock.
#ifndef MORAINE_STORAGE_MANIFEST_H_
#define MORAINE_STORAGE_MANIFEST_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/base/checksum.h"
#include "storage/base/ids.h"
#include "storage/segments/address.h"

namespace moraine {

struct ManifestTree {
  TreeId id;
  PageId root;
};

// A separator that the durable image of its parent may lack: blind replay must not miss it.
struct LooseSeparator {
  TreeId tree;
  uint32_t level = 0;  // of `page`
  PageId page;
  std::string separator;
};

struct Manifest {
  uint64_t generation = 0;
  Lsn redo;         // every update below it is in the pieces
  Lsn replay_from;  // where the log must be read from: chunks of later commits may begin earlier
  Lsn position;     // nothing at or beyond it is in the pieces
  std::vector<ManifestTree> trees;
  std::vector<LooseSeparator> separators;
  std::map<uint32_t, PieceLocation> chunks;  // by chunk number
  std::string store_state;
};

std::string EncodeManifest(const Manifest& manifest);
uint32_t ManifestChecksum(const DatabaseId& id, uint64_t generation, std::string_view bytes);
// `bytes` passed their checksum, and are still not trusted. DataLoss says what is wrong.
absl::StatusOr<Manifest> DecodeManifest(std::string_view bytes);

}  // namespace moraine

#endif  // MORAINE_STORAGE_MANIFEST_H_
