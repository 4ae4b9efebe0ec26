// Walking over the pieces of a segment, for the cleaner. The store has no list of them: a piece
// says where it ends, and where none begins the walk goes on at the next place where one could. So
// a damaged piece hides itself only, and a dead one costs no memory.
#include <algorithm>
#include <memory>
#include <optional>

#include "storage/base/status_macros.h"
#include "storage/segments/store_implementation.h"

namespace moraine {
namespace {

constexpr uint64_t kWindowBytes = uint64_t{256} << 10;

// A part of one segment in memory, moved along by whoever asks for bytes beyond it.
class SegmentWindow {
 public:
  SegmentWindow(Io& io, File& file, uint64_t file_offset, uint64_t end, MemoryBudget* budget)
      : io_(io), file_(file), file_offset_(file_offset), end_(end), budget_(budget) {}
  ~SegmentWindow() { DropBuffer(); }
  SegmentWindow(const SegmentWindow&) = delete;
  SegmentWindow& operator=(const SegmentWindow&) = delete;

  // At least the bytes [at, at + bytes) of the segment, which lie below its end.
  absl::StatusOr<std::string_view> Get(uint64_t at, uint64_t bytes) {
    if (at < begin_ || at + bytes > begin_ + filled_) {
      MORAINE_RETURN_IF_ERROR(Fill(at, bytes));
    }
    return buffer_->view().substr(at - begin_, begin_ + filled_ - at);
  }

 private:
  absl::Status Fill(uint64_t at, uint64_t bytes) {
    begin_ = at / kIoAlignment * kIoAlignment;
    filled_ = 0;
    const uint64_t wanted = RoundUpTo(at + bytes - begin_, kIoAlignment);
    if (buffer_ == nullptr || buffer_->size() < wanted) {
      DropBuffer();
      uint64_t size = std::max(wanted, kWindowBytes);
      bool charged = budget_ == nullptr || budget_->Charge(size, ChargeKind::kReserve);
      // Whoever has little memory reads more often.
      if (!charged) charged = budget_->Charge(size = wanted, ChargeKind::kReserve);
      if (!charged) {
        return absl::ResourceExhaustedError("the memory budget has no room to clean segments");
      }
      buffer_ = std::make_unique<AlignedBuffer>(size);
    }
    const uint64_t size = std::min(buffer_->size(), RoundUpTo(end_, kIoAlignment) - begin_);
    MORAINE_RETURN_IF_ERROR(io_.ReadFully(file_, file_offset_ + begin_, buffer_->data(), size));
    filled_ = size;
    return absl::OkStatus();
  }
  void DropBuffer() {
    if (buffer_ != nullptr && budget_ != nullptr) budget_->Release(buffer_->size());
    buffer_.reset();
  }

  Io& io_;
  File& file_;
  const uint64_t file_offset_;  // of the segment
  const uint64_t end_;          // nothing is read beyond
  MemoryBudget* const budget_;
  std::unique_ptr<AlignedBuffer> buffer_;
  uint64_t begin_ = 0;
  uint64_t filled_ = 0;
};

}  // namespace

absl::Status SegmentStoreImplementation::VisitPieces(
    const SegmentInfo& segment, absl::FunctionRef<absl::Status(const StoredPiece&)> visit) {
  uint64_t end = 0;
  {
    MutexLock lock(mutex_);
    const Segment& now = map_.at(segment.index);
    if (now.use != SegmentUse::kSealed || now.sequence != segment.sequence || now.run != 1 ||
        now.live_bytes == 0) {
      return absl::OkStatus();
    }
    end = now.used_bytes;
  }
  const uint64_t first = segment.index * geometry_.segment_bytes;
  File* file = files_.Find(first / geometry_.file_bytes);
  if (file == nullptr) return absl::OkStatus();
  SegmentWindow window(io_, *file, first % geometry_.file_bytes, end, budget_);
  for (uint64_t at = kSegmentHeaderBytes; at + kPieceHeaderBytes <= end;) {
    MORAINE_ASSIGN_OR_RETURN(std::string_view bytes, window.Get(at, kPieceHeaderBytes));
    const uint64_t claimed = ClaimedBytes(bytes);
    std::optional<StoredPiece> piece;
    if (claimed > 0 && at + claimed <= end) {
      MORAINE_ASSIGN_OR_RETURN(bytes, window.Get(at, claimed));
      piece = FindPiece(options_.database_id, Address(first + at), bytes);
    }
    if (piece.has_value()) MORAINE_RETURN_IF_ERROR(visit(*piece));
    at += piece.has_value() ? RoundUpTo(claimed, kPieceUnit) : kPieceUnit;
  }
  return absl::OkStatus();
}

}  // namespace moraine
