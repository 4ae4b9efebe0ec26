// Checks the arenas one property at a time: alignment, reuse, budget, limbo, and what the end of a
// thread or of the heap gives back.
#include "storage/memory/heap.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <set>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"

namespace moraine {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
// A thread keeps this much charged without using it, at most.
constexpr uint64_t kCreditBytes = kMiB / 2;

struct Block {
  char* bytes;
  size_t size;
};

TEST(HeapTest, BlocksAreAlignedDistinctAndWritable) {
  MemoryBudget budget(256 * kMiB);
  Heap heap(&budget);
  ThreadHeap& local = heap.Local();
  Random random(TestSeed());
  std::vector<Block> blocks;
  for (int i = 0; i < 3'000; ++i) {
    const size_t size = random.OneIn(50) ? random.Below(300'000) : random.Below(9'000);
    char* bytes = static_cast<char*>(local.Allocate(size, ChargeKind::kOrdinary));
    ASSERT_NE(bytes, nullptr);
    ASSERT_EQ(reinterpret_cast<uintptr_t>(bytes) % 16, 0u);
    std::memset(bytes, i & 0xff, size);
    blocks.push_back({bytes, size});
  }
  for (size_t i = 0; i < blocks.size(); ++i) {
    const char wanted = static_cast<char>(i & 0xff);
    ASSERT_TRUE(std::all_of(blocks[i].bytes, blocks[i].bytes + blocks[i].size,
                            [wanted](char byte) { return byte == wanted; }));
    local.Free(blocks[i].bytes, blocks[i].size);
  }
}

TEST(HeapTest, FreedBlocksAreReused) {
  if (MORAINE_HEAP_USES_MALLOC) GTEST_SKIP() << "blocks come from malloc";
  MemoryBudget budget(64 * kMiB);
  Heap heap(&budget);
  ThreadHeap& local = heap.Local();
  std::set<void*> first;
  std::vector<void*> blocks(5'000);
  for (void*& block : blocks) first.insert(block = local.Allocate(100, ChargeKind::kOrdinary));
  for (void* block : blocks) local.Free(block, 100);
  for (void*& block : blocks) block = local.Allocate(110, ChargeKind::kOrdinary);
  for (void* block : blocks) {
    EXPECT_TRUE(first.contains(block));
    local.Free(block, 110);
  }
}

TEST(HeapTest, BudgetIsChargedAndRefuses) {
  MemoryBudget budget(4 * kMiB);
  Heap heap(&budget);
  ThreadHeap& local = heap.Local();
  std::vector<void*> blocks;
  while (void* block = local.Allocate(8192, ChargeKind::kOrdinary)) blocks.push_back(block);
  EXPECT_EQ(blocks.size(), 4 * kMiB / 8192);
  EXPECT_EQ(budget.used_bytes(), 4 * kMiB);
  const size_t ordinary = blocks.size();
  while (void* block = local.Allocate(8192, ChargeKind::kReserve)) blocks.push_back(block);
  EXPECT_EQ(blocks.size() - ordinary, (4 * kMiB / 8 + kMiB) / 8192);
  EXPECT_EQ(local.Allocate(1, ChargeKind::kOrdinary), nullptr);
  for (void* block : blocks) local.Free(block, 8192);
  EXPECT_LE(budget.used_bytes(), kCreditBytes);
  void* again = local.Allocate(8192, ChargeKind::kOrdinary);
  EXPECT_NE(again, nullptr);
  local.Free(again, 8192);
}

TEST(HeapTest, OversizedRequestIsRefusedAndLeavesNoCharge) {
  MemoryBudget budget(4 * kMiB);
  Heap heap(&budget);
  const uint64_t before = budget.used_bytes();
  EXPECT_EQ(heap.Local().Allocate(64 * kMiB, ChargeKind::kReserve), nullptr);
  EXPECT_EQ(budget.used_bytes(), before);
}

TEST(HeapTest, RetiredBlockStaysUntilTheGuardOfAnotherThreadEnds) {
  MemoryBudget budget(64 * kMiB);
  Heap heap(&budget);
  ThreadHeap& local = heap.Local();
  StdPolicy::Atomic<int> stage{0};
  std::thread reader([&] {
    EpochGuard guard(heap.Local());
    stage.store(1, std::memory_order_release);
    while (stage.load(std::memory_order_acquire) != 2) std::this_thread::yield();
  });
  while (stage.load(std::memory_order_acquire) != 1) std::this_thread::yield();
  {
    EpochGuard guard(local);
    local.Retire(local.Allocate(8 * kMiB, ChargeKind::kOrdinary), 8 * kMiB);
  }
  heap.DrainLocal();
  EXPECT_GE(budget.used_bytes(), 8 * kMiB);
  stage.store(2, std::memory_order_release);
  reader.join();
  heap.DrainLocal();
  EXPECT_LE(budget.used_bytes(), kCreditBytes);
}

TEST(HeapTest, RetireFreesOlderBlocksAlongTheWay) {
  MemoryBudget budget(16 * kMiB);
  Heap heap(&budget);
  ThreadHeap& local = heap.Local();
  for (int i = 0; i < 100'000; ++i) {
    EpochGuard guard(local);
    void* block = local.Allocate(1024, ChargeKind::kOrdinary);
    ASSERT_NE(block, nullptr) << "after " << i << " blocks";
    local.Retire(block, 1024);
  }
  EXPECT_LE(budget.used_bytes(), 2 * kMiB);
  heap.DrainLocal();
  EXPECT_LE(budget.used_bytes(), kCreditBytes);
}

// The story: the clock was moved every 64 retirements, however large; two hundred values of a
// megabyte waited for their grace period at once.
TEST(HeapTest, LargeRetiredBlocksDoNotPileUp) {
  MemoryBudget budget(64 * kMiB);
  Heap heap(&budget);
  ThreadHeap& local = heap.Local();
  for (int i = 0; i < 200; ++i) {
    EpochGuard guard(local);
    void* block = local.Allocate(kMiB, ChargeKind::kOrdinary);
    ASSERT_NE(block, nullptr) << "after " << i << " blocks";
    local.Retire(block, kMiB);
  }
}

TEST(HeapTest, NestedGuardsKeepTheShareInside) {
  MemoryBudget budget(16 * kMiB);
  Heap heap(&budget);
  ThreadHeap& local = heap.Local();
  EXPECT_FALSE(local.InGuard());
  {
    EpochGuard outer(local);
    { EpochGuard inner(local); }
    EXPECT_TRUE(local.InGuard());
  }
  EXPECT_FALSE(local.InGuard());
}

TEST(HeapTest, ThreadExitRecyclesTheShare) {
  MemoryBudget budget(64 * kMiB);
  Heap heap(&budget);
  std::set<ThreadHeap*> shares;
  for (int i = 0; i < 20; ++i) {
    std::thread([&] {
      ThreadHeap& local = heap.Local();
      EXPECT_EQ(&local, &heap.Local());
      shares.insert(&local);
      local.Free(local.Allocate(64, ChargeKind::kOrdinary), 64);
    }).join();
  }
  EXPECT_EQ(shares.size(), 1u);
}

// The story: the credit of an ended thread stayed charged, half a megabyte for each of them.
TEST(HeapTest, ThreadExitGivesItsCreditBack) {
  MemoryBudget budget(64 * kMiB);
  Heap heap(&budget);
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&] {
      ThreadHeap& local = heap.Local();
      local.Free(local.Allocate(64, ChargeKind::kOrdinary), 64);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(budget.used_bytes(), 0u);
}

// The story: the destructor unmapped the chunks but left their charge in the budget.
TEST(HeapTest, DestructionReturnsEveryChargedByte) {
  MemoryBudget budget(64 * kMiB);
  {
    Heap heap(&budget);
    ThreadHeap& local = heap.Local();
    local.Free(local.Allocate(100, ChargeKind::kOrdinary), 100);
    for (size_t size : {size_t{100}, size_t{9'000}, size_t{300'000}}) {
      EpochGuard guard(local);
      local.Retire(local.Allocate(size, ChargeKind::kOrdinary), size);
    }
    std::thread([&heap] {
      ThreadHeap& other = heap.Local();
      EpochGuard guard(other);
      other.Retire(other.Allocate(50'000, ChargeKind::kOrdinary), 50'000);
    }).join();
    EXPECT_GT(budget.used_bytes(), 0u);
  }
  EXPECT_EQ(budget.used_bytes(), 0u);
}

TEST(HeapTest, HeapsOfOneThreadAreApart) {
  MemoryBudget first_budget(16 * kMiB);
  MemoryBudget second_budget(16 * kMiB);
  Heap first(&first_budget);
  Heap second(&second_budget);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(&first.Local().heap(), &first);
    EXPECT_EQ(&second.Local().heap(), &second);
  }
  {
    Heap third(&first_budget);
    static_cast<void>(third.Local());
  }
  Heap fourth(&first_budget);
  EXPECT_EQ(&fourth.Local().heap(), &fourth);
}

TEST(HeapTest, ThreadMayOutliveTheHeap) {
  MemoryBudget budget(16 * kMiB);
  StdPolicy::Atomic<int> stage{0};
  auto heap = std::make_unique<Heap>(&budget);
  std::thread other([&] {
    static_cast<void>(heap->Local());
    stage.store(1, std::memory_order_release);
    while (stage.load(std::memory_order_acquire) != 2) std::this_thread::yield();
  });
  while (stage.load(std::memory_order_acquire) != 1) std::this_thread::yield();
  heap.reset();
  stage.store(2, std::memory_order_release);
  other.join();
}

// Blocks that one thread allocates and another frees must come back through the shared lists.
TEST(HeapTest, BlocksFreedElsewhereComeBack) {
  MemoryBudget budget(64 * kMiB);
  Heap heap(&budget);
  std::set<void*> seen;
  for (int round = 0; round < 40; ++round) {
    std::vector<void*> blocks(4'000);
    ThreadHeap& local = heap.Local();
    for (void*& block : blocks) {
      block = local.Allocate(256, ChargeKind::kOrdinary);
      ASSERT_NE(block, nullptr);
      seen.insert(block);
    }
    std::thread([&] {
      for (void* block : blocks) heap.Local().Free(block, 256);
    }).join();
  }
  if (!MORAINE_HEAP_USES_MALLOC) {
    EXPECT_LT(seen.size(), 8'000u);
  }
}

}  // namespace
}  // namespace moraine
