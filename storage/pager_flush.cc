// Flush batches: capture, append, write, publish.
#include <algorithm>
#include <new>
#include <optional>
#include <utility>

#include "storage/base/check.h"
#include "storage/base/status_macros.h"
#include "storage/pager.h"
#include "storage/sync/backoff.h"

namespace moraine {
namespace {

constexpr size_t kBatchPages = 256;
// A group met a page of the batch that is not published yet.
bool MetOwnBatch(const absl::Status& status) { return absl::IsAborted(status); }

// A fragment with so many tombstones is followed by a new base before long.
constexpr uint32_t kManyDeletes = 8;
constexpr size_t kMostShrunken = size_t{1} << 16;

// The word of a page that was packed and whose only piece was moved; nullopt: it takes a list.
std::optional<DiskWord> PackedMove(const DiskCopy& disk,
                                   std::span<const std::pair<uint32_t, PieceLocation>> moves) {
  if (!disk.word.packed()) return std::nullopt;
  return DiskWord::Packed({moves.front().second, disk.pieces[0].version});
}

void Add(Atomic<uint64_t>& count, uint64_t value) {
  // order: relaxed: a statistic
  count.fetch_add(value, std::memory_order_relaxed);
}

}  // namespace

Tree* Pager::TreeOf(PageId page) {
  EpochGuard guard(parts_.environment->Local().heap());
  if (table_.Load(page).state() == PageState::kFree) return nullptr;
  return parts_.find_tree(table_.TreeOf(page));
}

absl::Status Pager::FlushExtent(PageTable::Extent extent, Timestamp before) {
  std::vector<PageId> dirty;
  uint32_t page = extent.begin;
  Backoff<> backoff;
  while (page < extent.end || !dirty.empty()) {
    for (; page < extent.end && dirty.size() < kBatchPages; ++page) {
      Tree* tree = TreeOf(PageId(page));
      if (tree != nullptr && tree->IsDirty(PageId(page), before)) dirty.push_back(PageId(page));
    }
    {
      MutexLock lock(flush_mutex_);
      MORAINE_RETURN_IF_ERROR(FlushLocked(dirty, before));
      // Those that kept changing under the capture come round again: a checkpoint needs them all.
      dirty = std::exchange(unfinished_, {});
    }
    Settle();
    if (!dirty.empty()) backoff.Wait();
    // What had to be read for it came out of the reserve. This may be the very thread that evicts.
    if (AboveHighWater() && EvictSome(2 * kBatchPages, Flushing::kNever) > 0) DrainLimbo();
  }
  return absl::OkStatus();
}

absl::Status Pager::FlushLeaves(Timestamp before) {
  return FlushExtent(table_.leaf_extent(), before);
}

absl::Status Pager::FlushInnerPages() { return FlushExtent(table_.inner_extent(), Timestamp()); }

absl::Status Pager::FlushLocked(std::span<const PageId> pages, Timestamp before) {
  absl::Status flushed = CaptureAll(pages, before);
  if (!flushed.ok()) ForgetFrom(0);  // its pages may be no pages any more when the next one begins
  return flushed;
}

absl::Status Pager::CaptureAll(std::span<const PageId> pages, Timestamp before) {
  need_load_.clear();
  unfinished_.clear();
  for (PageId page : pages) MORAINE_RETURN_IF_ERROR(CapturePage(page, before));
  MORAINE_RETURN_IF_ERROR(PublishBatch());
  return LoadAndCapture(before);
}

// Pages with as many fragments as there may be are read, all at once, to be written as one piece.
absl::Status Pager::LoadAndCapture(Timestamp before) {
  std::vector<PageId> wanted = std::exchange(need_load_, {});
  if (wanted.empty()) return absl::OkStatus();
  Add(counts_.loads_to_flush, wanted.size());
  auto tree_of = [&](PageId page) { return table_.TreeOf(page); };
  std::stable_sort(wanted.begin(), wanted.end(),
                   [&](PageId a, PageId b) { return tree_of(a) < tree_of(b); });
  for (size_t begin = 0; begin < wanted.size();) {
    size_t end = begin;
    while (end < wanted.size() && tree_of(wanted[end]) == tree_of(wanted[begin])) ++end;
    std::span<const PageId> pages(wanted.data() + begin, end - begin);
    begin = end;
    Tree* tree = TreeOf(pages.front());
    if (tree == nullptr) continue;
    // Whoever makes room must not wait for room.
    MORAINE_RETURN_IF_ERROR(tree->LoadPages(pages, ChargeKind::kReserve));
    for (PageId page : pages) MORAINE_RETURN_IF_ERROR(CapturePage(page, before));
  }
  // One that left memory again already.
  unfinished_.insert(unfinished_.end(), need_load_.begin(), need_load_.end());
  need_load_.clear();
  return PublishBatch();
}

absl::StatusOr<Tree::CaptureResult> Pager::CaptureOnce(Tree& tree, PageId page, Timestamp before,
                                                       Tree::CaptureForm form, PageId* other) {
  const size_t group = batch_.size();
  auto emit = [&, group](const PageCapture& capture) -> absl::Status {
    if (!captured_.insert(capture.header.page.value()).second) {
      return absl::AbortedError("a page of this batch is part of another group");
    }
    Stream stream = capture.stream;
    if (capture.header.kind == PieceKind::kBase) {
      temperature_.Observe(capture.interval);
      stream = temperature_.StreamFor(capture.interval);
    }
    absl::StatusOr<PieceLocation> location =
        parts_.store->Append(stream, capture.header, capture.payload);
    if (!location.ok()) {
      captured_.erase(capture.header.page.value());
      return location.status();
    }
    Written written;
    written.group = group;
    written.header = capture.header;
    written.disk = capture.disk;
    written.piece = {*location, capture.header.version};
    written.replaces = capture.replaces;
    written.first_time = capture.first_time;
    written.low_fence = std::string(capture.low_fence);
    written.deletes = capture.deletes;
    batch_.push_back(std::move(written));
    return absl::OkStatus();
  };
  return tree.CaptureGroup(page, before, form, emit, other);
}

void Pager::ForgetFrom(size_t begin) {
  ThreadHeap& heap = parts_.environment->Local().heap();
  for (size_t i = begin; i < batch_.size(); ++i) Forget(heap, batch_[i]);
  batch_.resize(begin);
}

void Pager::Forget(ThreadHeap& heap, const Written& written) {
  captured_.erase(written.header.page.value());
  if (written.moves.empty()) parts_.store->Release(written.piece.location);
  for (const auto& [index, location] : written.moves) parts_.store->Release(location);
  if (written.refs != nullptr)
    heap.Free(const_cast<DiskRefs*>(written.refs), written.refs->bytes());
}

absl::Status Pager::CapturePage(PageId page, Timestamp before) {
  // A page that other threads keep changing is left for later rather than chased for ever.
  constexpr int kTries = 8;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    if (captured_.contains(page.value())) return absl::OkStatus();
    Tree* tree = TreeOf(page);
    if (tree == nullptr) return absl::OkStatus();
    size_t begin = batch_.size();
    PageId other = page;
    absl::StatusOr<Tree::CaptureResult> result =
        CaptureOnce(*tree, page, before, Tree::CaptureForm::kAsNeeded, &other);
    if (!result.ok()) {
      ForgetFrom(begin);
      if (!MetOwnBatch(result.status())) return result.status();
      MORAINE_RETURN_IF_ERROR(PublishBatch());
      continue;
    }
    if (*result != Tree::CaptureResult::kCaptured) ForgetFrom(begin);
    switch (*result) {
      case Tree::CaptureResult::kNeedsLoad:
        need_load_.push_back(other);
        return absl::OkStatus();
      case Tree::CaptureResult::kFirst:
        MORAINE_RETURN_IF_ERROR(CapturePage(other, Timestamp()));
        MORAINE_RETURN_IF_ERROR(PublishBatch());
        break;
      default:
        return absl::OkStatus();
    }
  }
  unfinished_.push_back(page);
  return absl::OkStatus();
}

// The pieces of a page once `written` is published.
std::span<const PieceRef> Pager::PiecesAfter(const Written& written,
                                             std::array<PieceRef, kMostPieces>* pieces) {
  const DiskCopy& disk = written.disk;
  uint32_t count = 0;
  if (!written.replaces) {
    for (; count < disk.count; ++count) (*pieces)[count] = disk.pieces[count];
  }
  for (const auto& [index, location] : written.moves) (*pieces)[index].location = location;
  if (written.moves.empty()) {
    MORAINE_CHECK(count < kMostPieces);
    (*pieces)[count++] = written.piece;
  }
  return std::span(pieces->data(), count);
}

// Allocates the new lists before anything is published. Groups that find no memory are left out
// whole, for a later batch: the others free some.
absl::Status Pager::MakeRefs(ThreadHeap& heap) {
  std::unordered_set<size_t> refused;
  for (Written& written : batch_) {
    if (!written.moves.empty() && PackedMove(written.disk, written.moves).has_value()) continue;
    if (refused.contains(written.group)) continue;
    bool moved = !written.moves.empty();
    std::array<PieceRef, kMostPieces> memory_of_pieces;
    std::span<const PieceRef> pieces = PiecesAfter(written, &memory_of_pieces);
    void* memory = heap.Allocate(DiskRefs::BytesFor(pieces), ChargeKind::kReserve);
    if (memory == nullptr) {
      refused.insert(written.group);
      continue;
    }
    written.refs =
        DiskRefs::Make(memory, pieces, moved ? written.disk.covers : written.header.covers,
                       moved ? written.max_ts : written.header.max_ts);
  }
  if (refused.empty()) return absl::OkStatus();
  std::vector<Written> left_out;
  std::erase_if(batch_, [&](Written& written) {
    if (!refused.contains(written.group)) return false;
    left_out.push_back(std::move(written));
    return true;
  });
  for (const Written& written : left_out) {
    Forget(heap, written);
    unfinished_.push_back(written.header.page);
  }
  if (!batch_.empty()) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      "no memory left for the lists of a page's pieces; raise memory_bytes");
}

void Pager::ReleasePieces(ThreadHeap& heap, DiskWord word, bool pieces_too) {
  DiskCopy old = DiskCopy::Of(word);
  for (uint32_t i = 0; pieces_too && i < old.count; ++i)
    parts_.store->Release(old.pieces[i].location);
  if (const DiskRefs* refs = word.refs()) heap.Retire(const_cast<DiskRefs*>(refs), refs->bytes());
}

void Pager::PublishLocked(ThreadHeap& heap, Written& written) {
  PageId page = written.header.page;
  DiskWord current = table_.LoadDisk(page);
  DiskWord next = written.refs != nullptr ? DiskWord::Of(written.refs)
                                          : *PackedMove(written.disk, written.moves);
  do {
    // Only packing, which keeps the meaning, may have happened since the capture.
    MORAINE_CHECK(DiskCopy::Of(current).SamePieces(written.disk));
  } while (!table_.CompareAndSwapDisk(page, current, next));
  written.refs = nullptr;
  ReleasePieces(heap, current, written.replaces);
  for (const auto& [index, location] : written.moves)
    parts_.store->Release(written.disk.pieces[index].location);
  changed_chunks_.insert(ChunkOf(page));
  if (written.deletes >= kManyDeletes && shrunken_.size() < kMostShrunken)
    shrunken_.push_back(page);
  if (written.first_time) {
    separators_.push_back({written.header.tree, written.header.level, page, written.low_fence});
  }
}

absl::Status Pager::PublishBatch() {
  if (batch_.empty()) return absl::OkStatus();
  ThreadHeap& heap = parts_.environment->Local().heap();
  absl::Status ready = parts_.store->Write();
  if (ready.ok()) ready = MakeRefs(heap);
  if (!ready.ok()) {
    ForgetFrom(0);
    return ready;
  }
  {
    EpochGuard guard(heap);
    MutexLock lock(publication_mutex_);
    for (Written& written : batch_) PublishLocked(heap, written);
  }
  Add(counts_.batches, 1);
  uint64_t flushed_bytes = 0;
  for (const Written& written : batch_) {
    if (!written.moves.empty()) continue;
    flushed_bytes += written.piece.location.stored_bytes;
    Add(counts_.flushed_pages, 1);
    Add(written.replaces ? counts_.bases : counts_.fragments, 1);
    Tree* tree = parts_.find_tree(written.header.tree);
    if (tree != nullptr) tree->AfterPublish(written.header.page, written.header.covers);
  }
  Add(unsettled_bytes_, flushed_bytes);
  batch_.clear();
  captured_.clear();
  return absl::OkStatus();
}

// Space that was taken is paid for by whoever took it; outside all locks.
void Pager::Settle() {
  // order: relaxed: a count
  uint64_t bytes = unsettled_bytes_.exchange(0, std::memory_order_relaxed);
  if (bytes > 0 && parts_.after_flush) parts_.after_flush(bytes);
}

absl::Status Pager::PostSeparators() {
  std::vector<LooseSeparator> separators;
  {
    MutexLock lock(publication_mutex_);
    separators = separators_;
  }
  for (const LooseSeparator& loose : separators) {
    Tree* tree = parts_.find_tree(loose.tree);
    if (tree == nullptr) continue;
    MORAINE_RETURN_IF_ERROR(tree->PostRecovered(loose.level, loose.separator, loose.page));
  }
  MORAINE_RETURN_IF_ERROR(FlushInnerPages());
  // They were in their parents before the parents were written. Those that came meanwhile stay.
  MutexLock lock(publication_mutex_);
  separators_.erase(separators_.begin(),
                    separators_.begin() + static_cast<ptrdiff_t>(separators.size()));
  return absl::OkStatus();
}

TableCopy Pager::CopyTable() {
  TableCopy copy;
  std::vector<TableEntry> entries;
  EpochGuard guard(parts_.environment->Local().heap());
  MutexLock lock(publication_mutex_);
  copy.position = parts_.environment->log->Tail();
  for (uint32_t chunk : std::exchange(changed_chunks_, {})) {
    entries.clear();
    for (uint32_t i = 0; i < kChunkPages; ++i) {
      PageId page(chunk * kChunkPages + i);
      DiskWord word = table_.LoadDisk(page);
      if (word.none()) continue;
      TableEntry entry{page, table_.TreeOf(page), 0, DiskCopy::Of(word)};
      if (const DiskRefs* refs = word.refs()) entry.max_ts = refs->max_ts();
      entries.push_back(entry);
    }
    copy.chunks[chunk] = {EncodeTableChunk(entries), static_cast<uint32_t>(entries.size())};
  }
  for (Tree* tree : parts_.all_trees()) {
    if (!table_.LoadDisk(tree->root()).none()) copy.trees.push_back({tree->id(), tree->root()});
  }
  copy.separators = separators_;
  return copy;
}

void Pager::SetTablePieces(const std::map<uint32_t, PieceLocation>& pieces) {
  MutexLock lock(publication_mutex_);
  table_pieces_ = {pieces.begin(), pieces.end()};
}

bool Pager::TableChanged() {
  MutexLock lock(publication_mutex_);
  return !changed_chunks_.empty();
}

void Pager::TakeBack(const TableCopy& copy) {
  MutexLock lock(publication_mutex_);
  for (const auto& [chunk, bytes] : copy.chunks) changed_chunks_.insert(chunk);
}

absl::Status Pager::ReleaseTree(Tree& tree) {
  MutexLock flush(flush_mutex_);
  ThreadHeap& heap = parts_.environment->Local().heap();
  return tree.ReleasePages([&](PageId page) {
    EpochGuard guard(heap);
    MutexLock lock(publication_mutex_);
    DiskWord word = table_.LoadDisk(page);
    if (!word.none()) {
      ReleasePieces(heap, word, true);
      changed_chunks_.insert(ChunkOf(page));
    }
    table_.Free(page);
  });
}

}  // namespace moraine
