// Loading a page table and replaying the log after it; every byte read here is validated, since a
// crash may have left any part of the last writes.
#include "storage/recovery.h"

#include <algorithm>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "storage/base/coding.h"
#include "storage/base/status_macros.h"
#include "storage/database_files.h"
#include "storage/table_reader.h"

namespace moraine {
namespace {

absl::Status AtLsn(Lsn lsn, std::string what) {
  return absl::DataLossError("log position " + std::to_string(lsn.value()) + ": " + what +
                             "; the record's checksum is right, so another program wrote it");
}

}  // namespace

absl::StatusOr<Manifest> ReadManifest(Io& io, Directory& directory, const Superblock& superblock) {
  Manifest none;
  none.redo = none.replay_from = none.position = kFirstLsn;
  if (superblock.generation == 0) return none;
  OpenFileOptions options;
  options.write = false;
  std::string name = ManifestName(superblock.generation);
  auto damaged = [&](std::string_view what) {
    return absl::DataLossError(directory.path() + "/" + name + ": " + std::string(what) +
                               "; the superblock names it: restore from a backup, or salvage");
  };
  absl::StatusOr<std::unique_ptr<File>> file = directory.OpenFile(name, options);
  if (absl::IsNotFound(file.status())) return damaged("is missing");
  MORAINE_RETURN_IF_ERROR(file.status());
  MORAINE_ASSIGN_OR_RETURN(uint64_t size, (*file)->Size());
  if (size != superblock.manifest_bytes) {
    return damaged("has " + std::to_string(size) + " bytes, expected " +
                   std::to_string(superblock.manifest_bytes));
  }
  std::string bytes(size, '\0');
  MORAINE_RETURN_IF_ERROR(io.ReadFully(**file, 0, bytes.data(), bytes.size()));
  uint32_t checksum = ManifestChecksum(superblock.id, superblock.generation, bytes);
  if (checksum != superblock.manifest_checksum) {
    return damaged("offset 0: checksum " + std::to_string(checksum) + ", expected " +
                   std::to_string(superblock.manifest_checksum));
  }
  absl::StatusOr<Manifest> manifest = DecodeManifest(bytes);
  if (!manifest.ok()) return damaged(std::string(manifest.status().message()));
  if (manifest->generation != superblock.generation) return damaged("is of another generation");
  return manifest;
}

absl::Status Recovery::AdoptEntry(const TableEntry& entry) {
  PageTable& table = *environment_.table;
  if (!trees_.contains(entry.tree)) return absl::OkStatus();  // dropped
  MORAINE_RETURN_IF_ERROR(table.Adopt(entry.page));
  DiskWord word;
  if (entry.disk.count == 1) {
    std::optional<DiskWord> packed = DiskWord::Packed(entry.disk.pieces[0]);
    if (packed) word = *packed;
  }
  if (word.none()) {
    std::span<const PieceRef> pieces(entry.disk.pieces.data(), entry.disk.count);
    void* memory =
        environment_.Local().heap().Allocate(DiskRefs::BytesFor(pieces), ChargeKind::kReserve);
    if (memory == nullptr) {
      return absl::ResourceExhaustedError("no memory left for the page table; raise memory_bytes");
    }
    word = DiskWord::Of(DiskRefs::Make(memory, pieces, entry.disk.covers, entry.max_ts));
  }
  table.SetTree(entry.page, entry.tree);
  DiskWord none;
  table.CompareAndSwapDisk(entry.page, none, word);
  table.StoreExclusive(entry.page, MemWord::Evicted(0));
  for (uint32_t i = 0; i < entry.disk.count; ++i)
    MORAINE_RETURN_IF_ERROR(environment_.store->Adopt(entry.disk.pieces[i].location));
  return absl::OkStatus();
}

absl::Status Recovery::AdoptChunk(uint32_t chunk, std::string_view payload) {
  MORAINE_ASSIGN_OR_RETURN(std::vector<TableEntry> entries, DecodeTableChunk(chunk, payload));
  for (const TableEntry& entry : entries) MORAINE_RETURN_IF_ERROR(AdoptEntry(entry));
  return absl::OkStatus();
}

absl::Status Recovery::LoadTable(const Manifest& manifest) {
  for (const auto& [chunk, location] : manifest.chunks)
    MORAINE_RETURN_IF_ERROR(environment_.store->Adopt(location));
  auto adopt = [&](uint32_t chunk, std::string_view payload) { return AdoptChunk(chunk, payload); };
  TableReader reader(io_, *environment_.store);
  MORAINE_RETURN_IF_ERROR(reader.Read(manifest.chunks, adopt));
  environment_.table->FinishAdoption();
  environment_.store->FinishAdoption();
  return absl::OkStatus();
}

absl::Status Recovery::AdoptTrees(const Manifest& manifest) {
  for (const ManifestTree& tree : manifest.trees) {
    if (tree.root.value() >= environment_.table->capacity() ||
        environment_.table->TreeOf(tree.root) != tree.id) {
      return absl::DataLossError("tree " + std::to_string(tree.id.value()) + ": its root, page " +
                                 std::to_string(tree.root.value()) + ", is not in the page table");
    }
    MORAINE_RETURN_IF_ERROR(catalog_.AdoptTree(tree.id, tree.root).status());
  }
  return absl::OkStatus();
}

absl::Status Recovery::ReplayOne(const LoggedOperation& operation, Lsn lsn) {
  if (operation.key.size() > kMostKeyBytes || operation.value.size() > kMostValueBytes) {
    return AtLsn(lsn, "a key or value beyond the largest size");
  }
  MORAINE_ASSIGN_OR_RETURN(Tree * tree, catalog_.EnsureTree(operation.tree));
  if (operation.tree == kCatalogTree && operation.kind == VersionKind::kPut) {
    // From here on the tree may be merged into.
    MORAINE_ASSIGN_OR_RETURN(TreeInfo info, DecodeTreeEntry(operation.key, operation.value));
    MORAINE_ASSIGN_OR_RETURN(const MergeOperator* merge,
                             catalog_.FindOperator(info.merge_operator));
    MORAINE_ASSIGN_OR_RETURN(Tree * named, catalog_.EnsureTree(info.id));
    named->SetMergeOperatorExclusive(merge);
  }
  if (operation.kind == VersionKind::kMerge && tree->merge_operator() == nullptr) {
    return AtLsn(lsn, "a merge into a tree without an operator");
  }
  return tree->Replay(operation.kind, operation.key, operation.value, TimestampOf(lsn));
}

absl::Status Recovery::ReplayOperations(std::string_view payload, Lsn lsn) {
  ByteReader reader(payload);
  while (reader.remaining() > 0) {
    absl::StatusOr<LoggedOperation> operation = ReadOperation(&reader);
    if (!operation.ok()) return AtLsn(lsn, std::string(operation.status().message()));
    MORAINE_RETURN_IF_ERROR(ReplayOne(*operation, lsn));
  }
  return absl::OkStatus();
}

absl::Status Recovery::ReplayRecord(const LogReader::Record& record) {
  ByteReader reader(record.payload);
  bool covered = record.lsn < redo_;  // the checkpoint holds it already
  switch (record.type) {
    case RecordType::kOne:
    case RecordType::kBatch:
      if (covered) return absl::OkStatus();
      ++result_.replayed_records;
      return ReplayOperations(record.payload, record.lsn);
    case RecordType::kChunk: {
      uint64_t first = reader.Varint();
      if (!reader.ok()) return AtLsn(record.lsn, "a chunk without a chain");
      std::string& chain = chains_[first == 0 ? record.lsn.value() : first];
      chain.append(reader.Bytes(reader.remaining()));
      return absl::OkStatus();
    }
    case RecordType::kCommit: {
      auto chain = chains_.extract(reader.Varint());
      uint64_t total = reader.Varint();
      if (covered) return absl::OkStatus();
      if (!reader.AtEnd() || chain.empty() || chain.mapped().size() != total) {
        return AtLsn(record.lsn, "a commit whose chunks are missing");
      }
      ++result_.replayed_records;
      return ReplayOperations(chain.mapped(), record.lsn);
    }
    default:
      return AtLsn(record.lsn,
                   "a record of unknown type " + std::to_string(static_cast<int>(record.type)));
  }
}

absl::StatusOr<RecoveryResult> Recovery::Run(const Manifest& manifest) {
  redo_ = manifest.redo;
  environment_.recovery_position = manifest.redo.value();
  for (const ManifestTree& tree : manifest.trees) trees_.insert(tree.id);
  MORAINE_RETURN_IF_ERROR(LoadTable(manifest));
  MORAINE_RETURN_IF_ERROR(AdoptTrees(manifest));
  MORAINE_RETURN_IF_ERROR(catalog_.EnsureTree(kCatalogTree).status());
  for (const LooseSeparator& loose : manifest.separators) {
    Tree* tree = catalog_.FindById(loose.tree);
    if (tree == nullptr) continue;
    MORAINE_RETURN_IF_ERROR(tree->PostRecovered(loose.level, loose.separator, loose.page));
  }
  // Operators first: the catalog as of the checkpoint names them.
  MORAINE_RETURN_IF_ERROR(catalog_.NameTrees());
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<LogReader> log,
                           LogReader::Open(io_, directory_, log_options_, manifest.replay_from));
  for (;;) {
    LogReader::Record record;
    MORAINE_ASSIGN_OR_RETURN(bool more, log->Next(&record));
    if (!more) break;
    // What is flushed while replaying holds everything up to here.
    environment_.recovery_position = std::max(environment_.recovery_position, record.lsn.value());
    MORAINE_RETURN_IF_ERROR(ReplayRecord(record));
  }
  result_.log_end = log->end();
  environment_.recovery_position = std::max(environment_.recovery_position, log->end().value());
  return result_;
}

}  // namespace moraine
