// Gathered reads of pieces, with queues and buffers that are used again.
#include "storage/cache/page_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "storage/io/aligned_buffer.h"
#include "storage/sync/atomic.h"
#include "storage/sync/mutex.h"

namespace moraine {
namespace {

constexpr uint32_t kDepth = 128;  // pieces in one submission
// Pieces to wait for at a time: those of a page or two in one call, those of many while the device
// goes on reading.
constexpr size_t kArrivals = 8;
// A submission takes no more bytes than this, unless one piece alone is larger; a buffer up to this
// size is kept.
constexpr size_t kRoundBytes = size_t{1} << 20;
constexpr size_t kLeastBufferBytes = size_t{64} << 10;

// One piece on its way.
struct PieceRead {
  size_t load = 0;
  size_t piece = 0;
  PieceExtent extent;
  size_t buffer_offset = 0;
};

class PageReaderImplementation final : public PageReader {
 public:
  PageReaderImplementation(Io& io, SegmentStore& store, uint32_t queues, MemoryBudget* budget)
      : io_(io), store_(store), most_sessions_(std::max<uint32_t>(queues, 1)), budget_(budget) {}
  ~PageReaderImplementation() override {
    for (Session& session : idle_) DropBuffer(session);
  }

  void Read(std::span<PageLoad> loads) override;
  PageReaderStats stats() const override;

 private:
  struct Session {
    std::unique_ptr<IoQueue> queue;  // null: to be made, at first or after it broke
    std::unique_ptr<AlignedBuffer> buffer;
  };

  Session Borrow();
  void GiveBack(Session session);
  bool EnsureBuffer(Session& session, size_t bytes);
  void DropBuffer(Session& session);

  std::vector<PieceRead> Plan(std::span<PageLoad> loads) const;
  // Reads all of `reads`, in rounds; what could not be read or was damaged goes to `failed`, with
  // the reason in its page's status.
  void ReadAll(Session& session, std::span<PageLoad> loads, std::span<PieceRead> reads,
               std::vector<PieceRead>* failed);
  // How many of `reads` go into the next round; none when there is no memory even for one.
  size_t FillRound(Session& session, std::span<PieceRead> reads);
  absl::Status BeginRound(Session& session, std::span<const PieceRead> reads);
  absl::Status Expand(const Session& session, const PieceRead& read, const absl::Status& io_status,
                      PageLoad* load) const;
  // What the pieces' own checksums cannot show: whose they are, and that none is missing between.
  absl::Status CheckPieces(const PageLoad& load) const;
  std::string NameOf(const PieceLocation& location) const;

  struct Counts {
    Atomic<uint64_t> pages{0};
    Atomic<uint64_t> pieces{0};
    Atomic<uint64_t> submissions{0};
    Atomic<uint64_t> bytes{0};
  };
  static void Count(Atomic<uint64_t>& counter, uint64_t more) {
    // order: relaxed: a statistic
    counter.fetch_add(more, std::memory_order_relaxed);
  }

  Io& io_;
  SegmentStore& store_;
  const uint32_t most_sessions_;
  MemoryBudget* const budget_;
  Mutex mutex_;
  std::vector<Session> idle_;
  uint32_t session_count_ = 0;
  EventCount returned_;
  Counts counts_;
};

void PageReaderImplementation::Read(std::span<PageLoad> loads) {
  if (loads.empty()) return;
  SegmentStore::ReadLease lease(store_);
  std::vector<PieceRead> reads = Plan(loads);
  Session session = Borrow();
  std::vector<PieceRead> failed;
  ReadAll(session, loads, reads, &failed);
  if (!failed.empty()) {
    // Once more: a transfer may have gone wrong where the medium did not.
    for (const PieceRead& read : failed) loads[read.load].status = absl::OkStatus();
    std::vector<PieceRead> lost;
    ReadAll(session, loads, failed, &lost);
  }
  GiveBack(std::move(session));
  for (PageLoad& load : loads) {
    if (load.status.ok()) load.status = CheckPieces(load);
  }
  Count(counts_.pages, loads.size());
  Count(counts_.pieces, reads.size());
}

std::vector<PieceRead> PageReaderImplementation::Plan(std::span<PageLoad> loads) const {
  std::vector<PieceRead> reads;
  for (size_t i = 0; i < loads.size(); ++i) {
    PageLoad& load = loads[i];
    load.status = absl::OkStatus();
    load.pieces.clear();
    load.pieces.resize(load.disk.count);
    if (load.disk.count == 0) {
      load.status =
          absl::DataLossError(absl::StrCat("page ", load.page.value(), " was never written"));
    }
    const size_t begin = reads.size();
    for (size_t j = 0; j < load.disk.count; ++j) {
      reads.push_back({i, j, store_.Locate(load.disk.pieces[j].location), 0});
      if (reads.back().extent.file != nullptr) continue;
      load.status = absl::DataLossError(absl::StrCat("page ", load.page.value(),
                                                     ": no file holds the address ",
                                                     load.disk.pieces[j].location.address.value()));
      reads.resize(begin);
      break;
    }
  }
  return reads;
}

void PageReaderImplementation::ReadAll(Session& session, std::span<PageLoad> loads,
                                       std::span<PieceRead> reads, std::vector<PieceRead>* failed) {
  std::vector<IoCompletion> completions;
  while (!reads.empty()) {
    const size_t count = FillRound(session, reads);
    if (count == 0) {
      loads[reads.front().load].status = absl::ResourceExhaustedError(absl::StrCat(
          "the memory budget has no room for ", reads.front().extent.size, " bytes to read into"));
      failed->push_back(reads.front());
      reads = reads.subspan(1);
      continue;
    }
    const std::span<PieceRead> round = reads.first(count);
    reads = reads.subspan(count);
    const size_t failed_before = failed->size();
    absl::Status broken = BeginRound(session, round);
    // What has arrived is expanded while the rest is on its way.
    for (size_t arrived = 0; broken.ok() && arrived < count; arrived += completions.size()) {
      completions.clear();
      const size_t wanted = std::min(count - arrived, kArrivals);
      broken = session.queue->SubmitAndWait(wanted, &completions);
      for (const IoCompletion& completion : completions) {
        const PieceRead& read = round[completion.token];
        PageLoad& load = loads[read.load];
        absl::Status status = Expand(session, read, completion.status, &load);
        if (status.ok()) continue;
        load.status = std::move(status);
        failed->push_back(read);
      }
    }
    if (!broken.ok()) {
      session.queue.reset();  // waits for what it has under way
      for (const PieceRead& read : round) loads[read.load].status = broken;
      failed->resize(failed_before);  // the round fails as a whole
      failed->insert(failed->end(), round.begin(), round.end());
      continue;
    }
    if (session.buffer->size() > kRoundBytes) DropBuffer(session);
  }
}

size_t PageReaderImplementation::FillRound(Session& session, std::span<PieceRead> reads) {
  // Ends of the round as the limits allow, smaller when there is no memory for that.
  size_t most_bytes = kRoundBytes;
  for (;;) {
    size_t count = 0;
    size_t bytes = 0;
    while (count < reads.size() && count < kDepth) {
      const size_t size = reads[count].extent.size;
      if (count > 0 && bytes + size > most_bytes) break;
      reads[count].buffer_offset = bytes;
      bytes += size;
      ++count;
    }
    if (EnsureBuffer(session, bytes)) return count;
    if (count == 1) return 0;
    most_bytes = session.buffer != nullptr ? session.buffer->size() : 0;
  }
}

absl::Status PageReaderImplementation::BeginRound(Session& session,
                                                  std::span<const PieceRead> reads) {
  if (session.queue == nullptr) {
    absl::StatusOr<std::unique_ptr<IoQueue>> queue = io_.NewQueue(kDepth);
    if (!queue.ok()) return queue.status();
    session.queue = *std::move(queue);
  }
  uint64_t bytes = 0;
  for (size_t i = 0; i < reads.size(); ++i) {
    const PieceExtent& extent = reads[i].extent;
    session.queue->Add({.kind = IoKind::kRead,
                        .file = extent.file,
                        .offset = extent.offset,
                        .data = session.buffer->data() + reads[i].buffer_offset,
                        .size = extent.size,
                        .token = i});
    bytes += extent.size;
  }
  Count(counts_.submissions, 1);
  Count(counts_.bytes, bytes);
  return absl::OkStatus();
}

absl::Status PageReaderImplementation::Expand(const Session& session, const PieceRead& read,
                                              const absl::Status& io_status, PageLoad* load) const {
  // A file that ends before the piece does: cut off since, or damaged.
  if (absl::IsOutOfRange(io_status)) return absl::DataLossError(io_status.message());
  if (!io_status.ok()) return io_status;
  const PieceLocation& location = load->disk.pieces[read.piece].location;
  const std::string_view stored =
      session.buffer->view().substr(read.buffer_offset + read.extent.skip, location.stored_bytes);
  LoadedPiece& piece = load->pieces[read.piece];
  return store_.Decode(location, stored, &piece.header, &piece.payload);
}

absl::Status PageReaderImplementation::CheckPieces(const PageLoad& load) const {
  const auto wrong = [&](size_t index, const auto&... what) {
    return absl::DataLossError(absl::StrCat(NameOf(load.disk.pieces[index].location), ": page ",
                                            load.page.value(), ", piece ", index, " of ",
                                            load.disk.count, ": expected ", what...));
  };
  for (size_t i = 0; i < load.pieces.size(); ++i) {
    const PieceHeader& header = load.pieces[i].header;
    const uint32_t version = load.disk.pieces[i].version;
    // A base that was packed into a disk word once has lost the rest of its version.
    const uint32_t version_mask = i == 0 ? 0xffff : UINT32_MAX;
    if (header.page != load.page) {
      return wrong(i, "a piece of this page, found page ", header.page.value());
    }
    if (header.tree != load.tree) {
      return wrong(i, "tree ", load.tree.value(), ", found tree ", header.tree.value());
    }
    if ((header.version & version_mask) != (version & version_mask)) {
      return wrong(i, "version ", version, ", found ", header.version);
    }
    const PieceKind kind = i == 0 ? PieceKind::kBase : PieceKind::kFragment;
    if (header.kind != kind) {
      return wrong(i, i == 0 ? "a base" : "a fragment", ", found kind ",
                   static_cast<uint32_t>(header.kind));
    }
    // A fragment that begins earlier holds some updates again: whoever wrote it did not know what
    // the pieces below cover. One that begins later leaves a gap.
    if (i > 0 && header.from > load.pieces[i - 1].header.covers) {
      return wrong(i, "a fragment from ", load.pieces[i - 1].header.covers, " on, found ",
                   header.from);
    }
  }
  return absl::OkStatus();
}

std::string PageReaderImplementation::NameOf(const PieceLocation& location) const {
  const PieceExtent extent = store_.Locate(location);
  return absl::StrCat(extent.file != nullptr ? extent.file->path() : "a removed file", ": offset ",
                      extent.offset + extent.skip);
}

PageReaderImplementation::Session PageReaderImplementation::Borrow() {
  for (;;) {
    const uint32_t ticket = returned_.Ticket();
    {
      MutexLock lock(mutex_);
      if (!idle_.empty()) {
        Session session = std::move(idle_.back());
        idle_.pop_back();
        return session;
      }
      if (session_count_ < most_sessions_) {
        ++session_count_;
        return Session();
      }
    }
    returned_.Wait(ticket);
  }
}

void PageReaderImplementation::GiveBack(Session session) {
  {
    MutexLock lock(mutex_);
    idle_.push_back(std::move(session));
  }
  returned_.NotifyAll();
}

bool PageReaderImplementation::EnsureBuffer(Session& session, size_t bytes) {
  if (session.buffer != nullptr && session.buffer->size() >= bytes) return true;
  size_t size = std::max(kLeastBufferBytes, session.buffer == nullptr ? 0 : session.buffer->size());
  while (size < bytes && size < kRoundBytes) size *= 2;
  size = std::max(size, bytes);
  // From the reserve if need be: threads wait for these very pages.
  if (budget_ != nullptr && !budget_->Charge(size, ChargeKind::kOrdinary) &&
      !budget_->Charge(size, ChargeKind::kReserve)) {
    return false;
  }
  DropBuffer(session);
  session.buffer = std::make_unique<AlignedBuffer>(size);
  return true;
}

void PageReaderImplementation::DropBuffer(Session& session) {
  if (session.buffer == nullptr) return;
  if (budget_ != nullptr) budget_->Release(session.buffer->size());
  session.buffer.reset();
}

PageReaderStats PageReaderImplementation::stats() const {
  PageReaderStats stats;
  // order: relaxed: a statistic
  stats.pages = counts_.pages.load(std::memory_order_relaxed);
  // order: relaxed: a statistic
  stats.pieces = counts_.pieces.load(std::memory_order_relaxed);
  // order: relaxed: a statistic
  stats.submissions = counts_.submissions.load(std::memory_order_relaxed);
  // order: relaxed: a statistic
  stats.bytes = counts_.bytes.load(std::memory_order_relaxed);
  return stats;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PageReader>> PageReader::Create(Io& io, SegmentStore& store,
                                                               uint32_t queues,
                                                               MemoryBudget* budget) {
  return std::make_unique<PageReaderImplementation>(io, store, queues, budget);
}

}  // namespace moraine
