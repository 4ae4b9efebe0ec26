// Walks over whole trees: statistics, verification and the freeing of everything. A walk goes by
// keys, one guard a page, so that it survives splits and eviction, and a long one does not hold back
// reclamation.
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

std::string PrintableKey(std::string_view key) {
  std::string text;
  for (char c : key.substr(0, 64)) {
    if (c >= 0x20 && c < 0x7f) {
      text += c;
    } else {
      constexpr char kDigits[] = "0123456789abcdef";
      uint8_t byte = static_cast<uint8_t>(c);
      text += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  if (key.size() > 64) text += "...";
  return text;
}

// Verification reads this many leaves at a time.
constexpr uint32_t kLoadedTogether = 32;

}  // namespace

// The page of `level` that covers `key`.
Tree::Place Tree::FindPlace(std::string_view key, uint32_t level) {
  Place place;
  PageId page = root_;
  uint32_t here = ~uint32_t{0};
  for (;;) {
    MemWord word = environment_.table->Load(page);
    if (!word.resident()) {
      (here == level ? place.page : place.missing) = page;
      place.word = word;
      return place;
    }
    BlockView block = PageImage::Of(word).block();
    here = block.level();
    if (!block.BelowHighFence(key)) {
      page = block.right_page();
      continue;
    }
    if (here <= level) {
      if (here == level) place.page = page;
      place.word = word;
      return place;
    }
    BlockPosition position = block.LowerBound(key);
    place.parent_word = word;
    place.index = position.found ? position.index : position.index - 1;
    page = block.Inner(place.index).child;
    --here;
  }
}

// Where the page right of a place begins; nullopt: there is none. A page that is out of memory
// cannot tell, but its split is posted, so its parent can.
std::optional<std::string> Tree::KeyAfter(const Place& place) const {
  MemWord word = place.word.resident() ? place.word : place.parent_word;
  BlockView block = PageImage::Of(word).block();
  if (!place.word.resident() && place.index + 1 < block.count())
    return std::string(block.prefix()) + std::string(block.Suffix(place.index + 1));
  if (!block.has_high_fence()) return std::nullopt;
  return std::string(block.high_fence());
}

// Adds leaves from the one that covers `key` on that have no base in memory, up to `most` of them,
// but none beyond their parent.
void Tree::GatherMissing(std::string_view key, uint32_t most, std::vector<PageId>* pages) {
  Place place = FindPlace(key, 1);
  if (!place.word.resident() || place.page == kNoPage) return;
  BlockView block = PageImage::Of(place.word).block();
  BlockPosition position = block.LowerBound(key);
  uint32_t index = position.found ? position.index : position.index - 1;
  for (; index < block.count() && pages->size() < most; ++index) {
    PageId child = block.Inner(index).child;
    if (environment_.table->Load(child).resident()) continue;
    if (std::find(pages->begin(), pages->end(), child) == pages->end()) pages->push_back(child);
  }
}

// The level of the root, which is brought into memory unless `loading` is kNever.
absl::StatusOr<uint32_t> Tree::RootLevel(Loading loading) {
  TreeThread& thread = environment_.Local();
  for (;;) {
    {
      EpochGuard guard(thread.heap());
      MemWord word = environment_.table->Load(root_);
      if (word.resident()) return PageImage::Of(word).block().level();
    }
    if (loading == Loading::kNever) return absl::FailedPreconditionError("the root is not loaded");
    MORAINE_RETURN_IF_ERROR(LoadPages(std::span(&root_, 1)));
  }
}

absl::Status Tree::WalkLevel(uint32_t level, Loading loading,
                             absl::FunctionRef<void(const Place&)> visit) {
  TreeThread& thread = environment_.Local();
  std::string key;
  std::vector<PageId> missing;
  for (;;) {
    missing.clear();
    {
      EpochGuard guard(thread.heap());
      Place place = FindPlace(key, level);
      if (place.missing != kNoPage) {
        missing.push_back(place.missing);
      } else if (place.page == kNoPage) {
        return absl::OkStatus();
      } else if (!place.word.resident() && loading == Loading::kAll) {
        missing.push_back(place.page);
        if (level == 0) GatherMissing(key, kLoadedTogether, &missing);
      } else {
        std::optional<std::string> next = KeyAfter(place);
        visit(place);
        if (!next) return absl::OkStatus();
        key = *std::move(next);
        continue;
      }
    }
    if (loading == Loading::kNever)
      return absl::FailedPreconditionError("the way to a page is not in memory");
    MORAINE_RETURN_IF_ERROR(LoadPages(missing));
  }
}

void Tree::CountPage(TreeThread& thread, const Place& place, TreeStats* stats) {
  PageImage image = PageImage::Of(place.word);
  ++stats->pages;
  if (image.base == nullptr) {
    ++stats->pages_out;
  } else {
    BlockView block = image.block();
    stats->memory_bytes += ChargedBytes(block.header().size_bytes);
    if (block.level() > 0) {
      ++stats->inner_pages;
    } else if (image.delta == nullptr && !block.has_versions()) {
      stats->records += block.count();
      stats->payload_bytes += block.header().payload_bytes;
    } else {
      CollectAbove(image, DeltaView::kAtPoint, ReadPoint(), environment_.log, true,
                   &thread.scratch);
      MergeAtPoint(image, ReadPoint(), merge_, &thread.scratch);
      stats->records += thread.scratch.entries.size();
      for (const PendingEntry& entry : thread.scratch.entries) {
        stats->payload_bytes +=
            block.header().prefix_bytes + entry.suffix.size() + entry.value.size();
      }
    }
  }
  if (image.run != nullptr) {
    stats->memory_bytes += ChargedBytes(image.run->allocation_bytes());
    for (uint32_t i = 0; i < image.run->count; ++i) {
      stats->memory_bytes += ChargedBytes(image.run->versions()[i]->allocation_bytes());
    }
  }
  for (const Delta* delta = image.delta; delta != nullptr; delta = delta->next) {
    for (uint32_t i = 0; i < delta->count; ++i) {
      stats->memory_bytes += ChargedBytes(delta->versions[i]->allocation_bytes());
    }
  }
}

TreeStats Tree::Stats() {
  TreeStats stats;
  TreeThread& thread = environment_.Local();
  absl::StatusOr<uint32_t> level = RootLevel(Loading::kAll);
  if (!level.ok()) return stats;
  stats.height = *level + 1;
  for (uint32_t at = *level + 1; at > 0; --at) {
    // What cannot be read is not counted; whoever needs that page is told why.
    static_cast<void>(WalkLevel(at - 1, Loading::kAll,
                                [&](const Place& place) { CountPage(thread, place, &stats); }));
  }
  return stats;
}

namespace {

using Report = absl::FunctionRef<void(std::string, std::string)>;

void VerifyLayers(const PageImage& image, const std::string& where, Report report) {
  BlockView block = image.block();
  auto check_key = [&](const Version& version) {
    if (version.key() < block.low_fence() || !block.BelowHighFence(version.key())) {
      report(where + ", key " + PrintableKey(version.key()), "lies outside the page's fences");
    }
    if (version.fingerprint != FingerprintOf(version.key())) {
      report(where + ", key " + PrintableKey(version.key()), "has a wrong fingerprint");
    }
  };
  for (const Delta* delta = image.delta; delta != nullptr; delta = delta->next) {
    for (uint32_t i = 0; i < delta->count; ++i) check_key(*delta->versions[i]);
  }
  const Run* run = image.run;
  for (uint32_t i = 0; run != nullptr && i < run->count; ++i) {
    const Version& version = *run->versions()[i];
    check_key(version);
    if (!LoadWord(version.ts).committed()) {
      report(where + ", key " + PrintableKey(version.key()), "an undecided version in a run");
    }
    if (i > 0 && run->versions()[i - 1]->key() > version.key()) {
      report(where + ", key " + PrintableKey(version.key()), "out of order in a run");
    }
  }
}

void VerifyChildren(const PageTable& table, BlockView block, const std::string& where,
                    Report report) {
  for (uint32_t i = 0; block.level() > 0 && i < block.count(); ++i) {
    BlockEntry entry = block.Inner(i);
    MemWord word = table.Load(entry.child);
    if (!word.resident()) continue;
    BlockView child = PageImage::Of(word).block();
    std::string key = std::string(block.prefix()) + std::string(entry.suffix);
    if (child.level() + 1 != block.level() || child.low_fence() != key) {
      report(where + ", child " + std::to_string(entry.child.value()),
             "does not begin at " + PrintableKey(key));
    }
  }
}

}  // namespace

// False: the page cannot be trusted to lead any further.
bool Tree::VerifyPage(TreeThread& thread, const Place& place, std::string* expected_low,
                      Report report, uint64_t* records) {
  PageImage image = PageImage::Of(place.word);
  BlockView block = image.block();
  std::string where =
      "tree " + std::to_string(id_.value()) + ", page " + std::to_string(place.page.value());
  absl::Status valid = ValidateBlock({block.data(), block.header().size_bytes}, block.level());
  if (!valid.ok()) {
    report(where, std::string(valid.message()));
    return false;
  }
  if (block.low_fence() != *expected_low) {
    report(where, "begins at " + PrintableKey(block.low_fence()) + ", its left sibling ends at " +
                      PrintableKey(*expected_low));
  }
  VerifyLayers(image, where, report);
  if (block.level() == 0) {
    CollectAbove(image, DeltaView::kAtPoint, ReadPoint(), environment_.log, true, &thread.scratch);
    MergeAtPoint(image, ReadPoint(), merge_, &thread.scratch);
    *records += thread.scratch.entries.size();
  }
  VerifyChildren(*environment_.table, block, where, report);
  if (block.has_high_fence() != (block.right_page() != kNoPage))
    report(where, "a right link without a high fence");
  *expected_low = std::string(block.high_fence());
  return true;
}

void Tree::Verify(Report report, uint64_t* pages, uint64_t* records) {
  TreeThread& thread = environment_.Local();
  std::string tree = "tree " + std::to_string(id_.value());
  absl::StatusOr<uint32_t> level = RootLevel(Loading::kAll);
  absl::Status status = level.status();
  bool sound = true;
  for (uint32_t at = status.ok() ? *level + 1 : 0; at > 0 && sound && status.ok(); --at) {
    std::string expected_low;
    status = WalkLevel(at - 1, Loading::kAll, [&](const Place& place) {
      ++*pages;
      sound = sound && VerifyPage(thread, place, &expected_low, report, records);
    });
  }
  if (!status.ok()) report(tree, std::string(status.message()));
}

void Tree::FreeImage(TreeThread& thread, const PageImage& image) {
  ThreadHeap& heap = thread.heap();
  for (const Delta* delta = image.delta; delta != nullptr;) {
    const Delta* next = delta->next;
    uint32_t count = delta->count;
    bool embedded = delta->embedded != 0;
    std::vector<Version*> versions(delta->versions, delta->versions + count);
    if (!embedded) heap.Free(const_cast<Delta*>(delta), Delta::Bytes(count));
    for (Version* version : versions) heap.Free(version, version->allocation_bytes());
    delta = next;
  }
  if (image.run != nullptr) {
    for (uint32_t i = 0; i < image.run->count; ++i) {
      heap.Free(image.run->versions()[i], image.run->versions()[i]->allocation_bytes());
    }
    heap.Free(const_cast<Run*>(image.run), image.run->allocation_bytes());
  }
  if (image.base != nullptr)
    heap.Free(const_cast<char*>(image.base), image.block().header().size_bytes);
}

absl::Status Tree::CollectPages(Loading loading, std::vector<PageId>* pages) {
  MORAINE_ASSIGN_OR_RETURN(uint32_t level, RootLevel(loading));
  for (uint32_t at = 0; at <= level; ++at) {
    MORAINE_RETURN_IF_ERROR(
        WalkLevel(at, loading, [&](const Place& place) { pages->push_back(place.page); }));
  }
  return absl::OkStatus();
}

// Without reading anything: a closing tree whose inner pages are partly out of memory is found by
// looking at the whole page table.
std::vector<PageId> Tree::FindPagesExclusive() {
  std::vector<PageId> pages;
  if (CollectPages(Loading::kNever, &pages).ok()) return pages;
  pages.clear();
  PageTable& table = *environment_.table;
  for (PageTable::Extent extent : {table.inner_extent(), table.leaf_extent()}) {
    for (uint32_t at = extent.begin; at < extent.end; ++at) {
      PageId page(at);
      if (table.Load(page).state() != PageState::kFree && table.TreeOf(page) == id_)
        pages.push_back(page);
    }
  }
  return pages;
}

void Tree::FreePagesExclusive() {
  if (root_ == kNoPage) return;
  TreeThread& thread = environment_.Local();
  PageTable& table = *environment_.table;
  for (PageId page : FindPagesExclusive()) {
    FreeImage(thread, PageImage::Of(table.Load(page)));
    if (const DiskRefs* refs = table.LoadDisk(page).refs())
      thread.heap().Free(const_cast<DiskRefs*>(refs), refs->bytes());
    table.Free(page);
  }
  root_ = kNoPage;
}

absl::Status Tree::ReleasePages(absl::FunctionRef<void(PageId)> release) {
  if (root_ == kNoPage) return absl::OkStatus();
  TreeThread& thread = environment_.Local();
  PageTable& table = *environment_.table;
  std::vector<PageId> pages;
  thread.releases_tree = true;
  absl::Status collected = CollectPages(Loading::kInner, &pages);
  thread.releases_tree = false;
  MORAINE_RETURN_IF_ERROR(collected);
  for (PageId page : pages) {
    FreeImage(thread, PageImage::Of(table.Load(page)));
    table.StoreExclusive(page, MemWord());
    release(page);
  }
  root_ = kNoPage;
  return absl::OkStatus();
}

}  // namespace moraine
