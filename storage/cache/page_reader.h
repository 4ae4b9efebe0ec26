// Reads the durable pieces of pages: all pieces of all pages asked for in one submission, checked
// and expanded. It knows nothing of what is in memory; the tree joins both.
//
// Why what is read is right although nothing is locked meanwhile. The caller copies the disk word
// (d0), calls Read, and compares the copy with the word anew (d1) under a guard.
//   d1 names the same pieces: the page named them all the time, so they were alive, and no segment
//     with a live piece is written again; what was read is what was published, or the device
//     damaged it. Only then is an error in `status` an error of the page.
//   d1 names others: the caller throws away what came, error or not, and reads those. The segments
//     of d0 may have been freed, used again, or cut off with their file while they were read: bytes
//     of another piece fail by checksum, page or version, a file that is gone gives an error, and a
//     file that Locate gave stays open until the read ends, by the lease that Read holds.
//   "The same" means the same addresses and versions modulo 2^16. Between d0 and d1 a page could
//     only come back to both by 2^16 publications, a checkpoint and a segment's reuse. A caller that
//     holds a SegmentStore::ReadLease from before d0 until after d1 excludes even that: the segment
//     cannot be used again in between.
#ifndef MORAINE_STORAGE_CACHE_PAGE_READER_H_
#define MORAINE_STORAGE_CACHE_PAGE_READER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"

#include "storage/cache/disk_refs.h"
#include "storage/cache/page_table.h"
#include "storage/segments/segment_store.h"

namespace moraine {

struct LoadedPiece {
  PieceHeader header;
  std::string payload;  // expanded, checked against its checksum, page and version
};

// One page of a request: the caller fills in page, tree and disk (copied under a guard).
struct PageLoad {
  PageId page;
  TreeId tree;
  DiskCopy disk;
  absl::Status status;              // of this page
  std::vector<LoadedPiece> pieces;  // oldest first: a base, then fragments in order of covers
};

struct PageReaderStats {
  uint64_t pages = 0;
  uint64_t pieces = 0;
  uint64_t submissions = 0;
  uint64_t bytes = 0;
};

// Any thread. Every call borrows a queue with its buffers from a pool of at most `queues`; callers
// beyond that wait. Nothing here is called inside an epoch guard.
class PageReader {
 public:
  static absl::StatusOr<std::unique_ptr<PageReader>> Create(Io& io, SegmentStore& store,
                                                            uint32_t queues, MemoryBudget* budget);
  virtual ~PageReader() = default;
  // Gathers every piece of every page in one submission (of at most the queue's depth at a time)
  // and waits. A damaged piece is re-read once before DataLoss is reported in its page's status.
  virtual void Read(std::span<PageLoad> loads) = 0;
  virtual PageReaderStats stats() const = 0;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_CACHE_PAGE_READER_H_
