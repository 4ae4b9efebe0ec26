// Loading a checkpoint and replaying the log after it; every byte read here is validated, since a
// crash may have left any part of the last writes.
#include "storage/recovery.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "storage/base/coding.h"
#include "storage/base/status_macros.h"
#include "storage/checkpoint.h"
#include "storage/database_files.h"
#include "storage/tree/tree_loader.h"

namespace moraine {
namespace {

absl::Status AtLsn(Lsn lsn, std::string what) {
  return absl::DataLossError("log position " + std::to_string(lsn.value()) + ": " + what +
                             "; the record's checksum is right, so another program wrote it");
}

}  // namespace

absl::StatusOr<std::vector<Lsn>> ListCheckpoints(Directory& directory) {
  MORAINE_ASSIGN_OR_RETURN(std::vector<std::string> names, directory.List());
  std::vector<Lsn> positions;
  for (const std::string& name : names) {
    if (std::optional<Lsn> position = ParseCheckpointName(name)) positions.push_back(*position);
  }
  std::sort(positions.begin(), positions.end());
  return positions;
}

absl::Status Recovery::LoadCheckpoint(Lsn position) {
  MORAINE_ASSIGN_OR_RETURN(
      std::unique_ptr<CheckpointReader> reader,
      CheckpointReader::Open(io_, directory_, log_options_.database_id, position));
  result_.checkpoint = position;
  replay_from_ = reader->header().replay_from;
  std::unique_ptr<Tree::Loader> loader;
  std::optional<TreeId> loading;
  auto finish = [&]() -> absl::Status {
    if (loader == nullptr) return absl::OkStatus();
    absl::Status finished = loader->Finish();
    if (finished.ok()) return finished;
    return absl::Status(finished.code(), CheckpointName(position) + ", tree " +
                                             std::to_string(loading->value()) + ": " +
                                             std::string(finished.message()));
  };
  for (;;) {
    TreeId id;
    std::string_view block;
    MORAINE_ASSIGN_OR_RETURN(bool more, reader->Next(&id, &block));
    if (!more) break;
    if (loading != id) {
      MORAINE_RETURN_IF_ERROR(finish());
      MORAINE_ASSIGN_OR_RETURN(Tree * tree, catalog_.EnsureTree(id));
      loader = std::make_unique<Tree::Loader>(tree);
      loading = id;
    }
    absl::Status added = loader->Add(block);
    if (!added.ok()) {
      return absl::Status(added.code(), CheckpointName(position) + ", page " +
                                            std::to_string(reader->frame_count()) + ": " +
                                            std::string(added.message()));
    }
  }
  return finish();
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
  bool covered = record.lsn < result_.checkpoint;  // the checkpoint holds it already
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

absl::StatusOr<RecoveryResult> Recovery::Run() {
  MORAINE_ASSIGN_OR_RETURN(std::vector<Lsn> checkpoints, ListCheckpoints(directory_));
  if (!checkpoints.empty()) MORAINE_RETURN_IF_ERROR(LoadCheckpoint(checkpoints.back()));
  // Operators first: the catalog as of the checkpoint names them.
  MORAINE_RETURN_IF_ERROR(catalog_.FinishRecovery());
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<LogReader> log,
                           LogReader::Open(io_, directory_, log_options_, replay_from_));
  for (;;) {
    LogReader::Record record;
    MORAINE_ASSIGN_OR_RETURN(bool more, log->Next(&record));
    if (!more) break;
    MORAINE_RETURN_IF_ERROR(ReplayRecord(record));
  }
  MORAINE_RETURN_IF_ERROR(catalog_.FinishRecovery());
  result_.log_end = log->end();
  return result_;
}

}  // namespace moraine
