// The segment store over data files. One lock covers everything that changes it; writes happen under
// it, because only background work appends, while a sync, which may take long, does not hold it.
// Locate and Decode take no lock.
//
// Space comes from three places, in this order: segments whose reads have ended (read_leases.h), the
// lowest free segment, growth of a file. It goes back when a checkpoint is durable.
// A write that fails closes its segment. Its buffer is kept and written again by every Write, until
// that succeeds or the pieces in it have been released; so the caller of each of these pieces learns
// of the failure, whoever met it first.
#ifndef MORAINE_STORAGE_SEGMENTS_STORE_IMPLEMENTATION_H_
#define MORAINE_STORAGE_SEGMENTS_STORE_IMPLEMENTATION_H_

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/io/io.h"
#include "storage/memory/memory_budget.h"
#include "storage/segments/data_files.h"
#include "storage/segments/piece.h"
#include "storage/segments/read_leases.h"
#include "storage/segments/segment_format.h"
#include "storage/segments/segment_map.h"
#include "storage/segments/segment_store.h"
#include "storage/segments/stream_buffer.h"
#include "storage/sync/atomic.h"
#include "storage/sync/mutex.h"

namespace moraine {

class SegmentStoreImplementation final : public SegmentStore {
 public:
  SegmentStoreImplementation(Io& io, Directory& directory, const SegmentStoreOptions& options,
                             const SegmentGeometry& geometry, MemoryBudget* budget);
  ~SegmentStoreImplementation() override;

  // Takes over what `state` names.
  absl::Status Restore(const SegmentState& state);

  absl::StatusOr<PieceLocation> Append(Stream stream, const PieceHeader& header,
                                       std::string_view payload) override;
  absl::Status Write() override;
  absl::Status Sync() override;
  PieceExtent Locate(const PieceLocation& location) const override;
  absl::Status Decode(const PieceLocation& location, std::string_view stored, PieceHeader* header,
                      std::string* raw) const override;
  absl::Status VisitPieces(const SegmentInfo& segment,
                           absl::FunctionRef<absl::Status(const StoredPiece&)> visit) override;
  absl::StatusOr<PieceLocation> AppendStored(Stream stream, const StoredPiece& piece) override;
  void SealFrom(uint64_t index) override;
  void Release(const PieceLocation& location) override;
  absl::Status Adopt(const PieceLocation& location) override;
  void FinishAdoption() override;
  void BeginState() override;
  std::string EncodeState() override;
  absl::Status StateIsDurable() override;
  absl::Status CheckSpace() override;
  SegmentStoreStats stats() const override;
  std::vector<SegmentInfo> Segments() const override;

 private:
  // A piece ready to be placed.
  struct FramedPiece {
    PieceHeader header;
    StoredPayload payload;
    uint32_t stored_bytes = 0;
    bool may_use_reserve = false;
  };
  struct WriteJob {
    StreamBuffer* buffer = nullptr;
    File* file = nullptr;
    uint64_t offset = 0;
    absl::Status status;
  };

  uint32_t BeginRead() override { return leases_.Begin(); }
  void EndRead(uint32_t parity) override { leases_.End(parity); }

  // All of the following: under mutex_.

  void RestoreStream(const SegmentRecord& record);
  absl::Status CheckHeader(uint64_t index);
  absl::StatusOr<PieceLocation> AppendFramed(Stream stream, const FramedPiece& piece);
  absl::StatusOr<PieceLocation> AppendToStream(Stream stream, const FramedPiece& piece);
  absl::StatusOr<PieceLocation> AppendLarge(const FramedPiece& piece);
  absl::StatusOr<PieceLocation> PutPiece(StreamBuffer& buffer, const FramedPiece& piece,
                                         uint64_t place);
  absl::Status PutBytes(StreamBuffer& buffer, std::string_view bytes);
  absl::Status PutZeroes(StreamBuffer& buffer, uint64_t count);
  absl::Status NextSegment(Stream stream, StreamBuffer& buffer, bool may_use_reserve);
  void EndSegment(StreamBuffer& buffer);
  void BeginSegment(StreamBuffer& buffer, uint64_t index, Stream stream, uint32_t run);
  absl::Status EnsureMemory(StreamBuffer& buffer);
  void DropMemory(StreamBuffer& buffer);

  // Writes what the buffer holds, a whole number of blocks; on failure it is given up.
  absl::Status WriteOut(StreamBuffer& buffer);
  void RunWrites(std::span<WriteJob> jobs);
  WriteJob JobOf(StreamBuffer& buffer);
  // Seals the buffer's segment and keeps what could not be written in failed_.
  void GiveUp(StreamBuffer& buffer);

  // The first of `run` free segments, of files grown if need be.
  absl::StatusOr<uint64_t> FindSpace(uint32_t run, bool may_use_reserve);
  // Makes room for a run and the reserve behind it, if it can.
  absl::Status FillReserve(uint32_t run);
  uint64_t Reserve() const;
  absl::Status Grow(uint32_t run);
  absl::Status GrowFile(uint64_t number, uint32_t run);
  void AdvanceGrace();
  absl::Status Shrink();

  uint64_t IndexOf(Address address) const { return address.value() / geometry_.segment_bytes; }
  uint64_t OffsetOf(Address address) const { return address.value() % geometry_.segment_bytes; }

  Io& io_;
  Directory& directory_;
  const SegmentStoreOptions options_;
  const SegmentGeometry geometry_;
  const uint64_t buffer_bytes_;
  MemoryBudget* const budget_;
  DataFiles files_;
  ReadLeases<> leases_;

  mutable Mutex mutex_;
  SegmentMap map_;
  std::unique_ptr<IoQueue> queue_;
  std::array<StreamBuffer, kStreamCount> streams_;  // that of kLarge is only used within Append
  std::vector<StreamBuffer> failed_;
  std::vector<uint64_t> waiting_;   // kDraining, for a grace period to begin
  std::vector<uint64_t> draining_;  // kDraining, for the grace period to end
  std::vector<std::unique_ptr<File>> draining_files_;
  std::vector<bool> checked_files_;  // while opening
  SegmentStoreStats counts_;
  Atomic<uint32_t> low_space_{0};  // written under mutex_

  Mutex sync_mutex_;  // before mutex_
  absl::Status sync_error_;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_SEGMENTS_STORE_IMPLEMENTATION_H_
