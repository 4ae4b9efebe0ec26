// Pages that leave memory, with everything around the tree as small as it can be: pieces live in a
// map, and the pager does one thing when it is told to. Places of released pieces are used again at
// once, so that a reader that trusts an old address meets another piece there.
#ifndef MORAINE_TESTS_TREE_PAGING_FIXTURE_H_
#define MORAINE_TESTS_TREE_PAGING_FIXTURE_H_

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "storage/cache/load_gate.h"
#include "storage/cache/page_reader.h"
#include "storage/tree/paging.h"
#include "tests/support/seeds.h"
#include "tests/tree/tree_fixture.h"

namespace moraine {

class PieceMemory final : public PageReader {
 public:
  using Pieces = std::map<uint64_t, LoadedPiece>;  // by address

  PieceLocation Append(const PieceHeader& header, std::string_view payload) {
    std::lock_guard<std::mutex> lock(mutex_);
    uint64_t address = next_;
    if (!free_.empty()) {
      address = free_.back();
      free_.pop_back();
    } else {
      next_ += kPieceUnit;
    }
    pieces_[address] = {header, std::string(payload)};
    uint64_t sectors = (payload.size() + kPieceHeaderBytes + kSectorBytes - 1) / kSectorBytes;
    return {Address(address), static_cast<uint32_t>(sectors * kSectorBytes)};
  }
  void Release(const PieceLocation& location) {
    std::lock_guard<std::mutex> lock(mutex_);
    ASSERT_EQ(pieces_.erase(location.address.value()), 1u) << "released twice";
    free_.push_back(location.address.value());
  }
  void Read(std::span<PageLoad> loads) override {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      ++stats_.submissions;
      stats_.pages += loads.size();
    }
    for (PageLoad& load : loads) {
      load.pieces.clear();
      for (uint32_t i = 0; i < load.disk.count; ++i) {
        std::this_thread::yield();
        std::lock_guard<std::mutex> lock(mutex_);
        ++stats_.pieces;
        const PieceRef& wanted = load.disk.pieces[i];
        auto at = pieces_.find(wanted.location.address.value());
        if (at == pieces_.end() || at->second.header.page != load.page ||
            (at->second.header.version & 0xffff) != (wanted.version & 0xffff)) {
          load.status = absl::DataLossError("the piece is another one");
          break;
        }
        load.pieces.push_back(at->second);
      }
    }
  }
  PageReaderStats stats() const override { return stats_; }
  Pieces Copy() {
    std::lock_guard<std::mutex> lock(mutex_);
    return pieces_;
  }
  void Restore(Pieces pieces) {
    pieces_ = std::move(pieces);
    if (!pieces_.empty()) next_ = std::max(next_, pieces_.rbegin()->first + kPieceUnit);
  }

 private:
  std::mutex mutex_;
  Pieces pieces_;
  std::vector<uint64_t> free_;
  uint64_t next_ = kPieceUnit;
  PageReaderStats stats_;  // counted without a lock: exact for one thread
};

// What a checkpoint would keep: the disk words as of one instant.
struct DiskImage {
  struct Entry {
    PageId page;
    TreeId tree;
    DiskCopy disk;
  };
  struct Separator {
    uint32_t level;
    std::string key;
    PageId page;
    TreeId tree;
  };
  std::vector<Entry> entries;
  std::vector<Separator> separators;
  PieceMemory::Pieces pieces;
};

class TestPager final : public PageService {
 public:
  explicit TestPager(TreeWorld& world) : world_(world) {
    TreeEnvironment& environment = world.mutable_environment();
    environment.reader = &store_;
    environment.gate = &gate_;
    environment.service = this;
  }
  PieceMemory& pieces() { return store_; }

  // order: relaxed: a count
  void Admit(PageId) override { admitted_.fetch_add(1, std::memory_order_relaxed); }
  absl::Status MakeRoom(uint64_t) override { return absl::OkStatus(); }
  void Assist() override {}

  // Captures without publishing. kCaptured until Publish or Forget.
  Tree::CaptureResult Capture(Tree& tree, PageId page, Timestamp before, PageId* other) {
    absl::StatusOr<Tree::CaptureResult> result = tree.CaptureGroup(
        page, before, Tree::CaptureForm::kAsNeeded,
        [&](const PageCapture& capture) {
          PieceRef piece{store_.Append(capture.header, capture.payload), capture.header.version};
          batch_.push_back({capture.header, capture.disk, piece, capture.replaces,
                            capture.first_time, std::string(capture.low_fence)});
          return absl::OkStatus();
        },
        other);
    EXPECT_TRUE(result.ok()) << result.status();
    if (!result.ok() || *result != Tree::CaptureResult::kCaptured) Forget();
    return result.ok() ? *result : Tree::CaptureResult::kGone;
  }
  void Forget() {
    for (const Written& written : batch_) store_.Release(written.piece.location);
    batch_.clear();
  }
  bool capturing() const { return !batch_.empty(); }
  // Publishes what was captured, all of it at one instant as far as CopyDisk can tell.
  void Publish(Tree& tree) {
    ThreadHeap& heap = world_.heap().Local();
    {
      EpochGuard guard(heap);
      std::lock_guard<std::mutex> lock(publication_);
      for (const Written& written : batch_) PublishOne(heap, written);
    }
    for (const Written& written : std::exchange(batch_, {}))
      tree.AfterPublish(written.header.page, written.header.covers);
  }
  // The whole way for one page; false when nothing was to be written.
  bool Flush(Tree& tree, PageId page, Timestamp before = {}) {
    for (int attempt = 0; attempt < 100; ++attempt) {
      PageId other = page;
      switch (Capture(tree, page, before, &other)) {
        case Tree::CaptureResult::kCaptured:
          Publish(tree);
          return true;
        case Tree::CaptureResult::kNeedsLoad:
          EXPECT_EQ(tree.LoadPages(std::span(&other, 1), ChargeKind::kReserve), absl::OkStatus());
          break;
        case Tree::CaptureResult::kFirst:
          Flush(tree, other);
          break;
        default:
          return false;
      }
    }
    ADD_FAILURE() << "page " << page.value() << " is never ready to be written";
    return false;
  }
  std::vector<PageId> Pages() {
    std::vector<PageId> pages;
    PageTable& table = world_.table();
    for (PageTable::Extent extent : {table.leaf_extent(), table.inner_extent()}) {
      for (uint32_t at = extent.begin; at < extent.end; ++at) {
        if (table.Load(PageId(at)).state() != PageState::kFree) pages.push_back(PageId(at));
      }
    }
    return pages;
  }
  // Leaves first, so that inner pages find their children written.
  void FlushAll(Tree& tree, Timestamp before = {}) {
    for (PageId page : Pages()) {
      if (tree.IsDirty(page, before)) Flush(tree, page, before);
    }
  }
  size_t EvictAll(Tree& tree) {
    size_t evicted = 0;
    for (int level = 0; level < 8; ++level) {
      for (PageId page : Pages()) evicted += tree.Evict(page) == EvictResult::kEvicted;
    }
    return evicted;
  }
  DiskImage CopyDisk() {
    EpochGuard guard(world_.heap().Local());
    std::lock_guard<std::mutex> lock(publication_);
    DiskImage image;
    for (PageId page : Pages()) {
      DiskWord word = world_.table().LoadDisk(page);
      if (!word.none())
        image.entries.push_back({page, world_.table().TreeOf(page), DiskCopy::Of(word)});
    }
    image.separators = separators_;
    image.pieces = store_.Copy();
    return image;
  }
  // As a database that is being opened: into an empty world without a log.
  void Restore(const DiskImage& image) {
    PageTable& table = world_.table();
    ThreadHeap& heap = world_.heap().Local();
    EpochGuard guard(heap);
    for (const DiskImage::Entry& entry : image.entries) {
      ASSERT_EQ(table.Adopt(entry.page), absl::OkStatus());
      table.SetTree(entry.page, entry.tree);
      table.StoreExclusive(entry.page, MemWord::Evicted(1));
      DiskWord none;
      DiskWord word =
          entry.disk.word.packed()
              ? entry.disk.word
              : DiskWord::Of(MakeRefs(heap, std::span(entry.disk.pieces.data(), entry.disk.count),
                                      entry.disk.covers, 0));
      ASSERT_TRUE(table.CompareAndSwapDisk(entry.page, none, word));
    }
    table.FinishAdoption();
    store_.Restore(image.pieces);
  }
  // order: relaxed: a count
  uint64_t admitted() const { return admitted_.load(std::memory_order_relaxed); }

 private:
  struct Written {
    PieceHeader header;
    DiskCopy disk;
    PieceRef piece;
    bool replaces;
    bool first_time;
    std::string low_fence;
  };

  static const DiskRefs* MakeRefs(ThreadHeap& heap, std::span<const PieceRef> pieces,
                                  uint64_t covers, uint64_t max_ts) {
    void* memory = heap.Allocate(DiskRefs::BytesFor(pieces), ChargeKind::kReserve);
    return DiskRefs::Make(memory, pieces, covers, max_ts);
  }
  void PublishOne(ThreadHeap& heap, const Written& written) {
    PageTable& table = world_.table();
    uint32_t kept = written.replaces ? 0 : written.disk.count;
    ASSERT_LT(kept, kMostPieces);
    DiskCopy next = written.disk;
    next.pieces[kept] = written.piece;
    const DiskRefs* refs = MakeRefs(heap, std::span(next.pieces.data(), kept + 1),
                                    written.header.covers, written.header.max_ts);
    DiskWord current = table.LoadDisk(written.header.page);
    do {
      ASSERT_TRUE(DiskCopy::Of(current).SamePieces(written.disk));
    } while (!table.CompareAndSwapDisk(written.header.page, current, DiskWord::Of(refs)));
    DiskCopy old = DiskCopy::Of(current);
    for (uint32_t i = 0; written.replaces && i < old.count; ++i)
      store_.Release(old.pieces[i].location);
    if (const DiskRefs* gone = current.refs())
      heap.Retire(const_cast<DiskRefs*>(gone), gone->bytes());
    if (written.first_time) {
      separators_.push_back(
          {written.header.level, written.low_fence, written.header.page, written.header.tree});
    }
  }

  TreeWorld& world_;
  PieceMemory store_;
  LoadGate gate_;
  std::mutex publication_;
  std::vector<Written> batch_;
  std::vector<DiskImage::Separator> separators_;
  Atomic<uint64_t> admitted_{0};
};

}  // namespace moraine

#endif  // MORAINE_TESTS_TREE_PAGING_FIXTURE_H_
