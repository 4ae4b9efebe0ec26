// Cleaning: what is alive in a segment moves to another one, so that the whole segment can be used
// anew.
//
// A piece is alive if the page that it names has it in its disk word, address and version. It moves
// verbatim, compressed as it is, and the page's word is published with the new address exactly like
// a flush: in a batch, under flush_mutex_, after the store has written it. Content and version stay,
// so whoever loads the page meanwhile notices by the address alone and reads again. A page that is in
// memory and has more pieces is written whole instead, where that costs little more.
//
// Why the right bytes move: the read lease is taken before the segment is looked at, so it is not
// used anew meanwhile, and what a page names at that address and version when flush_mutex_ is held is
// what was read.
// Why a crash loses nothing: the old pieces stay where they are until a checkpoint that names only
// the new ones is durable (segment_map.h).
#include <algorithm>
#include <utility>

#include "storage/base/status_macros.h"
#include "storage/pager.h"

namespace moraine {
namespace {

// Moved in one batch. More would hold up flushes, less would pad more blocks.
constexpr size_t kMoveBytes = size_t{256} << 10;
// In memory and with so many pieces in the segment: one base costs less in the end.
constexpr size_t kPiecesWorthABase = 2;

void Add(Atomic<uint64_t>& count, uint64_t value) {
  // order: relaxed: a statistic
  count.fetch_add(value, std::memory_order_relaxed);
}

// Survivors of one cleaning live longer than what is new, survivors of two longer still.
Stream SurvivorStream(Stream from) {
  return from == Stream::kFragments || from == Stream::kHot ? Stream::kWarm : Stream::kCold;
}

std::vector<uint32_t> NamedPieces(const DiskCopy& disk, const PieceLocation& location,
                                  uint32_t version) {
  std::vector<uint32_t> named;
  for (uint32_t i = 0; i < disk.count; ++i) {
    if (disk.pieces[i].location.address == location.address &&
        (disk.pieces[i].version & 0xffff) == (version & 0xffff)) {
      named.push_back(i);
    }
  }
  return named;
}

bool IsOfPage(PieceKind kind) { return kind == PieceKind::kBase || kind == PieceKind::kFragment; }

}  // namespace

bool Pager::IsNamed(const StoredPiece& piece) {
  EpochGuard guard(parts_.environment->Local().heap());
  if (piece.header.page.value() >= table_.capacity()) return false;
  DiskCopy disk = DiskCopy::Of(table_.LoadDisk(piece.header.page));
  return !NamedPieces(disk, piece.location, piece.header.version).empty();
}

uint32_t Pager::PieceCount(PageId page) {
  EpochGuard guard(parts_.environment->Local().heap());
  return DiskCopy::Of(table_.LoadDisk(page)).count;
}

bool Pager::MarkChunk(const StoredPiece& piece) {
  MutexLock lock(publication_mutex_);
  auto found = table_pieces_.find(piece.header.page.value());
  if (found == table_pieces_.end() || found->second != piece.location) return false;
  changed_chunks_.insert(found->first);
  return true;
}

absl::StatusOr<Pager::Cleaned> Pager::CleanSegment(const SegmentInfo& segment) {
  Cleaned cleaned;
  std::vector<HeldPiece> held;
  size_t held_bytes = 0;
  SegmentStore::ReadLease lease(*parts_.store);
  auto visit = [&](const StoredPiece& piece) -> absl::Status {
    if (piece.header.kind == PieceKind::kChunk) cleaned.chunks += MarkChunk(piece) ? 1 : 0;
    if (!IsOfPage(piece.header.kind) || !IsNamed(piece)) return absl::OkStatus();
    held.push_back({piece, std::string(piece.payload.bytes)});
    held_bytes += piece.location.stored_bytes;
    ++cleaned.pages;
    if (held_bytes < kMoveBytes) return absl::OkStatus();
    held_bytes = 0;
    return MoveHeld(&held, segment.stream);
  };
  MORAINE_RETURN_IF_ERROR(parts_.store->VisitPieces(segment, visit));
  MORAINE_RETURN_IF_ERROR(MoveHeld(&held, segment.stream));
  return cleaned;
}

absl::Status Pager::MoveHeld(std::vector<HeldPiece>* held, Stream from) {
  if (held->empty()) return absl::OkStatus();
  std::stable_sort(held->begin(), held->end(), [](const HeldPiece& a, const HeldPiece& b) {
    return a.piece.header.page < b.piece.header.page;
  });
  for (HeldPiece& one : *held) one.piece.payload.bytes = one.payload;
  MutexLock lock(flush_mutex_);
  absl::Status status;
  std::span<const HeldPiece> rest(*held);
  while (status.ok() && !rest.empty()) {
    PageId page = rest.front().piece.header.page;
    size_t count = 1;
    while (count < rest.size() && rest[count].piece.header.page == page) ++count;
    status = MovePage(rest.first(count), SurvivorStream(from));
    rest = rest.subspan(count);
  }
  if (status.ok()) status = PublishBatch();
  if (!status.ok()) ForgetFrom(0);
  held->clear();
  return status;
}

bool Pager::WorthRewriting(PageId page, const DiskCopy& disk, std::span<const uint32_t> moved) {
  if (disk.count < 2) return false;
  bool with_base = std::find(moved.begin(), moved.end(), 0u) != moved.end();
  if (moved.size() < kPiecesWorthABase && !with_base) return false;
  EpochGuard guard(parts_.environment->Local().heap());
  return table_.Load(page).resident();
}

// All pieces of one page that lie in the segment.
absl::Status Pager::MovePage(std::span<const HeldPiece> held, Stream stream) {
  PageId page = held.front().piece.header.page;
  Tree* tree = TreeOf(page);
  if (tree == nullptr) return absl::OkStatus();
  if (captured_.contains(page.value())) MORAINE_RETURN_IF_ERROR(PublishBatch());
  Written written;
  {
    EpochGuard guard(parts_.environment->Local().heap());
    DiskWord word = table_.LoadDisk(page);
    written.disk = DiskCopy::Of(word);
    if (const DiskRefs* refs = word.refs()) written.max_ts = refs->max_ts();
  }
  std::vector<uint32_t> moved;
  std::vector<const StoredPiece*> pieces;
  for (const HeldPiece& one : held) {
    for (uint32_t index : NamedPieces(written.disk, one.piece.location, one.piece.header.version)) {
      moved.push_back(index);
      pieces.push_back(&one.piece);
    }
  }
  if (moved.empty()) return absl::OkStatus();
  if (WorthRewriting(page, written.disk, moved)) {
    MORAINE_ASSIGN_OR_RETURN(bool whole, CaptureWhole(*tree, page));
    if (whole) return absl::OkStatus();
  }
  written.header = pieces.front()->header;
  for (size_t i = 0; i < moved.size(); ++i) {
    absl::StatusOr<PieceLocation> location = parts_.store->AppendStored(stream, *pieces[i]);
    if (!location.ok()) {
      for (const auto& [index, made] : written.moves) parts_.store->Release(made);
      return location.status();
    }
    written.moves.emplace_back(moved[i], *location);
    Add(counts_.moved_pieces, 1);
    Add(counts_.moved_bytes, location->stored_bytes);
  }
  captured_.insert(page.value());
  written.group = batch_.size();
  batch_.push_back(std::move(written));
  return absl::OkStatus();
}

// Captures the page as one base into the batch. False: not now, and the batch is as before, or
// published.
absl::StatusOr<bool> Pager::CaptureWhole(Tree& tree, PageId page) {
  size_t begin = batch_.size();
  PageId other = page;
  absl::StatusOr<Tree::CaptureResult> result =
      CaptureOnce(tree, page, Timestamp(), Tree::CaptureForm::kBase, &other);
  if (result.ok() && *result == Tree::CaptureResult::kCaptured) {
    Add(counts_.rewritten_pages, 1);
    return true;
  }
  ForgetFrom(begin);
  if (result.ok()) return false;
  if (!absl::IsAborted(result.status())) return result.status();
  // Its group met a page of this batch.
  MORAINE_RETURN_IF_ERROR(PublishBatch());
  return false;
}

absl::Status Pager::RewritePages(std::span<const PageId> pages) {
  std::map<Tree*, std::vector<PageId>> by_tree;
  for (PageId page : pages) {
    Tree* tree = TreeOf(page);
    if (tree != nullptr && PieceCount(page) > 1) by_tree[tree].push_back(page);
  }
  for (const auto& [tree, of_tree] : by_tree) {
    // Not waiting for room: whoever cleans is what others wait for.
    absl::Status loaded = tree->LoadPages(of_tree, ChargeKind::kReserve);
    if (!loaded.ok() && !tree->dropped()) return loaded;
  }
  MORAINE_RETURN_IF_ERROR(RewriteResident(pages));
  if (AboveHighWater()) EvictSome(2 * pages.size(), Flushing::kNever);
  return absl::OkStatus();
}

absl::Status Pager::RewriteResident(std::span<const PageId> pages) {
  MutexLock lock(flush_mutex_);
  absl::Status status;
  for (PageId page : pages) {
    Tree* tree = TreeOf(page);
    if (!status.ok() || tree == nullptr || captured_.contains(page.value())) continue;
    if (PieceCount(page) < 2) continue;
    status = CaptureWhole(*tree, page).status();
  }
  if (status.ok()) status = PublishBatch();
  if (!status.ok()) ForgetFrom(0);
  return status;
}

bool Pager::HasShrunken() {
  MutexLock lock(publication_mutex_);
  return !shrunken_.empty();
}

std::vector<PageId> Pager::TakeShrunken(size_t most) {
  EpochGuard guard(parts_.environment->Local().heap());
  MutexLock lock(publication_mutex_);
  std::vector<PageId> pages;
  for (; pages.size() < most && !shrunken_.empty(); shrunken_.pop_front()) {
    PageId page = shrunken_.front();
    // One that got a new base meanwhile has nothing to gain.
    if (PieceCount(page) > 1) pages.push_back(page);
  }
  return pages;
}

}  // namespace moraine
