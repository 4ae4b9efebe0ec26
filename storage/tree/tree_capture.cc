// What has to be written of a page, and together with which others (architecture.md 5).
//
// A capture at L = the log's tail holds every update with ts < L and none above: undecided ones are
// pushed beyond L, exactly as a reader at L does it. A fragment holds those that the pieces below do
// not cover; a base holds all of them, whatever older pieces cover, because the base in memory may be
// older than the disk word (tests/models/README.md).
//
// A group: pages that were never written cannot be reached on disk before something that was written
// leads to them, and what leads to them must not be written without them. So they go with the page
// on their left, whose image names them as its right sibling; or, when everything on their left was
// never written either, with the inner page above, which is a root that has just grown.
#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "storage/base/check.h"
#include "storage/base/status_macros.h"
#include "storage/tree/tree.h"

namespace moraine {
namespace {

// Below this a fragment costs less than a base, however small the base is.
constexpr uint64_t kLeastBytesForBase = 2048;
// A page that is read pays for every piece: two fragments are enough then.
constexpr uint32_t kFragmentsOfReadPage = 2;

// What one of a base's entries takes on disk.
uint64_t BytesOfEntry(const DiskCopy& disk, BlockView block) {
  return disk.count == 0 ? 0 : disk.pieces[0].location.stored_bytes / (block.count() + 1);
}

}  // namespace

struct Tree::Group {
  absl::FunctionRef<absl::Status(const PageCapture&)> emit;
  std::vector<PageId> members;  // in the order in which they are captured
  std::unordered_set<uint32_t> known;
  std::vector<PageId> children;  // never written when a member that names them was captured

  void Add(PageId page) {
    if (known.insert(page.value()).second) members.push_back(page);
  }
};

// A capture outside the guard under which it was made.
struct Tree::Captured {
  PageCapture capture;
  std::string payload;
  std::string low_fence;
  PageId right;                  // never written: belongs to the group
  PageId first_child;            // likewise
  std::vector<PageId> children;  // never written
};

bool Tree::HoldsUnwritten(const PageImage& image, uint64_t covers, uint64_t before) const {
  auto counts = [&](uint64_t ts) { return ts >= covers && (before == 0 || ts < before); };
  for (const Delta* delta = image.delta; delta != nullptr; delta = delta->next) {
    for (uint32_t i = 0; i < delta->count; ++i) {
      Outcome outcome = OutcomeOf(*delta->versions[i]);
      if (outcome.state == Outcome::State::kUndecided) return true;
      if (outcome.state == Outcome::State::kCommitted && counts(outcome.ts)) return true;
    }
  }
  if (image.run == nullptr || image.run->max_ts < covers) return false;
  for (uint32_t i = 0; i < image.run->count; ++i) {
    if (counts(LoadWord(image.run->versions()[i]->ts).ts())) return true;
  }
  return false;
}

bool Tree::IsDirty(PageId page, Timestamp before) {
  TreeThread& thread = environment_.Local();
  PageTable& table = *environment_.table;
  EpochGuard guard(thread.heap());
  MemWord word = table.Load(page);
  if (dropped() || word.state() == PageState::kFree || table.TreeOf(page) != id_) return false;
  PageImage image = PageImage::Of(word);
  if (table.LoadDisk(page).none()) return true;
  uint64_t covers = CoversOf(page, image);
  if (image.base != nullptr) {
    BlockView block = image.block();
    if (block.header().max_ts >= covers) return true;
    if (NeverWritten(block.right_page())) return true;
  }
  return HoldsUnwritten(image, covers, before.value());
}

// Moves `*page` to the head of its group. kCaptured: found. Every other result ends the capture.
absl::StatusOr<Tree::CaptureResult> Tree::FindGroupHead(PageId* page) {
  TreeThread& thread = environment_.Local();
  PageTable& table = *environment_.table;
  for (;;) {
    PageId missing;
    {
      EpochGuard guard(thread.heap());
      MemWord word = table.Load(*page);
      if (dropped() || word.state() == PageState::kFree || table.TreeOf(*page) != id_)
        return CaptureResult::kGone;
      if (*page == root_ || !table.LoadDisk(*page).none()) return CaptureResult::kCaptured;
      if (!word.resident()) return CaptureResult::kGone;
      BlockView block = PageImage::Of(word).block();
      if (block.low_fence().empty()) {
        // Leftmost: the left end of the level above leads to it.
        Place above = FindPlace({}, block.level() + 1);
        if (above.missing == kNoPage && above.page == kNoPage) return CaptureResult::kGone;
        missing = above.missing;
        if (missing == kNoPage) *page = above.page;
      } else {
        Leaf left = FindLeafBefore(block.low_fence(), block.level());
        if (left.inner) {
          missing = left.page;
        } else {
          // Out of memory, or not linked to the page: that one is being made right now.
          if (!left.word.resident()) return CaptureResult::kGone;
          if (PageImage::Of(left.word).block().right_page() != *page) return CaptureResult::kGone;
          *page = left.page;
        }
      }
    }
    if (missing != kNoPage)
      MORAINE_RETURN_IF_ERROR(LoadPages(std::span(&missing, 1), ChargeKind::kReserve));
  }
}

// Whether the next piece has to replace all others. `bytes` are those of the updates to write.
bool Tree::WantsBase(PageId page, const PageImage& image, const DiskCopy& disk, uint64_t covers,
                     uint64_t bytes) const {
  BlockView block = image.block();
  if (disk.count == 0 || block.header().max_ts >= covers) return true;
  if (NeverWritten(block.right_page())) return true;
  for (uint32_t i = 1; i < disk.count; ++i) bytes += disk.pieces[i].location.stored_bytes;
  uint64_t base_bytes = disk.pieces[0].location.stored_bytes;
  if (bytes > std::max(base_bytes / 2, kLeastBytesForBase)) return true;
  uint32_t fragments = disk.count - 1;
  if (fragments >= kMostFragments) return true;
  return fragments >= kFragmentsOfReadPage && environment_.table->Uses(page) > 0;
}

// scratch.above holds what the capture at `position` sees. Nothing to write: an empty payload.
void Tree::BuildFragment(TreeThread& thread, uint64_t covers, uint64_t position,
                         Captured* captured) {
  PageScratch& scratch = thread.scratch;
  scratch.entries.clear();
  uint64_t max_ts = 0;
  for (const KeyVersion& version : scratch.above) {
    if (version.ts < covers) continue;
    PendingEntry entry;
    entry.suffix = version.version->key();  // whole keys: a page out of memory has no fences
    entry.ts = version.ts;
    entry.merge = version.kind == VersionKind::kMerge;
    entry.tombstone = version.kind == VersionKind::kDelete;
    if (!entry.tombstone) entry.value = version.value;
    max_ts = std::max(max_ts, version.ts);
    scratch.entries.push_back(entry);
  }
  if (scratch.entries.empty()) return;
  BlockSpec spec;
  spec.max_ts = max_ts;
  spec.covers = position;
  captured->payload.resize(BlockBytes(spec, scratch.entries));
  BuildBlock(spec, scratch.entries, captured->payload.data());
  PieceHeader& header = captured->capture.header;
  header.kind = PieceKind::kFragment;
  header.from = covers;
  header.covers = position;
  header.max_ts = max_ts;
  header.entries = static_cast<uint32_t>(scratch.entries.size());
  captured->capture.stream = Stream::kFragments;
  captured->capture.replaces = false;
  captured->capture.deletes = static_cast<uint32_t>(
      std::count_if(scratch.entries.begin(), scratch.entries.end(),
                    [](const PendingEntry& entry) { return entry.tombstone; }));
}

void Tree::BuildBase(TreeThread& thread, const PageImage& image, uint64_t position,
                     Captured* captured) {
  BlockView block = image.block();
  PieceHeader& header = captured->capture.header;
  if (block.level() > 0) {
    // Inner pages change by structure only; see StructurePosition.
    captured->payload.assign(block.data(), block.header().size_bytes);
    header.max_ts = block.header().max_ts;
    header.covers = header.max_ts + 1;
    header.entries = block.count();
    PutFixed(captured->payload.data() + offsetof(BlockHeader, covers), header.covers);
  } else {
    PageScratch& scratch = thread.scratch;
    environment_.snapshots->Read(environment_.log, &scratch.prune);
    MergeForBlock(image, merge_, &scratch);
    BlockSpec spec;
    spec.low_fence = block.low_fence();
    spec.high_fence = block.high_fence();
    spec.has_high_fence = block.has_high_fence();
    spec.right_page = block.right_page();
    spec.max_ts = scratch.max_ts;
    spec.covers = position;
    spec.stripped_bytes = block.header().prefix_bytes;
    captured->payload.resize(BlockBytes(spec, scratch.entries));
    BuildBlock(spec, scratch.entries, captured->payload.data());
    header.max_ts = spec.max_ts;
    header.covers = position;
    header.entries = static_cast<uint32_t>(scratch.entries.size());
  }
  header.kind = PieceKind::kBase;
  header.from = 0;
  captured->capture.stream = captured->capture.disk.count > 0 ? Stream::kHot : Stream::kWarm;
  captured->capture.replaces = true;
}

// One try at a capture, inside a guard. kFirst stands for "once more".
Tree::CaptureResult Tree::TryCapture(TreeThread& thread, PageId page, CaptureForm form,
                                     Captured* captured) {
  PageTable& table = *environment_.table;
  uint64_t position = environment_.Position();
  MemWord word = table.Load(page);
  if (dropped() || word.state() == PageState::kFree || table.TreeOf(page) != id_)
    return CaptureResult::kGone;
  if (word.state() == PageState::kEvicted) {
    return form == CaptureForm::kBase ? CaptureResult::kNeedsLoad : CaptureResult::kClean;
  }
  PageImage image = PageImage::Of(word);
  PageCapture& capture = captured->capture;
  capture.disk = DiskCopy::Of(table.LoadDisk(page));
  uint64_t covers = CoversOf(page, image);
  // What is replayed may be older than what the pieces hold.
  position = std::max(position, covers);
  capture.header.page = page;
  capture.header.tree = id_;
  capture.header.version =
      capture.disk.count > 0 ? capture.disk.pieces[capture.disk.count - 1].version + 1 : 1;
  captured->payload.clear();
  bool leaf = image.base == nullptr || image.block().level() == 0;
  if (leaf) {
    CollectAbove(image, DeltaView::kAtPoint, ReadPoint{position}, environment_.log, true,
                 &thread.scratch);
  }
  if (covers > 0 && position > covers) capture.interval = position - covers;
  if (image.base == nullptr) {
    if (capture.disk.count == kMostPieces || form == CaptureForm::kBase)
      return CaptureResult::kNeedsLoad;
    BuildFragment(thread, covers, position, captured);
    return captured->payload.empty() ? CaptureResult::kClean : CaptureResult::kCaptured;
  }
  BlockView block = image.block();
  if (leaf && block.header().max_ts >= position) return CaptureResult::kFirst;
  capture.header.level = block.level();
  uint64_t bytes = 0;
  for (const KeyVersion& version : thread.scratch.above) {
    if (!leaf || version.ts < covers) continue;
    bytes += version.suffix.size() + version.value.size();
    // What is deleted takes space in the base until there is a new one.
    if (version.kind == VersionKind::kDelete) bytes += BytesOfEntry(capture.disk, block);
  }
  if (form == CaptureForm::kBase || WantsBase(page, image, capture.disk, covers, bytes)) {
    BuildBase(thread, image, position, captured);
  } else if (leaf) {
    BuildFragment(thread, covers, position, captured);
    if (captured->payload.empty()) return CaptureResult::kClean;
  } else {
    return CaptureResult::kClean;
  }
  if (NeverWritten(block.right_page())) captured->right = block.right_page();
  for (uint32_t i = 0; block.level() > 0 && i < block.count(); ++i) {
    PageId child = block.Inner(i).child;
    if (!NeverWritten(child)) continue;
    captured->children.push_back(child);
    if (i == 0 && block.low_fence().empty()) captured->first_child = child;
  }
  if (capture.disk.count == 0 && page != root_) {
    captured->low_fence = std::string(block.low_fence());
    capture.low_fence = captured->low_fence;
    capture.first_time = true;
  }
  return CaptureResult::kCaptured;
}

absl::StatusOr<Tree::CaptureResult> Tree::CapturePage(TreeThread& thread, Group& group, PageId page,
                                                      CaptureForm form) {
  Captured captured;
  for (Backoff<> backoff;; backoff.Wait()) {
    captured = Captured();
    CaptureResult result;
    {
      EpochGuard guard(thread.heap());
      result = TryCapture(thread, page, form, &captured);
    }
    if (result == CaptureResult::kCaptured) break;
    if (result != CaptureResult::kFirst) return result;
    // While replaying time stands still: later.
    if (environment_.log == nullptr) return CaptureResult::kGone;
  }
  if (captured.right != kNoPage) group.Add(captured.right);
  if (captured.first_child != kNoPage) group.Add(captured.first_child);
  group.children.insert(group.children.end(), captured.children.begin(), captured.children.end());
  captured.capture.header.raw_bytes = static_cast<uint32_t>(captured.payload.size());
  captured.capture.payload = captured.payload;
  captured.capture.low_fence = captured.low_fence;
  MORAINE_RETURN_IF_ERROR(group.emit(captured.capture));
  return CaptureResult::kCaptured;
}

absl::StatusOr<Tree::CaptureResult> Tree::CaptureGroup(
    PageId page, Timestamp before, CaptureForm form,
    absl::FunctionRef<absl::Status(const PageCapture&)> emit, PageId* other) {
  TreeThread& thread = environment_.Local();
  MORAINE_DCHECK(!thread.heap().InGuard());
  MORAINE_ASSIGN_OR_RETURN(CaptureResult found, FindGroupHead(&page));
  *other = page;
  if (found != CaptureResult::kCaptured) return found;
  if (form == CaptureForm::kAsNeeded && !IsDirty(page, before)) return CaptureResult::kClean;
  Group group{emit, {}, {}, {}};
  group.Add(page);
  for (size_t i = 0; i < group.members.size(); ++i) {
    PageId member = group.members[i];
    MORAINE_ASSIGN_OR_RETURN(CaptureResult result, CapturePage(thread, group, member, form));
    form = CaptureForm::kAsNeeded;  // that was the page itself
    // A page never written has something to write and stays in memory, unless the tree was dropped.
    if (result != CaptureResult::kCaptured) return i == 0 ? result : CaptureResult::kGone;
  }
  // Whatever else a member names must be on disk before it.
  for (PageId child : group.children) {
    if (group.known.contains(child.value()) || !NeverWritten(child)) continue;
    *other = child;
    return CaptureResult::kFirst;
  }
  return CaptureResult::kCaptured;
}

absl::Status Tree::PostRecovered(uint32_t level, std::string_view separator, PageId page) {
  TreeThread& thread = environment_.Local();
  if (separator.empty()) return absl::OkStatus();  // the left end of a level has no separator
  for (;;) {
    PageId missing;
    {
      EpochGuard guard(thread.heap());
      Place above = FindPlace(separator, level + 1);
      missing = above.missing;
      if (missing == kNoPage && above.page == kNoPage) return absl::OkStatus();
      if (missing == kNoPage && !above.word.resident()) missing = above.page;
      if (missing == kNoPage) {
        PostSeparator(thread, level + 1, separator, page);
        return absl::OkStatus();
      }
    }
    MORAINE_RETURN_IF_ERROR(LoadPages(std::span(&missing, 1)));
  }
}

}  // namespace moraine
