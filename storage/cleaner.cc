// One step after the other until there is nothing to do.
#include "storage/cleaner.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "storage/base/status_macros.h"

namespace moraine {
namespace {

// What those who take space may owe, in segments, before they wait for whoever cleans.
constexpr uint64_t kMostOwedSegments = 2;
// Chosen at once: looking at all segments is worth a few of them.
constexpr size_t kVictims = 8;
constexpr size_t kPagesTogether = 32;
// What CleanAll leaves as it is.
constexpr double kMostLiveCompacted = 0.95;

}  // namespace

void Cleaner::Start() {
  // order: release -> Cleaner::Pay [P4]
  started_.store(1, std::memory_order_release);
  thread_ = std::thread([this] { Run(); });
}

void Cleaner::Stop() {
  // order: relaxed: whoever pays meanwhile does no harm
  started_.store(0, std::memory_order_relaxed);
  // order: release -> Cleaner::Stop [P4]
  stop_.store(1, std::memory_order_release);
  work_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void Cleaner::Run() {
  // order: acquire <- Cleaner::Stop [P4]
  while (stop_.load(std::memory_order_acquire) == 0) {
    uint32_t ticket = work_.Ticket();
    absl::StatusOr<uint64_t> gained = uint64_t{0};
    {
      MutexLock lock(step_mutex_);
      gained = Step();
    }
    // An error is the store's or the log's, which report it to whoever writes; the next flush asks
    // for another try.
    if (!gained.ok()) Count(errors_);
    if (!gained.ok() || *gained == 0) work_.Wait(ticket);
  }
}

void Cleaner::Pay(uint64_t bytes) {
  // order: acquire <- Cleaner::Pay [P4]
  if (started_.load(std::memory_order_acquire) == 0) return;
  SegmentStoreStats stats = parts_.store->stats();
  if (policy_.Next(stats) == SpaceStep::kNothing && !parts_.pager->HasShrunken()) return;
  work_.NotifyAll();
  uint64_t price = static_cast<uint64_t>(policy_.Price(stats) * static_cast<double>(bytes));
  // order: relaxed: a count
  uint64_t owed = owed_bytes_.fetch_add(price, std::memory_order_relaxed) + price;
  while (owed >= stats.segment_bytes) {
    // order: relaxed: a count; whoever takes the debt pays it
    owed = owed_bytes_.exchange(0, std::memory_order_relaxed);
    if (owed < stats.segment_bytes) break;
    std::unique_lock lock(step_mutex_, std::try_to_lock);
    if (!lock.owns_lock()) {
      // Somebody cleans. Waiting for it in a queue of all writers would be a stall; running far
      // ahead of it would use up the free space.
      // order: relaxed: a count
      owed = owed_bytes_.fetch_add(owed, std::memory_order_relaxed) + owed;
      if (owed < kMostOwedSegments * stats.segment_bytes) return;
      // order: relaxed: a count
      owed = owed_bytes_.exchange(0, std::memory_order_relaxed);
      lock.lock();
    }
    absl::StatusOr<uint64_t> gained = Step();
    if (!gained.ok() || *gained == 0) return;  // no cleaning would help
    Count(paid_steps_);
    uint64_t rest = owed - std::min(owed, *gained);
    // order: relaxed: a count
    owed = owed_bytes_.fetch_add(rest, std::memory_order_relaxed) + rest;
  }
}

absl::StatusOr<uint64_t> Cleaner::Step() {
  SegmentStoreStats stats = parts_.store->stats();
  SpaceStep step = policy_.Next(stats);
  evacuating_ = step == SpaceStep::kEvacuate ||
                (evacuating_ && stats.free_segments > policy_.FreeToKeep(stats));
  if (step == SpaceStep::kNothing && evacuating_) step = SpaceStep::kEvacuate;
  switch (step) {
    case SpaceStep::kRelease:
      return Release();
    case SpaceStep::kClean:
      return CleanOne();
    case SpaceStep::kEvacuate: {
      MORAINE_ASSIGN_OR_RETURN(uint64_t gained, Evacuate());
      if (gained > 0) return gained;
      break;
    }
    case SpaceStep::kNothing:
      break;
  }
  return RewriteShrunken();
}

absl::StatusOr<uint64_t> Cleaner::Release() {
  SegmentStoreStats before = parts_.store->stats();
  victims_.clear();
  marked_.clear();
  MORAINE_RETURN_IF_ERROR(parts_.release());
  Count(releases_);
  // Otherwise somebody else was faster, or nothing can be freed now.
  uint64_t dead = parts_.store->stats().dead_segments;
  return (before.dead_segments - std::min(before.dead_segments, dead)) * before.segment_bytes;
}

bool Cleaner::NextVictim(double most_live, SegmentInfo* victim) {
  for (bool fresh = false;; fresh = true) {
    while (!victims_.empty()) {
      *victim = victims_.back();
      victims_.pop_back();
      if (!marked_.contains(victim->sequence) && !stuck_.contains(victim->sequence)) return true;
    }
    if (fresh) return false;
    std::vector<SegmentInfo> segments = parts_.store->Segments();
    std::erase_if(segments, [&](const SegmentInfo& segment) {
      return marked_.contains(segment.sequence) || stuck_.contains(segment.sequence);
    });
    victims_ =
        SpacePolicy::Victims(std::move(segments), parts_.store->stats(), most_live, kVictims);
    std::reverse(victims_.begin(), victims_.end());
  }
}

absl::StatusOr<uint64_t> Cleaner::Clean(const SegmentInfo& victim) {
  MORAINE_ASSIGN_OR_RETURN(Pager::Cleaned cleaned, parts_.pager->CleanSegment(victim));
  Count(cleaned_segments_);
  if (cleaned.chunks > 0) marked_.insert(victim.sequence);
  if (cleaned.chunks == 0 && cleaned.pages == 0) stuck_.insert(victim.sequence);
  uint64_t segment_bytes = parts_.store->stats().segment_bytes;
  return std::max<uint64_t>(1, segment_bytes - std::min(segment_bytes, victim.live_bytes));
}

absl::StatusOr<uint64_t> Cleaner::CleanOne() {
  SegmentInfo victim;
  bool full = parts_.store->stats().low_space;
  if (NextVictim(full ? kMostLiveCompacted : policy_.most_live(), &victim)) {
    absl::StatusOr<uint64_t> gained = Clean(victim);
    // A full disk: what was emptied before makes room.
    full = absl::IsResourceExhausted(gained.status());
    if (full && parts_.store->stats().dead_segments > 0) return Release();
    return gained;
  }
  if (!marked_.empty()) return Release();
  return RewriteShrunken();
}

absl::StatusOr<uint64_t> Cleaner::RewriteShrunken() {
  std::vector<PageId> pages = parts_.pager->TakeShrunken(kPagesTogether);
  if (pages.empty()) return 0;
  MORAINE_RETURN_IF_ERROR(parts_.pager->RewritePages(pages));
  return 1;
}

// Everything in use would fit below `end`; what lies beyond moves down, from the last one on.
absl::StatusOr<uint64_t> Cleaner::Evacuate() {
  SegmentStoreStats stats = parts_.store->stats();
  uint64_t end = stats.segments + policy_.FreeToKeep(stats) / 2;
  parts_.store->SealFrom(end);
  bool wants_release = false;
  std::vector<SegmentInfo> segments = parts_.store->Segments();
  for (const SegmentInfo& segment : std::vector(segments.rbegin(), segments.rend())) {
    if (segment.index < end) break;
    wants_release |= segment.dead || marked_.contains(segment.sequence);
    if (segment.dead || segment.open || segment.run != 1 || segment.stream == Stream::kLarge ||
        marked_.contains(segment.sequence) || stuck_.contains(segment.sequence)) {
      continue;
    }
    return Clean(segment);
  }
  evacuating_ = false;
  return wants_release ? Release() : uint64_t{0};
}

absl::Status Cleaner::CleanAll(absl::FunctionRef<bool(uint64_t, uint64_t)> progress) {
  // Survivors are newer than this: every segment is cleaned once.
  const uint64_t newest = parts_.store->stats().next_sequence;
  std::vector<SegmentInfo> victims =
      SpacePolicy::Victims(parts_.store->Segments(), parts_.store->stats(), kMostLiveCompacted,
                           parts_.store->Segments().size());
  // The emptiest first: they make the room that the others need.
  std::sort(victims.begin(), victims.end(),
            [](const SegmentInfo& a, const SegmentInfo& b) { return a.live_bytes < b.live_bytes; });
  uint64_t done = 0;
  for (const SegmentInfo& victim : victims) {
    if (!progress(done++, victims.size())) return absl::CancelledError("compaction was stopped");
    if (victim.sequence >= newest) continue;
    MutexLock lock(step_mutex_);
    MORAINE_RETURN_IF_ERROR(Clean(victim).status());
    if (policy_.Next(parts_.store->stats()) == SpaceStep::kRelease)
      MORAINE_RETURN_IF_ERROR(Release().status());
  }
  MutexLock lock(step_mutex_);
  MORAINE_RETURN_IF_ERROR(Release().status());
  for (uint64_t gained = 1; gained > 0;) {
    MORAINE_ASSIGN_OR_RETURN(gained, Evacuate());
  }
  // The first one frees what the moves left behind, the second the table chunks of the one before.
  MORAINE_RETURN_IF_ERROR(Release().status());
  MORAINE_RETURN_IF_ERROR(Release().status());
  static_cast<void>(progress(done, done));
  return absl::OkStatus();
}

CleanerStats Cleaner::stats() const {
  auto read = [](const Atomic<uint64_t>& count) {
    // order: relaxed: a statistic
    return count.load(std::memory_order_relaxed);
  };
  CleanerStats stats;
  stats.cleaned_segments = read(cleaned_segments_);
  stats.releases = read(releases_);
  stats.paid_steps = read(paid_steps_);
  stats.errors = read(errors_);
  return stats;
}

}  // namespace moraine
