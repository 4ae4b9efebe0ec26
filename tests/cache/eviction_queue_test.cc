// Newcomers leave first, pages in use stay, a page that comes back soon is believed.
#include "storage/cache/eviction_queue.h"

#include <algorithm>
#include <cmath>
#include <list>
#include <memory>
#include <set>
#include <thread>
#include <unordered_map>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"

namespace moraine {
namespace {

class EvictionQueueTest : public testing::Test {
 protected:
  std::vector<uint32_t> Pick(EvictionQueue& queue, size_t count) {
    std::vector<PageId> victims;
    queue.PickVictims(count, &victims);
    std::vector<uint32_t> ids;
    for (PageId page : victims) ids.push_back(page.value());
    return ids;
  }

  MemoryBudget budget_{256 << 20};
  std::unique_ptr<PageTable> table_ = *PageTable::Create(1 << 20, &budget_);
};

TEST_F(EvictionQueueTest, NewcomersLeaveInOrder) {
  std::unique_ptr<EvictionQueue> queue = EvictionQueue::Create(*table_, 1);
  for (uint32_t page = 1; page <= 10; ++page) queue->Admit(PageId(page));
  queue->Admit(PageId(3));  // is there already
  EXPECT_EQ(queue->size(), 10);
  EXPECT_EQ(Pick(*queue, 3), (std::vector<uint32_t>{1, 2, 3}));
  EXPECT_EQ(Pick(*queue, 100), (std::vector<uint32_t>{4, 5, 6, 7, 8, 9, 10}));
  EXPECT_TRUE(Pick(*queue, 1).empty());
  EXPECT_EQ(queue->size(), 0);
}

TEST_F(EvictionQueueTest, UsedPagesStayOverAScan) {
  std::unique_ptr<EvictionQueue> queue = EvictionQueue::Create(*table_, 1);
  for (uint32_t page = 1; page <= 50; ++page) {
    queue->Admit(PageId(page));
    table_->Touch(PageId(page));
  }
  for (uint32_t page = 1001; page <= 1050; ++page) queue->Admit(PageId(page));
  std::vector<uint32_t> victims = Pick(*queue, 45);
  EXPECT_EQ(victims.size(), 45);
  EXPECT_TRUE(std::all_of(victims.begin(), victims.end(), [](uint32_t id) { return id > 1000; }));
}

TEST_F(EvictionQueueTest, SecondChancesAreCounted) {
  std::unique_ptr<EvictionQueue> queue = EvictionQueue::Create(*table_, 1);
  for (uint32_t page = 1; page <= 4; ++page) {
    queue->Admit(PageId(page));
    table_->Touch(PageId(page));
  }
  EXPECT_EQ(Pick(*queue, 1), (std::vector<uint32_t>{1}));  // all moved to main, the oldest leaves
  table_->SetUses(PageId(2), 2);
  table_->SetUses(PageId(3), 1);
  EXPECT_EQ(Pick(*queue, 3), (std::vector<uint32_t>{4, 3, 2}));
}

TEST_F(EvictionQueueTest, APageThatComesBackIsMain) {
  std::unique_ptr<EvictionQueue> queue = EvictionQueue::Create(*table_, 1);
  for (uint32_t page = 1; page <= 20; ++page) queue->Admit(PageId(page));
  ASSERT_EQ(Pick(*queue, 2), (std::vector<uint32_t>{1, 2}));
  queue->Admit(PageId(1));
  for (uint32_t page = 21; page <= 40; ++page) queue->Admit(PageId(page));
  std::vector<uint32_t> victims = Pick(*queue, 34);
  EXPECT_EQ(std::count(victims.begin(), victims.end(), 1), 0);
}

TEST_F(EvictionQueueTest, PutBackReturnsToWhereItWas) {
  std::unique_ptr<EvictionQueue> queue = EvictionQueue::Create(*table_, 1);
  for (uint32_t page = 1; page <= 20; ++page) queue->Admit(PageId(page));
  ASSERT_EQ(Pick(*queue, 1), (std::vector<uint32_t>{1}));
  queue->PutBack(PageId(1));
  queue->PutBack(PageId(1));
  EXPECT_EQ(queue->size(), 20);
  std::vector<uint32_t> victims = Pick(*queue, 20);
  EXPECT_EQ(victims.back(), 1);  // the young end of the small queue, not main
  EXPECT_EQ(victims.size(), 20);
}

TEST_F(EvictionQueueTest, EndsThoughEverythingIsInUse) {
  std::unique_ptr<EvictionQueue> queue = EvictionQueue::Create(*table_, 4);
  std::thread reader;
  Atomic<uint32_t> stop{0};
  for (uint32_t page = 1; page <= 64; ++page) queue->Admit(PageId(page));
  reader = std::thread([&] {
    // order: relaxed: ends the test
    while (stop.load(std::memory_order_relaxed) == 0) {
      for (uint32_t page = 1; page <= 64; ++page) {
        table_->SetUses(PageId(page), PageTable::kMostUses);
      }
    }
  });
  for (int i = 0; i < 200; ++i) {
    std::vector<uint32_t> victims = Pick(*queue, 8);
    EXPECT_EQ(victims.size(), 8);
    for (uint32_t page : victims) queue->PutBack(PageId(page));
  }
  // order: relaxed: ends the test
  stop.store(1, std::memory_order_relaxed);
  reader.join();
}

TEST_F(EvictionQueueTest, MemoryIsSmallAndBounded) {
  std::unique_ptr<EvictionQueue> queue = EvictionQueue::Create(*table_, 8);
  Random random(TestSeed());
  for (uint32_t i = 0; i < 400000; ++i) {
    queue->Admit(PageId(static_cast<uint32_t>(1 + random.Below(1 << 19))));
    if (queue->size() > 10000) Pick(*queue, 100);
  }
  EXPECT_LT(queue->memory_bytes(), 10000 * 64);
}

// Every page is in the queue once, or with whoever took it: none gets lost, none is taken twice.
TEST_F(EvictionQueueTest, ManyThreadsLoseNothing) {
  std::unique_ptr<EvictionQueue> queue = EvictionQueue::Create(*table_, 4);
  constexpr uint32_t kPages = 2000;
  for (uint32_t page = 1; page <= kPages; ++page) queue->Admit(PageId(page));
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Random random(Random::Derive(TestSeed(), t));
      for (uint64_t i = 0; i < 3000 / kSanitizerSlowdown; ++i) {
        std::vector<PageId> victims;
        queue->PickVictims(1 + random.Below(20), &victims);
        for (PageId page : victims) {
          if (random.OneIn(2)) {
            queue->PutBack(page);
          } else {
            queue->Admit(page);
          }
        }
        table_->Touch(PageId(static_cast<uint32_t>(1 + random.Below(kPages))));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<uint32_t> all = Pick(*queue, 2 * kPages);
  EXPECT_EQ(all.size(), kPages);
  EXPECT_EQ(std::set<uint32_t>(all.begin(), all.end()).size(), kPages);
}

// Least recently used, for comparison.
class Lru {
 public:
  explicit Lru(size_t capacity) : capacity_(capacity) {}
  bool Access(uint32_t page) {
    auto found = where_.find(page);
    const bool hit = found != where_.end();
    if (hit) pages_.erase(found->second);
    pages_.push_front(page);
    where_[page] = pages_.begin();
    if (pages_.size() > capacity_) {
      where_.erase(pages_.back());
      pages_.pop_back();
    }
    return hit;
  }

 private:
  const size_t capacity_;
  std::list<uint32_t> pages_;
  std::unordered_map<uint32_t, std::list<uint32_t>::iterator> where_;
};

// Zipf with skew `s` over `count` pages.
class Zipf {
 public:
  Zipf(uint32_t count, double s) {
    double sum = 0;
    for (uint32_t i = 1; i <= count; ++i) sums_.push_back(sum += std::pow(i, -s));
  }
  uint32_t Next(Random& random) {
    const double at = sums_.back() * static_cast<double>(random.Next() >> 11) / 9007199254740992.0;
    return static_cast<uint32_t>(std::upper_bound(sums_.begin(), sums_.end(), at) - sums_.begin());
  }

 private:
  std::vector<double> sums_;
};

struct HitRates {
  double queue = 0;
  double lru = 0;
};

HitRates Compare(PageTable& table, double skew, bool scans, uint64_t seed) {
  constexpr uint32_t kPages = 20000;
  constexpr size_t kCapacity = 2000;
  std::unique_ptr<EvictionQueue> queue = EvictionQueue::Create(table, 4);
  std::set<uint32_t> resident;
  Lru lru(kCapacity);
  Zipf zipf(kPages, skew);
  Random random(seed);
  uint64_t hits = 0;
  uint64_t lru_hits = 0;
  uint64_t count = 0;
  uint32_t scan_at = 0;
  constexpr uint64_t kAccesses = 200000;  // fewer would measure how the queue fills
  for (uint64_t i = 0; i < kAccesses; ++i) {
    // Now and then a scan over pages that nobody wants again.
    const bool scan = scans && i % 4 == 0;
    const uint32_t page = 1 + (scan ? kPages + scan_at++ % (10 * kPages) : zipf.Next(random));
    const bool lru_hit = lru.Access(page);
    const bool hit = resident.contains(page);
    if (hit) {
      table.Touch(PageId(page));
    } else {
      resident.insert(page);
      queue->Admit(PageId(page));
      if (resident.size() > kCapacity) {
        std::vector<PageId> victims;
        queue->PickVictims(1, &victims);
        for (PageId victim : victims) resident.erase(victim.value());
      }
    }
    if (i < kAccesses / 4 || scan) continue;
    ++count;
    hits += hit ? 1 : 0;
    lru_hits += lru_hit ? 1 : 0;
  }
  return {static_cast<double>(hits) / static_cast<double>(count),
          static_cast<double>(lru_hits) / static_cast<double>(count)};
}

TEST_F(EvictionQueueTest, KeepsMoreThanLeastRecentlyUsed) {
  for (double skew : {0.7, 0.99, 1.2}) {
    HitRates rates = Compare(*table_, skew, false, TestSeed());
    RecordProperty("plain", std::to_string(rates.queue));
    EXPECT_GT(rates.queue, rates.lru) << skew;
    for (uint32_t page = 0; page < 300000; ++page) table_->SetUses(PageId(page), 0);
    rates = Compare(*table_, skew, true, TestSeed());
    EXPECT_GT(rates.queue, rates.lru + 0.02) << skew;
    for (uint32_t page = 0; page < 300000; ++page) table_->SetUses(PageId(page), 0);
    std::printf("skew %.2f with scans: %.3f, least recently used: %.3f\n", skew, rates.queue,
                rates.lru);
  }
}

}  // namespace
}  // namespace moraine
