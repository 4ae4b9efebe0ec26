// The calls of the engine that are about space on disk.
#include <algorithm>
#include <utility>

#include "storage/base/status_macros.h"
#include "storage/engine_implementation.h"

namespace moraine {
namespace {

constexpr size_t kPagesTogether = 64;
// The second pass is for pages that left memory again, or were written to, during the first.
constexpr int kPasses = 2;

std::string_view NameOf(Stream stream) {
  switch (stream) {
    case Stream::kFragments:
      return "fragments";
    case Stream::kHot:
      return "hot";
    case Stream::kWarm:
      return "warm";
    case Stream::kCold:
      return "cold";
    case Stream::kTable:
      return "table";
    case Stream::kLarge:
      return "large";
  }
  return "other";
}

}  // namespace

// Pages that lie in more than one piece.
std::vector<PageId> EngineImplementation::PagesInPieces(PageTable::Extent extent) {
  std::vector<PageId> pages;
  for (uint32_t page = extent.begin; page < extent.end; ++page) {
    EpochGuard guard(heap_->Local());
    const DiskRefs* refs = table_->LoadDisk(PageId(page)).refs();
    if (refs != nullptr && refs->count() > 1) pages.push_back(PageId(page));
  }
  return pages;
}

absl::Status EngineImplementation::Compact(
    absl::FunctionRef<bool(const CompactProgress&)> progress) {
  MORAINE_RETURN_IF_ERROR(Checkpoint());
  CompactProgress at;
  for (int pass = 0; pass < kPasses; ++pass) {
    std::vector<PageId> pages = PagesInPieces(table_->leaf_extent());
    at.all = at.done + pages.size() + store_->Segments().size();
    for (size_t begin = 0; begin < pages.size(); begin += kPagesTogether) {
      if (!progress(at)) return absl::CancelledError("compaction was stopped");
      size_t count = std::min(kPagesTogether, pages.size() - begin);
      MORAINE_RETURN_IF_ERROR(pager_->RewritePages(std::span(pages).subspan(begin, count)));
      at.done += count;
    }
  }
  uint64_t before = at.done;
  return cleaner_->CleanAll([&](uint64_t done, uint64_t all) {
    at.done = before + done;
    at.all = std::max(at.done, before + all);
    return progress(at);
  });
}

absl::StatusOr<SpaceReport> EngineImplementation::Space() {
  SpaceReport report;
  SegmentStoreStats store = store_->stats();
  report.segment_bytes = store.segment_bytes;
  report.file_bytes = store.file_bytes;
  report.segments = store.segments;
  report.free_segments = store.free_segments;
  report.dead_segments = store.dead_segments + store.draining_segments;
  report.live_bytes = store.live_bytes;
  report.appended_bytes = store.appended_bytes;
  report.device_bytes = store.written_bytes;
  for (size_t i = 0; i < kStreamCount; ++i)
    report.streams.push_back({.name = NameOf(static_cast<Stream>(i))});
  for (const SegmentInfo& segment : store_->Segments()) {
    if (segment.dead) continue;
    SpaceOfStream& stream = report.streams[static_cast<size_t>(segment.stream)];
    stream.segments += segment.run;
    stream.used_bytes += segment.used_bytes;
    stream.live_bytes += segment.live_bytes;
    uint64_t whole = store.segment_bytes * segment.run;
    uint64_t tenth = std::min<uint64_t>(segment.live_bytes * kSpaceTenths / whole, 9);
    ++stream.by_live[tenth];
  }
  MORAINE_ASSIGN_OR_RETURN(std::vector<std::string> names, directory_->List());
  for (const std::string& name : names) {
    if (!name.starts_with("log-")) continue;
    absl::StatusOr<std::unique_ptr<File>> file = directory_->OpenFile(name, {.write = false});
    if (!file.ok()) continue;  // removed meanwhile
    MORAINE_ASSIGN_OR_RETURN(uint64_t size, (*file)->Size());
    report.log_bytes += size;
  }
  if (log_ != nullptr) report.log_tail = log_->Tail().value();
  PruneView view;
  snapshots_.Read(log_.get(), &view);
  report.snapshots = snapshots_.count();
  report.oldest_snapshot = view.active.empty() ? report.log_tail : view.active.front();
  report.moved_bytes = pager_->stats().moved_bytes;
  CleanerStats cleaner = cleaner_->stats();
  report.segments_cleaned = cleaner.cleaned_segments;
  report.releases = cleaner.releases;
  report.fill_wanted = options_.space_fill;
  return report;
}

}  // namespace moraine
