// S3-FIFO in shards. Differences from the paper: one read after the one that brought a page in moves
// it to the main queue (the tree does not count that first read); a page's fingerprint is its id; a
// victim that cannot leave yet returns to the young end of the queue it came from.
#include "storage/cache/eviction_queue.h"

#include <algorithm>
#include <array>
#include <deque>

#include "absl/container/flat_hash_map.h"

#include "storage/sync/atomic.h"
#include "storage/sync/mutex.h"

namespace moraine {
namespace {

constexpr size_t kSmallShare = 10;   // the small queue is one in so many of all
constexpr size_t kLeastGhosts = 16;  // of each shard
// How often a page may come round before it is a victim whatever its count says: readers may raise
// counts as fast as they are lowered.
constexpr size_t kMostRounds = PageTable::kMostUses + 1;

class EvictionQueueImplementation final : public EvictionQueue {
 public:
  EvictionQueueImplementation(PageTable& table, uint32_t shards)
      : table_(table), shards_(std::max<uint32_t>(shards, 1)) {}

  void Admit(PageId page) override;
  void PickVictims(size_t count, std::vector<PageId>* victims) override;
  void PutBack(PageId page) override;
  size_t size() const override {
    // order: relaxed: a statistic
    return size_.load(std::memory_order_relaxed);
  }
  uint64_t memory_bytes() const override;

 private:
  enum class Place : uint8_t { kSmall, kMain, kGhost };
  struct alignas(64) Shard {
    mutable Mutex mutex;
    // Old ends in front. An id in `ghosts` counts only while its place is kGhost.
    std::deque<uint32_t> small;
    std::deque<uint32_t> main;
    std::deque<uint32_t> ghosts;
    absl::flat_hash_map<uint32_t, Place> places;

    size_t size() const { return small.size() + main.size(); }
  };

  Shard& ShardOf(PageId page) { return shards_[page.value() % shards_.size()]; }
  void Enqueue(Shard& shard, uint32_t page, Place place);
  // False when the shard is empty.
  bool PickOne(Shard& shard, std::vector<PageId>* victims);
  bool PickFromSmall(Shard& shard, bool at_any_rate, std::vector<PageId>* victims);
  bool PickFromMain(Shard& shard, bool at_any_rate, std::vector<PageId>* victims);
  void AddGhost(Shard& shard, uint32_t page);
  void Take(std::vector<PageId>* victims, uint32_t page) {
    victims->push_back(PageId(page));
    // order: relaxed: a statistic
    size_.fetch_sub(1, std::memory_order_relaxed);
  }

  PageTable& table_;
  std::vector<Shard> shards_;
  Atomic<uint64_t> size_{0};
  Atomic<uint64_t> next_shard_{0};
};

void EvictionQueueImplementation::Enqueue(Shard& shard, uint32_t page, Place place) {
  shard.places[page] = place;
  (place == Place::kSmall ? shard.small : shard.main).push_back(page);
  // order: relaxed: a statistic
  size_.fetch_add(1, std::memory_order_relaxed);
}

void EvictionQueueImplementation::Admit(PageId page) {
  Shard& shard = ShardOf(page);
  MutexLock lock(shard.mutex);
  auto found = shard.places.find(page.value());
  const bool ghost = found != shard.places.end() && found->second == Place::kGhost;
  if (found != shard.places.end() && !ghost) return;
  table_.SetUses(page, 0);
  Enqueue(shard, page.value(), ghost ? Place::kMain : Place::kSmall);
}

void EvictionQueueImplementation::PutBack(PageId page) {
  Shard& shard = ShardOf(page);
  MutexLock lock(shard.mutex);
  auto found = shard.places.find(page.value());
  // Only victims of the small queue become ghosts.
  const bool was_small = found != shard.places.end() && found->second == Place::kGhost;
  if (found != shard.places.end() && !was_small) return;
  Enqueue(shard, page.value(), was_small ? Place::kSmall : Place::kMain);
}

void EvictionQueueImplementation::PickVictims(size_t count, std::vector<PageId>* victims) {
  // order: relaxed: only spreads callers over the shards
  const uint64_t first = next_shard_.fetch_add(1, std::memory_order_relaxed);
  const size_t quota = (count + shards_.size() - 1) / shards_.size();
  size_t left = count;
  for (bool found = true; found && left > 0;) {
    found = false;
    for (size_t i = 0; i < shards_.size() && left > 0; ++i) {
      Shard& shard = shards_[(first + i) % shards_.size()];
      MutexLock lock(shard.mutex);
      for (size_t taken = 0; taken < quota && left > 0; ++taken, --left) {
        if (!PickOne(shard, victims)) break;
        found = true;
      }
    }
  }
}

bool EvictionQueueImplementation::PickOne(Shard& shard, std::vector<PageId>* victims) {
  size_t looks = kMostRounds * shard.size() + 1;
  while (shard.size() > 0) {
    const bool at_any_rate = --looks == 0;
    const bool small = shard.main.empty() || shard.small.size() * kSmallShare >= shard.size();
    if (small && !shard.small.empty() ? PickFromSmall(shard, at_any_rate, victims)
                                      : PickFromMain(shard, at_any_rate, victims)) {
      return true;
    }
  }
  return false;
}

bool EvictionQueueImplementation::PickFromSmall(Shard& shard, bool at_any_rate,
                                                std::vector<PageId>* victims) {
  const uint32_t page = shard.small.front();
  shard.small.pop_front();
  if (table_.Uses(PageId(page)) > 0 && !at_any_rate) {
    table_.SetUses(PageId(page), 0);
    shard.places[page] = Place::kMain;
    shard.main.push_back(page);
    return false;
  }
  AddGhost(shard, page);
  Take(victims, page);
  return true;
}

bool EvictionQueueImplementation::PickFromMain(Shard& shard, bool at_any_rate,
                                               std::vector<PageId>* victims) {
  const uint32_t page = shard.main.front();
  shard.main.pop_front();
  const uint8_t uses = table_.Uses(PageId(page));
  if (uses > 0 && !at_any_rate) {
    table_.SetUses(PageId(page), static_cast<uint8_t>(uses - 1));
    shard.main.push_back(page);
    return false;
  }
  shard.places.erase(page);
  Take(victims, page);
  return true;
}

void EvictionQueueImplementation::AddGhost(Shard& shard, uint32_t page) {
  shard.places[page] = Place::kGhost;
  shard.ghosts.push_back(page);
  // As many as the main queue holds when both have their shares.
  const size_t most = std::max(kLeastGhosts, shard.size() - shard.size() / kSmallShare);
  while (shard.ghosts.size() > most) {
    auto oldest = shard.places.find(shard.ghosts.front());
    shard.ghosts.pop_front();
    if (oldest != shard.places.end() && oldest->second == Place::kGhost) {
      shard.places.erase(oldest);
    }
  }
}

uint64_t EvictionQueueImplementation::memory_bytes() const {
  uint64_t bytes = shards_.size() * sizeof(Shard);
  for (const Shard& shard : shards_) {
    MutexLock lock(shard.mutex);
    bytes += (shard.size() + shard.ghosts.size()) * sizeof(uint32_t);
    // A slot and a control byte each.
    bytes += shard.places.capacity() * (sizeof(std::pair<uint32_t, Place>) + 1);
  }
  return bytes;
}

}  // namespace

std::unique_ptr<EvictionQueue> EvictionQueue::Create(PageTable& table, uint32_t shards) {
  return std::make_unique<EvictionQueueImplementation>(table, shards);
}

}  // namespace moraine
