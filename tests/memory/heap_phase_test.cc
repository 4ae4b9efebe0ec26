// Memory of one size class must serve the others: a load made of small objects is followed by one
// of pages, and what is mapped stays within the budget and the slack of 32 MiB. Every block carries
// a pattern of its own, so two blocks that overlap are seen.
#include <algorithm>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "storage/memory/heap.h"
#include "storage/sync/mutex.h"
#include "tests/support/schedule.h"
#include "tests/support/seeds.h"

namespace moraine {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kLimitBytes = 48 * kMiB;
// Counts of other threads may lag by a credit each.
constexpr uint64_t kLagBytes = 2 * kMiB;

struct Block {
  uint64_t* words;
  size_t size;
  uint64_t pattern;
};

// The first and last word, and one in each KiB.
template <class Function>
void ForSomeWords(const Block& block, Function function) {
  const size_t count = block.size / 8;
  for (size_t i = 0; i < count; i += 128) function(block.words[i]);
  function(block.words[count - 1]);
}

class BlockSet {
 public:
  BlockSet(Heap* heap, uint64_t seed) : heap_(heap), random_(seed) {}

  // Whether the budget allowed it.
  bool Add(size_t size, ChargeKind kind = ChargeKind::kOrdinary) {
    void* memory = heap_->Local().Allocate(size, kind);
    if (memory == nullptr) return false;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % (size > kSmallLimitBytes ? 64 : 16), 0u);
    const Block block = {static_cast<uint64_t*>(memory), size, random_.Next()};
    ForSomeWords(block, [&](uint64_t& word) { word = block.pattern; });
    blocks_.push_back(block);
    return true;
  }
  uint64_t Fill(size_t size) {
    uint64_t count = 0;
    while (Add(size)) ++count;
    return count * size;
  }
  // Takes one out without freeing it.
  Block TakeAny() {
    std::swap(blocks_[random_.Below(blocks_.size())], blocks_.back());
    const Block block = blocks_.back();
    blocks_.pop_back();
    return block;
  }
  void Free(const Block& block) {
    ForSomeWords(block, [&](uint64_t& word) { ASSERT_EQ(word, block.pattern); });
    heap_->Local().Free(block.words, block.size);
  }
  void FreeAny() { Free(TakeAny()); }
  void Take(BlockSet* other) { blocks_.push_back(other->TakeAny()); }
  void FreeAll() {
    for (const Block& block : blocks_) Free(block);
    blocks_.clear();
  }
  bool empty() const { return blocks_.empty(); }
  size_t size() const { return blocks_.size(); }
  Random& random() { return random_; }

 private:
  Heap* heap_;
  Random random_;
  std::vector<Block> blocks_;
};

void ExpectBounded(Heap& heap) {
  const HeapStats stats = heap.stats();
  EXPECT_LE(stats.mapped_bytes, kLimitBytes + kHeapSlackBytes + kLagBytes)
      << "objects " << stats.object_bytes << ", lists " << stats.free_list_bytes << ", spans "
      << stats.span_bytes << ", overhead " << stats.overhead_bytes << ", sweeps " << stats.sweeps;
}

// Sizes of versions, deltas, runs and pages, now and then a value.
size_t DatabaseSize(Random& random) {
  switch (random.Below(16)) {
    case 0:
      return 16 + random.Below(60'000);
    case 1:
    case 2:
    case 3:
      return 2'000 + random.Below(7'000);
    case 4:
    case 5:
    case 6:
      return 500 + random.Below(1'500);
    default:
      return 16 + random.Below(400);
  }
}

TEST(HeapPhaseTest, EveryPhaseFillsTheBudgetInTheSameMemory) {
  MemoryBudget budget(kLimitBytes);
  {
    Heap heap(&budget);
    BlockSet blocks(&heap, TestSeed());
    for (const size_t size : {150, 6'000, 900, 40'000, 48, 8'192, 150, 20'000, 2'500}) {
      EXPECT_GE(blocks.Fill(size), kLimitBytes - kLimitBytes / 8) << size;
      ExpectBounded(heap);
      blocks.FreeAll();
      EXPECT_LE(budget.used_bytes(), kMiB) << size;
    }
  }
  EXPECT_EQ(budget.used_bytes(), 0u);
}

// A few blocks of every size stay on every page, so no page is ever free as a whole, and all that
// may be mapped is. What flushing needs to go on must come out of the free blocks all the same.
TEST(HeapPhaseTest, SmallBlocksTakeThePlaceOfScatteredLargerOnes) {
  constexpr uint64_t kSmallLimit = 16 * kMiB;
  MemoryBudget budget(kSmallLimit);
  Heap heap(&budget);
  BlockSet kept(&heap, TestSeed());
  for (const size_t size : {400, 368, 336, 304, 272, 240, 208, 176}) {
    BlockSet blocks(&heap, kept.random().Next());
    blocks.Fill(size);
    const size_t rest = blocks.size() / 20;
    while (blocks.size() > rest) blocks.FreeAny();
    while (!blocks.empty()) kept.Take(&blocks);
  }
  for (int i = 0; i < 40'000; ++i) ASSERT_TRUE(kept.Add(144, ChargeKind::kReserve)) << i;
  kept.FreeAll();
}

TEST(HeapPhaseTest, LargeBlocksTakeThePlaceOfSmallOnes) {
  MemoryBudget budget(kLimitBytes);
  Heap heap(&budget);
  BlockSet blocks(&heap, TestSeed());
  for (const size_t size : {150, 300'000, 8'000, 5'000'000, 700}) {
    EXPECT_GE(blocks.Fill(size), kLimitBytes - kLimitBytes / 8 - size) << size;
    ExpectBounded(heap);
    blocks.FreeAll();
  }
}

// What a cache does: something goes, at random, until the new object has a place.
TEST(HeapPhaseTest, EvictingAtRandomMakesRoomForEverySize) {
  MemoryBudget budget(kLimitBytes);
  {
    Heap heap(&budget);
    BlockSet blocks(&heap, TestSeed());
    Random random(TestSeed() + 1);
    const uint64_t rounds = TestFlag("rounds", 60'000) / (kSanitizerSlowdown > 1 ? 2 : 1);
    for (uint64_t round = 0; round < rounds; ++round) {
      const bool large = random.OneIn(2'000);
      const size_t size = large ? 70'000 + random.Below(1'000'000) : DatabaseSize(random);
      while (!blocks.Add(size)) {
        ASSERT_FALSE(blocks.empty()) << size;
        blocks.FreeAny();
      }
      if (round % 256 == 0) ExpectBounded(heap);
    }
    ExpectBounded(heap);
    EXPECT_GE(budget.used_bytes() - heap.stats().overhead_bytes, kLimitBytes / 2);
    blocks.FreeAll();
  }
  EXPECT_EQ(budget.used_bytes(), 0u);
}

// One in ten small objects stays, so that hardly a page is free: the budget tells, and evicting the
// rest ends the shortage.
TEST(HeapPhaseTest, FragmentsAreChargedUntilTheyAreFree) {
  MemoryBudget budget(kLimitBytes);
  {
    Heap heap(&budget);
    BlockSet blocks(&heap, TestSeed());
    blocks.Fill(150);
    for (size_t left = blocks.size() - blocks.size() / 10; left > 0; --left) blocks.FreeAny();
    BlockSet pages(&heap, TestSeed() + 1);
    const uint64_t page_bytes = pages.Fill(6'000);
    ExpectBounded(heap);
    if (!MORAINE_HEAP_USES_MALLOC) {
      EXPECT_GE(budget.used_bytes(), kLimitBytes - kMiB) << "a shortage that nobody can see";
      EXPECT_GT(heap.stats().overhead_bytes, 0u);
    }
    blocks.FreeAll();
    EXPECT_GE(page_bytes + pages.Fill(6'000), kLimitBytes - kLimitBytes / 8);
    ExpectBounded(heap);
    pages.FreeAll();
  }
  EXPECT_EQ(budget.used_bytes(), 0u);
}

TEST(HeapPhaseTest, MemoryOfAnIdleHeapGoesBack) {
  if (MORAINE_HEAP_USES_MALLOC) GTEST_SKIP() << "blocks come from malloc";
  MemoryBudget budget(4 * kLimitBytes);
  Heap heap(&budget);
  BlockSet blocks(&heap, TestSeed());
  blocks.Fill(150);
  EXPECT_GE(heap.stats().mapped_bytes, 4 * kLimitBytes);
  blocks.FreeAll();
  EXPECT_LE(heap.stats().mapped_bytes, 2 * kHeapSlackBytes + kLimitBytes / 2);
  heap.Trim();
  EXPECT_LE(heap.stats().mapped_bytes, 2 * kMiB);
}

// Threads hand blocks to each other, so that most are freed by another than allocated them, while
// the mix of sizes moves and the budget is full all the time.
class Exchange {
 public:
  void Give(const Block& block) {
    MutexLock lock(mutex_);
    given_.push_back(block);
  }
  bool Take(Block* block) {
    MutexLock lock(mutex_);
    if (given_.empty()) return false;
    *block = given_.back();
    given_.pop_back();
    return true;
  }

 private:
  Mutex mutex_;
  std::vector<Block> given_;
};

void Work(Heap& heap, Exchange& exchange, uint64_t seed, uint64_t rounds) {
  AtomicJitter jitter(seed);  // with --config=check
  BlockSet blocks(&heap, seed);
  Random& random = blocks.random();
  for (uint64_t round = 0; round < rounds && !testing::Test::HasFailure(); ++round) {
    const uint64_t phase = 4 * round / rounds;
    const size_t size = phase == 0   ? 100 + random.Below(100)
                        : phase == 1 ? 4'000 + random.Below(4'000)
                                     : DatabaseSize(random);
    while (!blocks.Add(size)) {
      Block other;
      if (exchange.Take(&other)) {
        blocks.Free(other);
      } else if (!blocks.empty()) {
        blocks.FreeAny();
      } else {
        std::this_thread::yield();
      }
    }
    if (random.OneIn(2)) exchange.Give(blocks.TakeAny());
    if (random.OneIn(rounds / 8 + 1)) heap.Trim();
    if (random.OneIn(1'000)) ExpectBounded(heap);
  }
  blocks.FreeAll();
}

TEST(HeapPhaseTest, ThreadsThatFreeEachOthersBlocksStayWithinTheBound) {
  MemoryBudget budget(kLimitBytes);
  {
    Heap heap(&budget);
    Exchange exchange;
    const uint64_t rounds = TestFlag("rounds", 40'000) / kSanitizerSlowdown;
    for (uint64_t generation = 0; generation < 2; ++generation) {
      std::vector<std::thread> threads;
      for (uint64_t i = 0; i < 4; ++i) {
        const uint64_t seed = Random::Derive(TestSeed(), 4 * generation + i);
        threads.emplace_back([&, seed] { Work(heap, exchange, seed, rounds); });
      }
      for (std::thread& thread : threads) thread.join();
      ExpectBounded(heap);
    }
    BlockSet rest(&heap, TestSeed());
    for (Block block; exchange.Take(&block);) rest.Free(block);
  }
  EXPECT_EQ(budget.used_bytes(), 0u);
}

}  // namespace
}  // namespace moraine
