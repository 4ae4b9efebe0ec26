// Writing and reading a manifest's bytes.
#include "storage/manifest.h"

#include <utility>

#include "storage/base/coding.h"

namespace moraine {
namespace {

constexpr uint64_t kMagic = 0x3173656e6961726d;       // "mraines1"
constexpr uint64_t kSaltSegment = uint64_t{1} << 62;  // no file of the log or the store has it

void AppendVarint(uint64_t value, std::string* out) {
  char bytes[kMaxVarint64Bytes];
  out->append(bytes, static_cast<size_t>(PutVarint(bytes, value) - bytes));
}

void AppendFixed(uint64_t value, std::string* out) {
  char bytes[sizeof(value)];
  PutFixed(bytes, value);
  out->append(bytes, sizeof(bytes));
}

void AppendBytes(std::string_view bytes, std::string* out) {
  AppendVarint(bytes.size(), out);
  out->append(bytes);
}

// A varint that must fit into 32 bits.
uint32_t ReadWord(ByteReader& reader, bool* valid) {
  uint64_t value = reader.Varint();
  if (value > UINT32_MAX) *valid = false;
  return static_cast<uint32_t>(value);
}

}  // namespace

std::string EncodeManifest(const Manifest& manifest) {
  std::string out;
  AppendFixed(kMagic, &out);
  AppendFixed(manifest.generation, &out);
  AppendFixed(manifest.redo.value(), &out);
  AppendFixed(manifest.replay_from.value(), &out);
  AppendFixed(manifest.position.value(), &out);
  AppendVarint(manifest.trees.size(), &out);
  for (const ManifestTree& tree : manifest.trees) {
    AppendVarint(tree.id.value(), &out);
    AppendVarint(tree.root.value(), &out);
  }
  AppendVarint(manifest.separators.size(), &out);
  for (const LooseSeparator& separator : manifest.separators) {
    AppendVarint(separator.tree.value(), &out);
    AppendVarint(separator.level, &out);
    AppendVarint(separator.page.value(), &out);
    AppendBytes(separator.separator, &out);
  }
  AppendVarint(manifest.chunks.size(), &out);
  uint32_t last = 0;
  for (const auto& [number, location] : manifest.chunks) {
    AppendVarint(number - last, &out);
    AppendVarint(location.address.value() / kPieceUnit, &out);
    AppendVarint(location.stored_bytes, &out);
    last = number;
  }
  AppendBytes(manifest.store_state, &out);
  return out;
}

uint32_t ManifestChecksum(const DatabaseId& id, uint64_t generation, std::string_view bytes) {
  return Crc32c(bytes, ChecksumSalt(id, SegmentId(kSaltSegment), generation));
}

absl::StatusOr<Manifest> DecodeManifest(std::string_view bytes) {
  ByteReader reader(bytes);
  Manifest manifest;
  bool valid = reader.Fixed<uint64_t>() == kMagic;
  manifest.generation = reader.Fixed<uint64_t>();
  manifest.redo = Lsn(reader.Fixed<uint64_t>());
  manifest.replay_from = Lsn(reader.Fixed<uint64_t>());
  manifest.position = Lsn(reader.Fixed<uint64_t>());
  valid = valid && manifest.replay_from <= manifest.redo && manifest.redo <= manifest.position;
  uint64_t trees = reader.Varint();
  for (uint64_t i = 0; i < trees && reader.ok(); ++i) {
    TreeId id(ReadWord(reader, &valid));
    PageId root(ReadWord(reader, &valid));
    manifest.trees.push_back({id, root});
  }
  uint64_t separators = reader.Varint();
  for (uint64_t i = 0; i < separators && reader.ok(); ++i) {
    LooseSeparator separator;
    separator.tree = TreeId(ReadWord(reader, &valid));
    separator.level = ReadWord(reader, &valid);
    separator.page = PageId(ReadWord(reader, &valid));
    separator.separator = std::string(reader.LengthPrefixed());
    manifest.separators.push_back(std::move(separator));
  }
  uint64_t chunks = reader.Varint();
  uint64_t number = 0;
  for (uint64_t i = 0; i < chunks && reader.ok(); ++i) {
    number += reader.Varint();
    uint64_t unit = reader.Varint();
    uint32_t stored_bytes = ReadWord(reader, &valid);
    if (number > UINT32_MAX || unit > UINT64_MAX / kPieceUnit) valid = false;
    Address address(unit * kPieceUnit);
    valid =
        manifest.chunks.emplace(static_cast<uint32_t>(number), PieceLocation{address, stored_bytes})
            .second &&
        valid;
  }
  manifest.store_state = std::string(reader.LengthPrefixed());
  if (!reader.AtEnd() || !valid) {
    return absl::DataLossError("its content cannot be read, though its checksum is right");
  }
  return manifest;
}

}  // namespace moraine
