// The result of folding a leaf into blocks: how many, cut where, in which memory, with which
// undecided versions on top. Nothing of it is reachable by others before the caller's
// compare-and-swap; Discard gives all of it back.
#ifndef MORAINE_STORAGE_TREE_PAGE_REBUILD_H_
#define MORAINE_STORAGE_TREE_PAGE_REBUILD_H_

#include <span>
#include <string>
#include <vector>

#include "storage/base/ids.h"
#include "storage/cache/page_words.h"
#include "storage/tree/page_contents.h"
#include "storage/tree/tree_environment.h"

namespace moraine {

// Deltas that carry undecided versions, newest first, over to a new page content.
class DeltaChain {
 public:
  explicit DeltaChain(ThreadHeap& heap) : heap_(heap) {}
  // Makes deltas over (base, run) for `versions`; with `always` one even when there are none.
  // False: no memory.
  bool Build(const char* base, const Run* run, std::span<Version* const> versions, bool always);
  const Delta* top() const { return top_; }
  void Discard();

 private:
  ThreadHeap& heap_;
  const Delta* top_ = nullptr;
};

// Gives back a version, or the deltas of a chain that were allocations of their own, after they
// were unlinked.
void RetireVersion(ThreadHeap& heap, Version* version);
void RetireChain(ThreadHeap& heap, const Delta* delta);

class PageRebuild {
 public:
  // `scratch` holds the merged entries and the undecided versions; all borrowed. New pages are
  // `tree`'s.
  PageRebuild(const TreeEnvironment& environment, TreeId tree, ThreadHeap& heap,
              const PageImage& image, PageScratch* scratch)
      : environment_(environment), tree_(tree), heap_(heap), image_(image), scratch_(*scratch) {}

  // Decides where to cut.
  void Plan();
  // Makes blocks, deltas and the pages of all but the first block. False: no memory or no page.
  bool Build();
  // The new pages were seen by nobody but scans of the page table, which hold guards.
  void Discard();

  size_t block_count() const { return words_.size(); }
  MemWord first_word() const { return words_.front(); }
  // Separator i stands between block i and i + 1; page i holds block i + 1.
  const std::vector<std::string>& separators() const { return separators_; }
  const std::vector<PageId>& pages() const { return pages_; }
  // For a root, whose own page becomes an inner one: pages for all blocks, the first included.
  // The same ones at every call. Empty: no page left.
  std::span<const PageId> PagesForRoot();

 private:
  bool BuildOne(size_t index, PageId right);
  absl::StatusOr<PageId> NewPage();

  const TreeEnvironment& environment_;
  const TreeId tree_;
  ThreadHeap& heap_;
  const PageImage& image_;
  PageScratch& scratch_;
  std::vector<size_t> cuts_;  // the first entry of each block but the first
  std::vector<std::string> separators_;
  std::vector<MemWord> words_;
  std::vector<PageId> pages_;
  std::vector<PageId> root_children_;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_PAGE_REBUILD_H_
