// Moves pages between memory and the segment store: writes what trees capture, publishes where it
// lies, keeps memory below its limit, and hands checkpoints a copy of the page table as of one
// instant.
//
// A flush batch: every page's group is captured (Tree::CaptureGroup) and appended, the store writes
// its buffers in a few large writes, then all disk words of the batch change in one critical section
// of the publication lock. Pieces are readable before they are published, and durable only when a
// checkpoint syncs the store: until then recovery does not know them and replays the log instead.
//
// Who evicts: whoever allocates above the limit (MakeRoom), and a background thread that keeps
// memory below its high-water mark, so that the foreground seldom has to. Victims come from the
// eviction queue; clean ones leave by one compare-and-swap, dirty ones are flushed in batches first.
// Locks: flush_mutex_ (one batch at a time) before publication_mutex_ (short: a copy or a few
// compare-and-swaps). No operation on a key takes either unless memory is full.
#ifndef MORAINE_STORAGE_PAGER_H_
#define MORAINE_STORAGE_PAGER_H_

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/cache/eviction_queue.h"
#include "storage/manifest.h"
#include "storage/segments/segment_store.h"
#include "storage/sync/mutex.h"
#include "storage/table_chunk.h"
#include "storage/temperature.h"
#include "storage/tree/paging.h"
#include "storage/tree/tree.h"

namespace moraine {

struct PagerStats {
  uint64_t flushed_pages = 0;
  uint64_t fragments = 0;  // pieces written on top of others
  uint64_t bases = 0;      // pieces that replaced all others
  uint64_t evicted_pages = 0;
  uint64_t loads_to_flush = 0;  // pages read because they had too many fragments
  uint64_t batches = 0;
  uint64_t rooms_made = 0;    // times that a thread had to wait for memory
  uint64_t moved_pieces = 0;  // copied out of segments that were cleaned
  uint64_t moved_bytes = 0;
  uint64_t rewritten_pages = 0;  // written whole instead
};

// A chunk as it will be written: a tenth of what its entries take in memory.
struct ChunkCopy {
  std::string bytes;
  uint32_t entries = 0;  // none: the chunk has no pages any more
};

// The page table as of one instant, as far as it changed since the checkpoint before.
struct TableCopy {
  Lsn position;  // the log's tail at that instant
  std::map<uint32_t, ChunkCopy> chunks;
  std::vector<ManifestTree> trees;
  std::vector<LooseSeparator> separators;
};

class Pager final : public PageService {
 public:
  // `find_tree`: nullptr for a tree that is unknown or dropped. `all_trees`: those that are not
  // dropped. Everything is borrowed.
  struct Parts {
    const TreeEnvironment* environment = nullptr;
    SegmentStore* store = nullptr;
    std::function<Tree*(TreeId)> find_tree;
    std::function<std::vector<Tree*>()> all_trees;
    // Called outside all locks by whoever flushed, with the bytes that went to the store.
    std::function<void(uint64_t)> after_flush;
  };
  explicit Pager(Parts parts);
  ~Pager() override { Stop(); }

  // The background thread. `checkpoint` is called by it when RequestCheckpoint was.
  void Start(std::function<absl::Status()> checkpoint);
  void Stop();
  // Any thread; cheap when one is asked for already.
  void RequestCheckpoint();

  void Admit(PageId page) override;
  absl::Status MakeRoom(uint64_t bytes) override;
  void Assist() override;

  // Evicts up to `pages` pages, whatever the budget says; how many left.
  absl::StatusOr<uint64_t> Trim(uint64_t pages);

  // Writes every leaf, or every inner page, that holds something older than `before`.
  absl::Status FlushLeaves(Timestamp before);
  absl::Status FlushInnerPages();
  // Posts the separators of published splits, so that FlushInnerPages writes them.
  absl::Status PostSeparators();
  // Copies what changed since the last copy. When the checkpoint fails, give the copy back.
  TableCopy CopyTable();
  void TakeBack(const TableCopy& copy);

  // Which pieces hold the chunks of the page table; after each checkpoint anew.
  void SetTablePieces(const std::map<uint32_t, PieceLocation>& pieces);
  // Whether the next checkpoint has anything to say that the one in force does not.
  bool TableChanged();

  // Cleaning; see pager_clean.cc. Moves out of a segment whatever of it is alive, so that the
  // next checkpoint can do without it; how much that was. Chunks of the page table are left to that
  // checkpoint to write anew.
  struct Cleaned {
    uint64_t pages = 0;
    uint64_t chunks = 0;
  };
  absl::StatusOr<Cleaned> CleanSegment(const SegmentInfo& segment);
  // Writes pages that lie in several pieces as one, loading those that are out of memory. One
  // batch; tens of pages.
  absl::Status RewritePages(std::span<const PageId> pages);
  // Pages whose newest piece deletes much of those below; taken away by the call, at most `most`.
  std::vector<PageId> TakeShrunken(size_t most);
  bool HasShrunken();

  // Frees the pages of a dropped tree that no thread is inside of, in memory and on disk.
  absl::Status ReleaseTree(Tree& tree);

  PagerStats stats() const;

 private:
  struct Written {
    PieceHeader header;
    DiskCopy disk;
    PieceRef piece;
    bool replaces = false;
    bool first_time = false;
    uint32_t deletes = 0;
    std::string low_fence;
    // Pieces of `disk` that were moved as they are, by their index: nothing else changes.
    std::vector<std::pair<uint32_t, PieceLocation>> moves;
    uint64_t max_ts = 0;  // with moves: as of `disk`
    size_t group = 0;     // index in the batch of the first that is published together with it
    const DiskRefs* refs = nullptr;
  };
  // A piece copied out of a segment that is being cleaned.
  struct HeldPiece {
    StoredPiece piece;
    std::string payload;
  };
  enum class Flushing : uint8_t { kAllowed, kNever };

  absl::Status FlushExtent(PageTable::Extent extent, Timestamp before);
  absl::Status FlushLocked(std::span<const PageId> pages, Timestamp before);
  absl::Status CapturePage(PageId page, Timestamp before);
  absl::Status LoadAndCapture(Timestamp before);
  absl::Status CaptureAll(std::span<const PageId> pages, Timestamp before);
  absl::StatusOr<Tree::CaptureResult> CaptureOnce(Tree& tree, PageId page, Timestamp before,
                                                  Tree::CaptureForm form, PageId* other);
  void ForgetFrom(size_t begin);
  void Forget(ThreadHeap& heap, const Written& written);
  static std::span<const PieceRef> PiecesAfter(const Written& written,
                                               std::array<PieceRef, kMostPieces>* pieces);
  absl::Status PublishBatch();
  absl::Status MakeRefs(ThreadHeap& heap);
  void PublishLocked(ThreadHeap& heap, Written& written);
  void ReleasePieces(ThreadHeap& heap, DiskWord word, bool pieces_too);
  void Settle();

  // pager_clean.cc
  bool IsNamed(const StoredPiece& piece);
  bool MarkChunk(const StoredPiece& piece);
  uint32_t PieceCount(PageId page);
  absl::Status MoveHeld(std::vector<HeldPiece>* held, Stream from);
  absl::Status MovePage(std::span<const HeldPiece> held, Stream stream);
  absl::Status RewriteResident(std::span<const PageId> pages);
  bool WorthRewriting(PageId page, const DiskCopy& disk, std::span<const uint32_t> moved);
  absl::StatusOr<bool> CaptureWhole(Tree& tree, PageId page);

  size_t EvictSome(size_t count, Flushing flushing);
  size_t Evict(std::span<const PageId> victims, Flushing flushing);
  // Of the background thread.
  size_t EvictAhead();
  bool OwesRewrite(PageId page);
  EvictResult EvictOne(PageId page);
  size_t EvictDirty(std::span<const PageId> dirty);
  void Background();
  void DrainLimbo();
  bool AboveHighWater() const;
  bool BelowLowWater() const;
  Tree* TreeOf(PageId page);

  const Parts parts_;
  PageTable& table_;
  MemoryBudget& budget_;
  std::unique_ptr<EvictionQueue> queue_;

  Mutex flush_mutex_;
  std::vector<Written> batch_;             // under flush_mutex_
  std::unordered_set<uint32_t> captured_;  // pages of batch_
  Temperature temperature_;                // under flush_mutex_
  std::vector<PageId> need_load_;          // under flush_mutex_
  std::vector<PageId> unfinished_;         // pages that changed too fast; under flush_mutex_
  absl::Status flush_health_;              // of the last batch; under publication_mutex_

  Mutex publication_mutex_;
  std::set<uint32_t> changed_chunks_;                         // under publication_mutex_
  std::unordered_map<uint32_t, PieceLocation> table_pieces_;  // under publication_mutex_
  std::deque<PageId> shrunken_;                               // under publication_mutex_
  std::vector<LooseSeparator> separators_;                    // under publication_mutex_

  std::thread background_;
  uint64_t lots_ = 1;  // background_ only
  std::function<absl::Status()> checkpoint_;
  EventCount work_;
  EventCount progress_;
  Atomic<uint32_t> stop_{0};
  Atomic<uint32_t> checkpoint_wanted_{0};
  Atomic<uint32_t> background_sleeps_{0};

  struct Counts {
    Atomic<uint64_t> flushed_pages{0};
    Atomic<uint64_t> fragments{0};
    Atomic<uint64_t> bases{0};
    Atomic<uint64_t> evicted_pages{0};
    Atomic<uint64_t> loads_to_flush{0};
    Atomic<uint64_t> batches{0};
    Atomic<uint64_t> rooms_made{0};
    Atomic<uint64_t> moved_pieces{0};
    Atomic<uint64_t> moved_bytes{0};
    Atomic<uint64_t> rewritten_pages{0};
  };
  Counts counts_;
  Atomic<uint64_t> unsettled_bytes_{0};  // flushed, and not reported to after_flush yet
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_PAGER_H_
