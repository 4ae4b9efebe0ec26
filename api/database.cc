// Opening, closing, trees and care: translation between the public types and the engine's.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "api/database_state.h"
#include "api/merge_adapter.h"
#include "api/tree_access.h"
#include "storage/base/status_macros.h"
#include <moraine/database.h>

namespace moraine::MORAINE_V1 {

namespace {

moraine::EngineOptions ToEngineOptions(const Options& options) {
  moraine::EngineOptions engine_options;
  engine_options.create_if_missing = options.create_if_missing;
  engine_options.error_if_exists = options.error_if_exists;
  engine_options.read_only = options.read_only;
  engine_options.memory_bytes = options.memory_bytes;
  engine_options.group_interval = options.group_interval;
  engine_options.leaf_bytes = options.leaf_bytes;
  engine_options.space_fill = options.space_fill;
  engine_options.checkpoint_on_close = options.checkpoint_on_close;
  if (!options.use_io_uring) engine_options.io.preferred = IoBackend::kThreadPool;
  for (const auto& merge_operator : options.merge_operators) {
    engine_options.merge_operators.push_back(
        std::make_shared<internal::MergeAdapter>(merge_operator));
  }
  return engine_options;
}

absl::Status CheckOptions(const Options& options) {
  if (options.read_only && (options.create_if_missing || options.error_if_exists)) {
    return absl::InvalidArgumentError("read_only excludes create_if_missing and error_if_exists");
  }
  for (const auto& merge_operator : options.merge_operators) {
    if (merge_operator == nullptr) return absl::InvalidArgumentError("a merge operator is null");
  }
  return absl::OkStatus();
}

Stats FromEngineStats(const moraine::EngineStats& from) {
  Stats stats;
  stats.records = from.records;
  stats.trees = from.trees;
  stats.pages = from.pages;
  stats.inner_pages = from.inner_pages;
  stats.bytes_user = from.bytes_user;
  stats.bytes_live = from.bytes_live;
  stats.bytes_on_disk = from.bytes_on_disk;
  stats.log_segments = from.log_segments;
  stats.memory_bytes = from.memory_bytes;
  stats.memory_limit_bytes = from.memory_limit_bytes;
  stats.log_tail = from.log_tail;
  stats.log_stable = from.log_stable;
  stats.log_device_bytes = from.log_device_bytes;
  stats.log_device_writes = from.log_device_writes;
  stats.log_device_syncs = from.log_device_syncs;
  stats.data_segments = from.data_segments;
  stats.data_file_bytes = from.data_file_bytes;
  stats.data_live_bytes = from.data_live_bytes;
  stats.data_appended_bytes = from.data_appended_bytes;
  stats.data_device_bytes = from.data_device_bytes;
  stats.pages_loaded = from.pages_loaded;
  stats.pieces_loaded = from.pieces_loaded;
  stats.load_submissions = from.load_submissions;
  stats.load_bytes = from.load_bytes;
  stats.pages_flushed = from.pages_flushed;
  stats.fragments_flushed = from.fragments_flushed;
  stats.bases_flushed = from.bases_flushed;
  stats.pages_evicted = from.pages_evicted;
  stats.pages_on_disk = from.pages_on_disk;
  stats.pieces_on_disk = from.pieces_on_disk;
  stats.segments_cleaned = from.segments_cleaned;
  stats.bytes_moved = from.bytes_moved;
  stats.pages_rewritten = from.pages_rewritten;
  stats.snapshots = from.snapshots;
  stats.recovered_records = from.recovered_records;
  stats.recovery_seconds = from.recovery_seconds;
  stats.checkpoint_position = from.checkpoint_lsn;
  stats.format_version = from.format_version;
  stats.io_backend = from.io_backend;
  stats.io_fallback_reason = from.io_fallback_reason;
  return stats;
}

Space FromSpaceReport(const moraine::SpaceReport& from) {
  Space space;
  space.segment_bytes = from.segment_bytes;
  space.file_bytes = from.file_bytes;
  space.log_bytes = from.log_bytes;
  space.live_bytes = from.live_bytes;
  space.segments = from.segments;
  space.free_segments = from.free_segments;
  space.dead_segments = from.dead_segments;
  for (const moraine::SpaceOfStream& stream : from.streams) {
    space.streams.push_back({.name = std::string(stream.name),
                             .segments = stream.segments,
                             .used_bytes = stream.used_bytes,
                             .live_bytes = stream.live_bytes,
                             .by_live = stream.by_live});
  }
  space.snapshots = from.snapshots;
  space.oldest_snapshot = from.oldest_snapshot;
  space.log_tail = from.log_tail;
  space.appended_bytes = from.appended_bytes;
  space.device_bytes = from.device_bytes;
  space.moved_bytes = from.moved_bytes;
  space.segments_cleaned = from.segments_cleaned;
  space.releases = from.releases;
  space.fill_wanted = from.fill_wanted;
  return space;
}

absl::Status DefaultTreeStays() {
  return absl::FailedPreconditionError("the default tree can be neither dropped nor renamed");
}

}  // namespace

Database::Database(std::unique_ptr<State> state) : state_(std::move(state)) {
  engine_ = state_->engine.get();
}

Database::~Database() { (void)Close(); }

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path,
                                                         const Options& options) {
  MORAINE_RETURN_IF_ERROR(CheckOptions(options));
  auto state = std::make_unique<State>();
  state->path = path;
  state->memory_bytes = options.memory_bytes;
  MORAINE_ASSIGN_OR_RETURN(state->engine, moraine::Engine::Open(path, ToEngineOptions(options)));
  absl::StatusOr<moraine::Tree*> tree = state->engine->OpenTree(kDefaultTreeName);
  if (absl::IsNotFound(tree.status()) && !options.read_only) {
    tree = state->engine->CreateTree(kDefaultTreeName, {});
  }
  if (!tree.ok() && !absl::IsNotFound(tree.status())) return std::move(tree).status();
  if (tree.ok()) state->default_tree = internal::TreeAccess::Make(*tree);
  return std::unique_ptr<Database>(new Database(std::move(state)));
}

absl::Status Database::CheckOpen() const {
  return engine_ != nullptr ? absl::OkStatus()
                            : absl::FailedPreconditionError(
                                  absl::StrCat("the database at ", state_->path, " is closed"));
}

absl::Status Database::Close() {
  if (engine_ == nullptr) return absl::OkStatus();
  engine_ = nullptr;
  return state_->engine->Close();
}

Tree Database::default_tree() const { return state_->default_tree; }

absl::StatusOr<Tree> Database::CreateTree(std::string_view name, const TreeOptions& options) {
  MORAINE_RETURN_IF_ERROR(CheckOpen());
  MORAINE_ASSIGN_OR_RETURN(moraine::Tree * tree,
                           engine_->CreateTree(name, {.merge_operator = options.merge_operator}));
  return internal::TreeAccess::Make(tree);
}

absl::StatusOr<Tree> Database::OpenTree(std::string_view name, const TreeOptions& options) {
  MORAINE_RETURN_IF_ERROR(CheckOpen());
  while (true) {
    absl::StatusOr<moraine::Tree*> tree = engine_->OpenTree(name);
    if (tree.ok()) return internal::TreeAccess::Make(*tree);
    if (!absl::IsNotFound(tree.status()) || !options.create_if_missing) return tree.status();
    absl::StatusOr<Tree> created = CreateTree(name, options);
    // Another thread may have created it in between; then it can be opened.
    if (!absl::IsAlreadyExists(created.status())) return created;
  }
}

absl::Status Database::DropTree(std::string_view name) {
  MORAINE_RETURN_IF_ERROR(CheckOpen());
  if (name == kDefaultTreeName) return DefaultTreeStays();
  return engine_->DropTree(name);
}

absl::Status Database::RenameTree(std::string_view from, std::string_view to) {
  MORAINE_RETURN_IF_ERROR(CheckOpen());
  if (from == kDefaultTreeName) return DefaultTreeStays();
  return engine_->RenameTree(from, to);
}

absl::StatusOr<std::vector<TreeDescription>> Database::ListTrees() {
  MORAINE_RETURN_IF_ERROR(CheckOpen());
  MORAINE_ASSIGN_OR_RETURN(std::vector<moraine::TreeInfo> trees, engine_->ListTrees());
  std::vector<TreeDescription> descriptions;
  for (moraine::TreeInfo& tree : trees) {
    descriptions.push_back({std::move(tree.name), std::move(tree.merge_operator)});
  }
  std::sort(descriptions.begin(), descriptions.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return descriptions;
}

absl::StatusOr<Snapshot> Database::TakeSnapshot() const {
  MORAINE_RETURN_IF_ERROR(CheckOpen());
  MORAINE_ASSIGN_OR_RETURN(moraine::EngineSnapshot pinned, engine_->TakeSnapshot());
  return Snapshot(engine_, std::make_unique<moraine::EngineSnapshot>(std::move(pinned)));
}

absl::Status Database::Flush() {
  MORAINE_RETURN_IF_ERROR(CheckOpen());
  return engine_->Flush();
}

absl::Status Database::Checkpoint() {
  MORAINE_RETURN_IF_ERROR(CheckOpen());
  return engine_->Checkpoint();
}

absl::Status Database::Compact(absl::FunctionRef<bool(const CompactionProgress&)> progress) {
  MORAINE_RETURN_IF_ERROR(CheckOpen());
  return engine_->Compact([&](const moraine::CompactProgress& at) {
    return progress({.done = at.done, .all = at.all});
  });
}

absl::Status Database::Compact() {
  return Compact([](const CompactionProgress&) { return true; });
}

absl::StatusOr<Space> Database::Space() const {
  MORAINE_RETURN_IF_ERROR(CheckOpen());
  MORAINE_ASSIGN_OR_RETURN(const moraine::SpaceReport report, engine_->Space());
  return FromSpaceReport(report);
}

absl::StatusOr<Stats> Database::Stats() const {
  MORAINE_RETURN_IF_ERROR(CheckOpen());
  MORAINE_ASSIGN_OR_RETURN(moraine::EngineStats stats, engine_->Stats());
  return FromEngineStats(stats);
}

absl::StatusOr<VerifyReport> Database::Verify() const {
  MORAINE_RETURN_IF_ERROR(CheckOpen());
  MORAINE_ASSIGN_OR_RETURN(moraine::VerifyReport found, engine_->Verify());
  VerifyReport report;
  report.pages = found.pages;
  report.records = found.records;
  report.log_records = found.log_records;
  report.disk_pages = found.disk_pages;
  for (moraine::VerifyFinding& finding : found.findings) {
    report.findings.push_back({std::move(finding.where), std::move(finding.what)});
  }
  return report;
}

}  // namespace moraine::MORAINE_V1
