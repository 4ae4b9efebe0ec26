// The calls of the engine that look at the whole database: checkpoints, statistics, verification.
// They are apart from engine.cc because no read or write of a key passes through them.
#include <algorithm>
#include <utility>

#include "storage/base/status_macros.h"
#include "storage/checkpoint.h"
#include "storage/engine_implementation.h"

namespace moraine {

absl::Status EngineImplementation::Checkpoint() {
  MORAINE_RETURN_IF_ERROR(CheckWritable());
  // Trees neither come nor go meanwhile; everything else goes on.
  MutexLock lock(structure_mutex_);
  uint64_t records = recovered_.replayed_records + log_->stats().records;
  EngineSnapshot snapshot;
  absl::Status taken;
  uint64_t replay_from = pins_.OldestAround([&]() -> uint64_t {
    absl::StatusOr<EngineSnapshot> fresh = TakeSnapshot();
    taken = fresh.status();
    if (!fresh.ok()) return 0;
    snapshot = *std::move(fresh);
    return snapshot.timestamp().value();
  });
  MORAINE_RETURN_IF_ERROR(taken);
  uint64_t position = snapshot.timestamp().value();
  if (position == checkpoint_position_) return absl::OkStatus();
  MORAINE_RETURN_IF_ERROR(WriteCheckpoint(snapshot, Lsn(replay_from)));
  checkpoint_position_ = position;
  checkpoint_records_ = records;
  MORAINE_RETURN_IF_ERROR(RemoveOldCheckpoints(Lsn(position)));
  return log_->Truncate(Lsn(replay_from));
}

absl::Status EngineImplementation::WriteCheckpoint(const EngineSnapshot& snapshot,
                                                   Lsn replay_from) {
  ReadPoint point{snapshot.timestamp().value()};
  CheckpointHeader header{Lsn(point.ts), replay_from};
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<CheckpointWriter> writer,
                           CheckpointWriter::Create(*io_, *directory_, superblock_.id, header));
  std::vector<TreeId> ids = {kCatalogTree};
  MORAINE_ASSIGN_OR_RETURN(std::vector<TreeInfo> named, catalog_->List(point));
  for (const TreeInfo& info : named) ids.push_back(info.id);
  for (TreeId id : ids) {
    Tree* tree = catalog_->FindById(id);
    std::string key;
    std::string block;
    for (bool more = true; more;) {
      MORAINE_RETURN_IF_ERROR(tree->ReadLeaf(key, point, &block));
      MORAINE_RETURN_IF_ERROR(writer->Add(id, block));
      BlockView view(block.data());
      more = view.has_high_fence();
      key = std::string(view.high_fence());
    }
  }
  MORAINE_RETURN_IF_ERROR(writer->Finish());
  // What the checkpoint holds must not be ahead of what the log has promised: a crash may only lose
  // a suffix.
  MORAINE_RETURN_IF_ERROR(log_->WaitStable(header.position));
  return writer->Publish();
}

absl::Status EngineImplementation::RemoveOldCheckpoints(Lsn newest) {
  MORAINE_ASSIGN_OR_RETURN(std::vector<Lsn> positions, ListCheckpoints(*directory_));
  for (Lsn position : positions) {
    if (position < newest) MORAINE_RETURN_IF_ERROR(directory_->Remove(CheckpointName(position)));
  }
  return directory_->Sync();
}

absl::StatusOr<EngineStats> EngineImplementation::Stats() {
  MutexLock lock(structure_mutex_);  // no tree goes away meanwhile
  EngineStats stats;
  for (Tree* tree : catalog_->All()) {
    if (tree->dropped()) continue;
    TreeStats of_tree = tree->Stats();
    stats.pages += of_tree.pages;
    stats.inner_pages += of_tree.inner_pages;
    stats.bytes_live += of_tree.memory_bytes;
    if (tree->id() == kCatalogTree) continue;
    ++stats.trees;
    stats.records += of_tree.records;
    stats.bytes_user += of_tree.payload_bytes;
  }
  MORAINE_ASSIGN_OR_RETURN(std::vector<std::string> names, directory_->List());
  OpenFileOptions for_reading;
  for_reading.write = false;
  for (const std::string& name : names) {
    absl::StatusOr<std::unique_ptr<File>> file = directory_->OpenFile(name, for_reading);
    if (!file.ok()) continue;  // removed meanwhile
    MORAINE_ASSIGN_OR_RETURN(uint64_t size, (*file)->Size());
    stats.bytes_on_disk += size;
    // Counted here and not by the log, which a read-only engine does not open.
    if (name.starts_with("log-")) ++stats.log_segments;
  }
  stats.memory_bytes = budget_.used_bytes();
  stats.memory_limit_bytes = budget_.limit_bytes();
  if (log_ != nullptr) {
    LogStats log_stats = log_->stats();
    stats.log_tail = log_->Tail().value();
    stats.log_stable = log_->Stable().value();
    stats.log_device_bytes = log_stats.device_bytes;
    stats.log_device_writes = log_stats.device_writes;
    stats.log_device_syncs = log_stats.device_syncs;
  }
  stats.snapshots = snapshots_.count();
  stats.recovered_records = recovered_.replayed_records;
  stats.recovery_seconds = recovery_seconds_;
  stats.checkpoint_lsn = checkpoint_position_;
  stats.format_version = superblock_.format_version;
  stats.io_backend = std::string(IoBackendName(io_->backend()));
  stats.io_fallback_reason = io_->fallback_reason();
  return stats;
}

absl::Status EngineImplementation::VerifyCheckpointFile(VerifyReport* report) {
  if (checkpoint_position_ == 0) return absl::OkStatus();
  MORAINE_ASSIGN_OR_RETURN(
      std::unique_ptr<CheckpointReader> reader,
      CheckpointReader::Open(*io_, *directory_, superblock_.id, Lsn(checkpoint_position_)));
  for (;;) {
    TreeId tree;
    std::string_view block;
    MORAINE_ASSIGN_OR_RETURN(bool more, reader->Next(&tree, &block));
    if (!more) break;
    ++report->checkpoint_pages;
    MORAINE_RETURN_IF_ERROR(ValidateBlock(block, 0));
  }
  checkpoint_replay_from_ = reader->header().replay_from.value();
  return absl::OkStatus();
}

absl::Status EngineImplementation::VerifyLogFiles(VerifyReport* report) {
  Lsn begin = checkpoint_position_ == 0 ? kFirstLsn : Lsn(checkpoint_replay_from_);
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<LogReader> reader,
                           LogReader::Open(*io_, *directory_, MakeLogOptions(), begin));
  for (;;) {
    LogReader::Record record;
    MORAINE_ASSIGN_OR_RETURN(bool more, reader->Next(&record));
    if (!more) return absl::OkStatus();
    ++report->log_records;
  }
}

absl::StatusOr<VerifyReport> EngineImplementation::Verify() {
  MORAINE_RETURN_IF_ERROR(Flush());  // so that the log's files are as long as its promise
  MutexLock lock(structure_mutex_);
  VerifyReport report;
  for (Tree* tree : catalog_->All()) {
    if (tree->dropped()) continue;
    tree->Verify(
        [&](std::string where, std::string what) {
          report.findings.push_back({std::move(where), std::move(what)});
        },
        &report.pages, &report.records);
  }
  for (absl::Status status : {VerifyCheckpointFile(&report), VerifyLogFiles(&report)}) {
    if (absl::IsDataLoss(status)) {
      report.findings.push_back({"files", std::string(status.message())});
    } else if (!status.ok()) {
      return status;
    }
  }
  return report;
}

}  // namespace moraine
