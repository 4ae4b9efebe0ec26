// The calls of the engine that look at the whole database: checkpoints, statistics, verification.
// They are apart from engine.cc because no read or write of a key passes through them.
#include <algorithm>
#include <utility>

#include "storage/base/status_macros.h"
#include "storage/engine_implementation.h"

namespace moraine {

namespace {

// The log takes space, too: beyond a quarter of its usual length it grows no longer than this part
// of the data, so that a database of any size is not mostly log.
constexpr uint64_t kLeastLogDivisor = 4;
constexpr uint64_t kDataPerLog = 4;

}  // namespace

uint64_t EngineImplementation::CheckpointLogBytes() const {
  uint64_t most = options_.checkpoint_log_bytes;
  uint64_t by_data = store_->stats().live_bytes / kDataPerLog;
  return std::clamp(by_data, most / kLeastLogDivisor, most);
}

// What a crash at any point leaves: until UpdateSuperblock the checkpoint before, whose manifest and
// pieces are all still there; from then on this one, which is durable entirely.
absl::Status EngineImplementation::Checkpoint() {
  MORAINE_RETURN_IF_ERROR(CheckWritable());
  MutexLock one_at_a_time(full_checkpoint_mutex_);
  uint64_t records = recovered_.replayed_records + log_->stats().records;
  Manifest next;
  next.replay_from = Lsn(pins_.OldestAround([&]() -> uint64_t {
    next.redo = log_->Tail();
    return next.redo.value();
  }));
  {
    MutexLock lock(checkpoint_mutex_);
    MORAINE_RETURN_IF_ERROR(checkpoint_health_);
    bool nothing_new = superblock_.generation > 0 && next.redo == manifest_.redo;
    if (nothing_new && !pager_->TableChanged()) return absl::OkStatus();
  }
  // Whatever comes of it, the next one is asked for only when there is more to gain.
  // order: relaxed: a threshold; nothing is published through it
  checkpoint_due_.store(next.redo.value() + CheckpointLogBytes(), std::memory_order_relaxed);
  MORAINE_RETURN_IF_ERROR(pager_->FlushLeaves(TimestampOf(next.redo)));
  MORAINE_RETURN_IF_ERROR(pager_->PostSeparators());
  MutexLock lock(checkpoint_mutex_);
  MORAINE_RETURN_IF_ERROR(checkpoint_health_);
  MORAINE_RETURN_IF_ERROR(CommitCheckpoint(std::move(next)));
  checkpoint_records_ = records;
  return absl::OkStatus();
}

// A checkpoint that only says where pages are now: segments without live pieces become free. What
// has to be replayed stays as it was, so nothing is flushed for it; that pieces hold updates beyond
// `redo` is so after every checkpoint.
absl::Status EngineImplementation::ReleaseSpace() {
  MORAINE_RETURN_IF_ERROR(CheckWritable());
  MutexLock lock(checkpoint_mutex_);
  MORAINE_RETURN_IF_ERROR(checkpoint_health_);
  Manifest next;
  next.redo = manifest_.redo;
  next.replay_from = manifest_.replay_from;
  return CommitCheckpoint(std::move(next));
}

absl::Status EngineImplementation::CommitCheckpoint(Manifest next) {
  store_->BeginState();  // before the copy: what dies later is still named by it
  TableCopy copy = pager_->CopyTable();
  std::vector<PieceLocation> replaced;
  absl::Status written = WriteCheckpoint(copy, &next, &replaced);
  if (!written.ok()) {
    pager_->TakeBack(copy);
    return written;
  }
  manifest_ = std::move(next);
  pager_->SetTablePieces(manifest_.chunks);
  for (const PieceLocation& location : replaced) store_->Release(location);
  MORAINE_RETURN_IF_ERROR(store_->StateIsDurable());
  MORAINE_RETURN_IF_ERROR(RemoveOldManifests());
  return log_->Truncate(manifest_.replay_from);
}

absl::Status EngineImplementation::AppendChunks(const TableCopy& copy, Manifest* next,
                                                std::vector<PieceLocation>* replaced) {
  next->chunks = manifest_.chunks;
  for (const auto& [chunk, copied] : copy.chunks) {
    auto old = next->chunks.find(chunk);
    if (old != next->chunks.end()) replaced->push_back(old->second);
    if (copied.entries == 0) {
      if (old != next->chunks.end()) next->chunks.erase(old);
      continue;
    }
    PieceHeader header;
    header.kind = PieceKind::kChunk;
    header.page = PageId(chunk);
    header.version = static_cast<uint32_t>(next->generation);
    header.covers = header.max_ts = copy.position.value();
    header.entries = copied.entries;
    MORAINE_ASSIGN_OR_RETURN(next->chunks[chunk],
                             store_->Append(Stream::kTable, header, copied.bytes));
  }
  return absl::OkStatus();
}

absl::Status EngineImplementation::WriteCheckpoint(const TableCopy& copy, Manifest* next,
                                                   std::vector<PieceLocation>* replaced) {
  next->generation = superblock_.generation + 1;
  next->position = copy.position;
  next->trees = copy.trees;
  next->separators = copy.separators;
  MORAINE_RETURN_IF_ERROR(AppendChunks(copy, next, replaced));
  MORAINE_RETURN_IF_ERROR(store_->Write());
  next->store_state = store_->EncodeState();
  // A failed sync says nothing about what is on the disk; the log is kept, and replayed next time.
  checkpoint_health_ = store_->Sync();
  MORAINE_RETURN_IF_ERROR(checkpoint_health_);
  // What the pieces hold must not be ahead of what the log has promised: a crash may only lose a
  // suffix.
  MORAINE_RETURN_IF_ERROR(log_->WaitStable(copy.position));
  return WriteManifest(*next);
}

absl::Status EngineImplementation::WriteManifest(const Manifest& next) {
  std::string bytes = EncodeManifest(next);
  OpenFileOptions options;
  options.create = true;
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                           directory_->OpenFile(ManifestName(next.generation), options));
  MORAINE_RETURN_IF_ERROR(file->Truncate(0));
  MORAINE_RETURN_IF_ERROR(io_->WriteFully(*file, 0, bytes.data(), bytes.size()));
  MORAINE_RETURN_IF_ERROR(io_->SyncFile(*file));
  MORAINE_RETURN_IF_ERROR(directory_->Sync());
  Superblock superblock = superblock_;
  superblock.generation = next.generation;
  superblock.manifest_bytes = bytes.size();
  superblock.manifest_checksum = ManifestChecksum(superblock_.id, next.generation, bytes);
  // If this fails nobody can tell which of both slots a reader will find.
  checkpoint_health_ = UpdateSuperblock(*io_, *directory_, superblock);
  MORAINE_RETURN_IF_ERROR(checkpoint_health_);
  superblock_ = superblock;
  return absl::OkStatus();
}

absl::Status EngineImplementation::RemoveOldManifests() {
  MORAINE_ASSIGN_OR_RETURN(std::vector<std::string> names, directory_->List());
  for (const std::string& name : names) {
    std::optional<uint64_t> generation = ParseManifestName(name);
    if (generation && *generation != superblock_.generation)
      MORAINE_RETURN_IF_ERROR(directory_->Remove(name));
  }
  return directory_->Sync();
}

void EngineImplementation::AddPageStats(EngineStats* stats) {
  {
    MutexLock lock(checkpoint_mutex_);
    stats->checkpoint_lsn = superblock_.generation == 0 ? 0 : manifest_.redo.value();
  }
  SegmentStoreStats store = store_->stats();
  stats->data_segments = store.segments;
  stats->data_file_bytes = store.file_bytes;
  stats->data_live_bytes = store.live_bytes;
  stats->data_appended_bytes = store.appended_bytes;
  stats->data_device_bytes = store.written_bytes;
  PageReaderStats reader = reader_->stats();
  stats->pages_loaded = reader.pages;
  stats->pieces_loaded = reader.pieces;
  stats->load_submissions = reader.submissions;
  stats->load_bytes = reader.bytes;
  PagerStats pager = pager_->stats();
  stats->pages_flushed = pager.flushed_pages;
  stats->fragments_flushed = pager.fragments;
  stats->bases_flushed = pager.bases;
  stats->pages_evicted = pager.evicted_pages;
  stats->bytes_moved = pager.moved_bytes;
  stats->pages_rewritten = pager.rewritten_pages;
  stats->segments_cleaned = cleaner_->stats().cleaned_segments;
  for (PageTable::Extent extent : {table_->inner_extent(), table_->leaf_extent()}) {
    for (uint32_t page = extent.begin; page < extent.end; ++page) {
      EpochGuard guard(heap_->Local());
      DiskWord word = table_->LoadDisk(PageId(page));
      if (word.none()) continue;
      ++stats->pages_on_disk;
      stats->pieces_on_disk += word.packed() ? 1 : word.refs()->count();
    }
  }
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
  AddPageStats(&stats);
  stats.format_version = superblock_.format_version;
  stats.io_backend = std::string(IoBackendName(io_->backend()));
  stats.io_fallback_reason = io_->fallback_reason();
  return stats;
}

// Reads every piece that a page names, resident or not, a batch of pages at a time.
absl::Status EngineImplementation::VerifyPieces(VerifyReport* report) {
  constexpr size_t kBatch = 32;
  std::vector<PageLoad> loads;
  auto check = [&] {
    reader_->Read(loads);
    for (const PageLoad& load : loads) {
      ++report->disk_pages;
      std::string where = "tree " + std::to_string(load.tree.value()) + ", page " +
                          std::to_string(load.page.value());
      // A page that was written meanwhile was read from where it no longer is.
      EpochGuard guard(heap_->Local());
      if (!DiskCopy::Of(table_->LoadDisk(load.page)).SamePieces(load.disk)) continue;
      absl::Status status = load.status;
      for (const LoadedPiece& piece : load.pieces) {
        if (status.ok()) status = ValidateBlock(piece.payload, piece.header.level);
      }
      if (!status.ok()) report->findings.push_back({where, std::string(status.message())});
    }
    loads.clear();
  };
  for (PageTable::Extent extent : {table_->inner_extent(), table_->leaf_extent()}) {
    for (uint32_t page = extent.begin; page < extent.end; ++page) {
      {
        EpochGuard guard(heap_->Local());
        DiskWord word = table_->LoadDisk(PageId(page));
        if (word.none()) continue;
        PageLoad load;
        load.page = PageId(page);
        load.tree = table_->TreeOf(load.page);
        load.disk = DiskCopy::Of(word);
        loads.push_back(std::move(load));
      }
      if (loads.size() == kBatch) check();
    }
  }
  if (!loads.empty()) check();
  return absl::OkStatus();
}

absl::Status EngineImplementation::VerifyLogFiles(VerifyReport* report) {
  Lsn begin;
  {
    MutexLock lock(checkpoint_mutex_);
    begin = manifest_.replay_from;
  }
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
  for (absl::Status status : {VerifyPieces(&report), VerifyLogFiles(&report)}) {
    if (absl::IsDataLoss(status)) {
      report.findings.push_back({"files", std::string(status.message())});
    } else if (!status.ok()) {
      return status;
    }
  }
  return report;
}

}  // namespace moraine
