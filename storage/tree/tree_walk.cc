// Walks over whole trees: statistics, verification and the freeing of everything.
#include <string>
#include <utility>
#include <vector>

#include "storage/base/check.h"
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

}  // namespace

TreeStats Tree::Stats() {
  TreeStats stats;
  TreeThread& thread = environment_.Local();
  PageId leftmost = root_;
  while (leftmost != kNoPage) {
    PageId page = std::exchange(leftmost, kNoPage);
    bool first = true;
    while (page != kNoPage) {
      EpochGuard guard(
          thread.heap());  // one page at a time: a long walk must not hold back reclamation
      MemWord word = environment_.table->Load(page);
      PageImage image = PageImage::Of(word);
      BlockView block = image.block();
      if (std::exchange(first, false)) {
        ++stats.height;
        if (block.level() > 0) leftmost = block.Inner(0).child;
      }
      ++stats.pages;
      stats.memory_bytes += ChargedBytes(block.header().size_bytes);
      if (block.level() > 0) {
        ++stats.inner_pages;
      } else if (image.delta == nullptr && !block.has_versions()) {
        stats.records += block.count();
        stats.payload_bytes += block.header().payload_bytes;
      } else {
        CollectAbove(image, DeltaView::kAtPoint, ReadPoint(), environment_.log, true,
                     &thread.scratch);
        MergeAtPoint(image, ReadPoint(), merge_, &thread.scratch);
        stats.records += thread.scratch.entries.size();
        for (const PendingEntry& entry : thread.scratch.entries) {
          stats.payload_bytes +=
              block.header().prefix_bytes + entry.suffix.size() + entry.value.size();
        }
      }
      if (image.run != nullptr) {
        stats.memory_bytes += ChargedBytes(image.run->allocation_bytes());
        for (uint32_t i = 0; i < image.run->count; ++i) {
          stats.memory_bytes += ChargedBytes(image.run->versions()[i]->allocation_bytes());
        }
      }
      for (const Delta* delta = image.delta; delta != nullptr; delta = delta->next) {
        for (uint32_t i = 0; i < delta->count; ++i) {
          stats.memory_bytes += ChargedBytes(delta->versions[i]->allocation_bytes());
        }
      }
      page = block.right_page();
    }
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

}  // namespace

void Tree::Verify(Report report, uint64_t* pages, uint64_t* records) {
  TreeThread& thread = environment_.Local();
  PageId leftmost = root_;
  while (leftmost != kNoPage) {
    PageId page = std::exchange(leftmost, kNoPage);
    std::string expected_low;
    for (bool first = true; page != kNoPage; first = false) {
      EpochGuard guard(thread.heap());
      PageImage image = PageImage::Of(environment_.table->Load(page));
      BlockView block = image.block();
      std::string where =
          "tree " + std::to_string(id_.value()) + ", page " + std::to_string(page.value());
      ++*pages;
      absl::Status valid = ValidateBlock({block.data(), block.header().size_bytes}, block.level());
      if (!valid.ok()) {
        report(where, std::string(valid.message()));
        return;
      }
      if (block.low_fence() != expected_low) {
        report(where, "begins at " + PrintableKey(block.low_fence()) +
                          ", its left sibling ends at " + PrintableKey(expected_low));
      }
      VerifyLayers(image, where, report);
      if (block.level() == 0) {
        CollectAbove(image, DeltaView::kAtPoint, ReadPoint(), environment_.log, true,
                     &thread.scratch);
        MergeAtPoint(image, ReadPoint(), merge_, &thread.scratch);
        *records += thread.scratch.entries.size();
      }
      if (first && block.level() > 0) leftmost = block.Inner(0).child;
      for (uint32_t i = 0; block.level() > 0 && i < block.count(); ++i) {
        BlockEntry entry = block.Inner(i);
        std::string key = std::string(block.prefix()) + std::string(entry.suffix);
        BlockView child = PageImage::Of(environment_.table->Load(entry.child)).block();
        if (child.level() + 1 != block.level() || child.low_fence() != key) {
          report(where + ", child " + std::to_string(entry.child.value()),
                 "does not begin at " + PrintableKey(key));
        }
      }
      if (block.has_high_fence() != (block.right_page() != kNoPage))
        report(where, "a right link without a high fence");
      expected_low = std::string(block.high_fence());
      page = block.right_page();
    }
  }
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
  heap.Free(const_cast<char*>(image.base), image.block().header().size_bytes);
}

void Tree::FreePageTree(PageId page) {
  TreeThread& thread = environment_.Local();
  while (page != kNoPage) {
    BlockView first = PageImage::Of(environment_.table->Load(page)).block();
    PageId below = first.level() > 0 ? first.Inner(0).child : kNoPage;
    while (page != kNoPage) {
      PageImage image = PageImage::Of(environment_.table->Load(page));
      PageId right = image.block().right_page();
      FreeImage(thread, image);
      environment_.table->Free(page);
      page = right;
    }
    page = below;
  }
}

}  // namespace moraine
