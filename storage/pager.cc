// Eviction, and the thread that does it ahead of need.
#include "storage/pager.h"

#include <algorithm>
#include <chrono>

#include "storage/base/status_macros.h"

namespace moraine {
namespace {

constexpr uint32_t kQueueShards = 16;
constexpr size_t kVictimsOfForeground = 128;
constexpr size_t kVictimsOfAssist = 4;
constexpr size_t kVictimsOfBackground = 256;
// How long a thread that needs memory waits without anything becoming free before it gives up.
constexpr std::chrono::milliseconds kPatience{10000};
constexpr std::chrono::milliseconds kWait{2};

}  // namespace

Pager::Pager(Parts parts)
    : parts_(std::move(parts)),
      table_(*parts_.environment->table),
      budget_(parts_.environment->heap->budget()),
      queue_(EvictionQueue::Create(table_, kQueueShards)) {}

void Pager::Start(std::function<absl::Status()> checkpoint) {
  checkpoint_ = std::move(checkpoint);
  background_ = std::thread([this] { Background(); });
}

void Pager::Stop() {
  // order: release -> Pager::Stop [P4]
  stop_.store(1, std::memory_order_release);
  work_.NotifyAll();
  if (background_.joinable()) background_.join();
}

void Pager::RequestCheckpoint() {
  // order: relaxed: only saves calls
  if (checkpoint_wanted_.load(std::memory_order_relaxed) != 0) return;
  // order: release -> Pager::Checkpoint [P4]
  checkpoint_wanted_.store(1, std::memory_order_release);
  work_.NotifyAll();
}

bool Pager::AboveHighWater() const {
  uint64_t limit = budget_.limit_bytes();
  return budget_.used_bytes() > limit - limit / 16;
}

bool Pager::BelowLowWater() const {
  uint64_t limit = budget_.limit_bytes();
  return budget_.used_bytes() < limit - limit / 8;
}

void Pager::Admit(PageId page) {
  queue_->Admit(page);
  // order: relaxed: a missed wake-up is made good by the next page that comes in
  if (background_sleeps_.load(std::memory_order_relaxed) != 0 && AboveHighWater())
    work_.NotifyAll();
}

EvictResult Pager::EvictOne(PageId page) {
  Tree* tree = TreeOf(page);
  if (tree == nullptr) return EvictResult::kGone;
  EvictResult result = tree->Evict(page);
  if (result == EvictResult::kEvicted) {
    // order: relaxed: a statistic
    counts_.evicted_pages.fetch_add(1, std::memory_order_relaxed);
    // What is left of it must be seen again.
    if (table_.Load(page).state() == PageState::kPartial) queue_->PutBack(page);
  }
  return result;
}

size_t Pager::EvictDirty(std::span<const PageId> dirty) {
  absl::Status flushed = FlushLocked(dirty, Timestamp());
  {
    MutexLock lock(publication_mutex_);
    flush_health_ = flushed;
  }
  size_t evicted = 0;
  for (PageId page : dirty) {
    // Even when the flush failed: what was written until then can go, and may be what was missing.
    EvictResult result = EvictOne(page);
    if (result == EvictResult::kEvicted) {
      ++evicted;
    } else if (result != EvictResult::kGone) {
      queue_->PutBack(page);
    }
  }
  return evicted;
}

// Whether a page that was read, and not changed since, should go back as one piece. Each such read
// cost a device read per fragment; writing the page costs as much as its base is long, but once.
// Neither knows whether more reads will come (ski rental), so the expected cost of reading before
// the page is written is made that of two writes. Drawing lots saves a counter per page
// (architecture.md 3.2, read debt).
bool Pager::OwesRewrite(PageId page) {
  constexpr uint64_t kReadBytes = 4096;
  constexpr uint64_t kWritesWorth = 2;
  EpochGuard guard(parts_.environment->Local().heap());
  const DiskRefs* refs = table_.LoadDisk(page).refs();
  if (refs == nullptr || refs->count() < 2) return false;
  MemWord word = table_.Load(page);
  if (word.state() != PageState::kBase) return false;
  // What was flushed out of memory since covers more than the block that was read.
  if (PageImage::Of(word).block().header().covers < refs->covers()) return false;
  uint64_t reads = (refs->piece(0).location.stored_bytes + kReadBytes - 1) / kReadBytes;
  lots_ = lots_ * 6364136223846793005 + 1442695040888963407;  // Knuth's MMIX
  return (lots_ >> 33) % (kWritesWorth * reads) < refs->count() - 1;
}

size_t Pager::EvictAhead() {
  std::vector<PageId> victims;
  queue_->PickVictims(kVictimsOfBackground, &victims);
  std::vector<PageId> owing;
  bool disk_full = parts_.store->stats().low_space;
  std::erase_if(victims, [&](PageId page) {
    if (disk_full || !OwesRewrite(page)) return false;
    owing.push_back(page);
    return true;
  });
  // Should it fail: they leave as they are, and the next flush tells.
  if (!owing.empty()) static_cast<void>(RewriteResident(owing));
  Settle();
  victims.insert(victims.end(), owing.begin(), owing.end());
  return Evict(victims, Flushing::kAllowed);
}

size_t Pager::EvictSome(size_t count, Flushing flushing) {
  std::vector<PageId> victims;
  queue_->PickVictims(count, &victims);
  return Evict(victims, flushing);
}

size_t Pager::Evict(std::span<const PageId> victims, Flushing flushing) {
  std::vector<PageId> dirty;
  size_t evicted = 0;
  for (PageId page : victims) {
    switch (EvictOne(page)) {
      case EvictResult::kEvicted:
        ++evicted;
        break;
      case EvictResult::kDirty:
        dirty.push_back(page);
        break;
      case EvictResult::kGone:
        break;
      default:
        queue_->PutBack(page);
    }
  }
  if (dirty.empty()) return evicted;
  if (flushing == Flushing::kAllowed && flush_mutex_.try_lock()) {
    evicted += EvictDirty(dirty);
    flush_mutex_.unlock();
    Settle();
  } else {
    for (PageId page : dirty) queue_->PutBack(page);
  }
  if (evicted > 0) progress_.NotifyAll();
  return evicted;
}

void Pager::Assist() {
  if (AboveHighWater()) EvictSome(kVictimsOfAssist, Flushing::kNever);
}

// What was evicted is in this thread's limbo until the guards of others have ended.
void Pager::DrainLimbo() {
  Heap& heap = *parts_.environment->heap;
  heap.WaitForGuards();
  heap.DrainLocal();
}

absl::Status Pager::MakeRoom(uint64_t bytes) {
  uint64_t most = budget_.limit_bytes();
  auto has_room = [&] { return bytes <= most && budget_.used_bytes() <= most - bytes; };
  if (has_room()) return absl::OkStatus();
  // order: relaxed: a statistic
  counts_.rooms_made.fetch_add(1, std::memory_order_relaxed);
  auto give_up = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    uint32_t ticket = progress_.Ticket();
    if (has_room()) return absl::OkStatus();
    work_.NotifyAll();
    // While nothing can be written, pages that are on disk already are all that can leave.
    bool disk_full = parts_.store->stats().low_space;
    size_t evicted = disk_full ? EvictSome(kVictimsOfForeground, Flushing::kNever) : 0;
    if (evicted == 0) evicted = EvictSome(kVictimsOfForeground, Flushing::kAllowed);
    DrainLimbo();
    auto now = std::chrono::steady_clock::now();
    if (evicted > 0) {
      give_up = now + kPatience;
    } else if (disk_full || now >= give_up) {
      {
        MutexLock lock(publication_mutex_);
        MORAINE_RETURN_IF_ERROR(flush_health_);
      }
      if (now < give_up) {
        progress_.WaitFor(ticket, kWait);
        continue;
      }
      return absl::ResourceExhaustedError(
          "the memory budget is used up and no page can leave memory; raise memory_bytes");
    } else {
      progress_.WaitFor(ticket, kWait);
    }
  }
}

absl::StatusOr<uint64_t> Pager::Trim(uint64_t pages) {
  uint64_t evicted = 0;
  // Every page is looked at a few times at most: what cannot leave comes round again.
  for (uint64_t looks = 0; evicted < pages && looks < 4 * queue_->size() + 1;) {
    size_t wanted = static_cast<size_t>(std::min<uint64_t>(pages - evicted, kVictimsOfBackground));
    evicted += EvictSome(wanted, Flushing::kAllowed);
    looks += wanted;
  }
  MutexLock lock(publication_mutex_);
  MORAINE_RETURN_IF_ERROR(flush_health_);
  return evicted;
}

void Pager::Background() {
  // order: acquire <- Pager::Stop [P4]
  while (stop_.load(std::memory_order_acquire) == 0) {
    uint32_t ticket = work_.Ticket();
    // order: acquire <- Pager::Checkpoint [P4]
    if (checkpoint_wanted_.exchange(0, std::memory_order_acq_rel) != 0) {
      // Its error is the log's or the store's, which report it to whoever writes.
      static_cast<void>(checkpoint_());
      continue;
    }
    if (AboveHighWater()) {
      size_t evicted = 0;
      while (!BelowLowWater()) {
        size_t now = EvictAhead();
        DrainLimbo();
        if (now == 0) break;
        evicted += now;
      }
      if (evicted > 0) continue;
      work_.WaitFor(ticket, kWait);
      continue;
    }
    // order: relaxed: see Admit
    background_sleeps_.store(1, std::memory_order_relaxed);
    work_.Wait(ticket);
    // order: relaxed: see Admit
    background_sleeps_.store(0, std::memory_order_relaxed);
  }
}

PagerStats Pager::stats() const {
  auto read = [](const Atomic<uint64_t>& count) {
    // order: relaxed: a statistic
    return count.load(std::memory_order_relaxed);
  };
  PagerStats stats;
  stats.flushed_pages = read(counts_.flushed_pages);
  stats.fragments = read(counts_.fragments);
  stats.bases = read(counts_.bases);
  stats.evicted_pages = read(counts_.evicted_pages);
  stats.loads_to_flush = read(counts_.loads_to_flush);
  stats.batches = read(counts_.batches);
  stats.rooms_made = read(counts_.rooms_made);
  stats.moved_pieces = read(counts_.moved_pieces);
  stats.moved_bytes = read(counts_.moved_bytes);
  stats.rewritten_pages = read(counts_.rewritten_pages);
  return stats;
}

}  // namespace moraine
