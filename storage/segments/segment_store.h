// Append-only storage for pieces of pages. Appends gather in buffers, one per stream, go to the
// files in large writes and are never overwritten; a segment's space is used again only when none of
// its pieces is alive, no durable state names it and every read begun before has ended.
//
// Life of a piece: Append gives its address; after Write it may be read through Locate, so the page
// table may name it; after Sync it survives power loss. Release takes it out of its segment's live
// bytes. Recovery knows nothing but what a checkpoint recorded (EncodeState): pieces appended after
// it are as if they had never been.
// Threads: Append, Write, Sync, Release, EncodeState: any thread (a lock inside; they are called by
// background work). Locate, Decode: any thread, lock-free.
#ifndef MORAINE_STORAGE_SEGMENTS_SEGMENT_STORE_H_
#define MORAINE_STORAGE_SEGMENTS_SEGMENT_STORE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/base/checksum.h"
#include "storage/io/io.h"
#include "storage/memory/memory_budget.h"
#include "storage/segments/address.h"
#include "storage/segments/piece.h"

namespace moraine {

struct SegmentStoreOptions {
  DatabaseId database_id;
  uint64_t segment_bytes = uint64_t{2} << 20;
  uint64_t file_bytes = uint64_t{256} << 20;    // a multiple of segment_bytes
  uint64_t buffer_bytes = uint64_t{256} << 10;  // of each stream in use
  int compression_level = 1;                    // zstd; 0: none
  // Free segments, and one in 64 more, kept for pieces that are moved and for tables, so that a full disk can be cleaned:
  // other pieces get half of them. New users of space are to be refused when the rest is gone
  // (CheckSpace).
  uint64_t reserve_segments = 0;
  bool read_only = false;
};

// What to read for one piece: aligned for direct I/O; the piece begins `skip` bytes in. No file: the
// location is none of this store, or the file was removed since; it was copied before a change.
struct PieceExtent {
  File* file = nullptr;
  uint64_t offset = 0;
  size_t size = 0;
  size_t skip = 0;
};

struct SegmentInfo {
  uint64_t index = 0;
  uint64_t sequence = 0;  // one more with every segment begun
  Stream stream = Stream::kFragments;
  uint32_t run = 1;  // how many segments in a row it is
  uint64_t used_bytes = 0;
  uint64_t live_bytes = 0;
  bool open = false;  // being filled
  bool dead = false;  // nothing in it is alive: free, or nearly so, with the next durable state
};

struct SegmentStoreStats {
  uint64_t segments = 0;  // in use
  uint64_t free_segments = 0;
  uint64_t dead_segments = 0;      // of those in use: SegmentInfo::dead
  uint64_t draining_segments = 0;  // of those in use: free when reads under way have ended
  uint64_t segment_bytes = 0;      // of each
  bool low_space = false;          // see CheckSpace
  uint64_t next_sequence = 0;      // SegmentInfo::sequence of the next one begun
  uint64_t file_bytes = 0;
  uint64_t used_bytes = 0;
  uint64_t live_bytes = 0;
  uint64_t appended_pieces = 0;
  uint64_t appended_bytes = 0;
  uint64_t raw_bytes = 0;      // of appended payloads before compression
  uint64_t written_bytes = 0;  // to the device
  uint64_t writes = 0;
  uint64_t syncs = 0;
};

class SegmentStore {
 public:
  // `state`: what EncodeState gave to the checkpoint in use; empty for a new store. Files and
  // segments that the state does not name are free. `budget` is charged for the buffers.
  static absl::StatusOr<std::unique_ptr<SegmentStore>> Open(Io& io, Directory& directory,
                                                            const SegmentStoreOptions& options,
                                                            std::string_view state,
                                                            MemoryBudget* budget);
  virtual ~SegmentStore() = default;

  // Compresses, frames and buffers one piece. header.raw_bytes is filled in. ResourceExhausted on a
  // full disk: nothing was appended. Counts as live from here on. A base occupies whole sectors and
  // its stored_bytes says so, because a packed disk word (cache/disk_refs.h) knows no more.
  virtual absl::StatusOr<PieceLocation> Append(Stream stream, const PieceHeader& header,
                                               std::string_view payload) = 0;
  // Everything appended before can be read through Locate when this returns OK. After an error
  // nothing appended since the last success may be named by anything: release those pieces and
  // append them again. Write tries what failed anew, and fails, as long as one of them is alive.
  virtual absl::Status Write() = 0;
  // Everything written before is durable. Once it failed it fails for ever: what the device lost is
  // unknown, so only opening again, from the last checkpoint, helps.
  virtual absl::Status Sync() = 0;

  // `location` was written, and its segment is kept (ReadLease).
  virtual PieceExtent Locate(const PieceLocation& location) const = 0;
  // Checks bytes that were read through Locate (from `skip` on, stored_bytes long), expands the
  // payload into `raw` and fills `header`. DataLoss names file, offset, expected and found.
  virtual absl::Status Decode(const PieceLocation& location, std::string_view stored,
                              PieceHeader* header, std::string* raw) const = 0;

  // For cleaning. Calls `visit` for every whole piece in a sealed segment, dead ones included, in
  // order of their addresses; bytes that are no piece are passed over. What is visited lives during
  // the call. Nothing when the segment is not what `segment` says any more. The caller holds a
  // ReadLease, so that a piece that the page table names afterwards is the one that was visited.
  virtual absl::Status VisitPieces(const SegmentInfo& segment,
                                   absl::FunctionRef<absl::Status(const StoredPiece&)> visit) = 0;
  // Append for a piece that was visited: its payload as it is stored.
  virtual absl::StatusOr<PieceLocation> AppendStored(Stream stream, const StoredPiece& piece) = 0;
  // Ends open segments at or beyond `index`, so that their streams go on lower down.
  virtual void SealFrom(uint64_t index) = 0;

  // The piece is no longer named by the page table in memory.
  virtual void Release(const PieceLocation& location) = 0;

  // While opening, before the first Append: a piece that the checkpoint names is alive. DataLoss
  // when it lies in no segment of the state. After FinishAdoption segments without live pieces are
  // as good as released ones: reused after the next StateIsDurable.
  virtual absl::Status Adopt(const PieceLocation& location) = 0;
  virtual void FinishAdoption() = 0;

  // While one is held, no segment that held a live piece when it was begun is used anew. Hold one
  // from before the disk word is copied until it has been compared again, then unchanged words
  // prove that the right bytes were read (architecture of loads: cache/page_reader.h). Lock-free.
  class ReadLease {
   public:
    explicit ReadLease(SegmentStore& store) : store_(store), parity_(store.BeginRead()) {}
    ~ReadLease() { store_.EndRead(parity_); }
    ReadLease(const ReadLease&) = delete;
    ReadLease& operator=(const ReadLease&) = delete;

   private:
    SegmentStore& store_;
    const uint32_t parity_;
  };

  // Call together with the copy of the page table that a checkpoint will hold, EncodeState later.
  // Without it segments that died since the state before are kept for one checkpoint more.
  virtual void BeginState() {}
  // The state for a checkpoint: which segments are in use now, by which stream, up to where. Pieces
  // appended later lie behind that, in other sectors. Live bytes are not in it: Adopt counts them.
  // Before or after Sync: what is named and not durable must only not be adopted.
  virtual std::string EncodeState() = 0;
  // The checkpoint with the state returned last is durable: segments without live pieces that it
  // does not name may be reused (once reads begun before have ended), and files beyond the last
  // used segment shrink.
  virtual absl::Status StateIsDurable() = 0;

  // OK when the reserve is whole, which is all that this looks at as a rule (lock-free). Otherwise
  // tries to make it so, and fails with ResourceExhausted while the disk has no room.
  virtual absl::Status CheckSpace() = 0;
  virtual SegmentStoreStats stats() const = 0;
  virtual std::vector<SegmentInfo> Segments() const = 0;

 private:
  virtual uint32_t BeginRead() = 0;
  virtual void EndRead(uint32_t parity) = 0;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_SEGMENTS_SEGMENT_STORE_H_
