// Threads publish, replace and retire blocks in shared slots while others read them. Each block
// carries a canary that its owner destroys at reuse, so a block given back too early is seen.
#include <cstring>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "storage/memory/heap.h"
#include "tests/support/seeds.h"

namespace moraine {
namespace {

constexpr size_t kSlots = 64;

struct Block {
  uint64_t bytes;
  uint64_t canary;
  uint64_t tail_canary() const {
    uint64_t value;
    std::memcpy(&value, reinterpret_cast<const char*>(this) + bytes - sizeof(value), sizeof(value));
    return value;
  }
};

struct Shared {
  explicit Shared(MemoryBudget* budget) : heap(budget) {}
  Heap heap;
  Atomic<Block*> slots[kSlots];
};

Block* NewBlock(ThreadHeap& local, Random& random) {
  const size_t bytes = sizeof(Block) + 8 + random.Below(random.OneIn(20) ? 90'000 : 2'000);
  auto* block = static_cast<Block*>(local.Allocate(bytes, ChargeKind::kOrdinary));
  if (block == nullptr) return nullptr;
  block->bytes = bytes;
  block->canary = random.Next();
  std::memcpy(reinterpret_cast<char*>(block) + bytes - 8, &block->canary, 8);
  return block;
}

void Replace(Shared& shared, ThreadHeap& local, Random& random) {
  Block* fresh = NewBlock(local, random);
  ASSERT_NE(fresh, nullptr);
  EpochGuard guard(local);
  Block* old = shared.slots[random.Below(kSlots)].exchange(fresh, std::memory_order_acq_rel);
  if (old != nullptr) local.Retire(old, old->bytes);
}

void Look(Shared& shared, ThreadHeap& local, Random& random) {
  EpochGuard guard(local);
  const Block* block = shared.slots[random.Below(kSlots)].load(std::memory_order_acquire);
  if (block == nullptr) return;
  const uint64_t canary = block->canary;
  if (random.OneIn(100)) std::this_thread::yield();
  ASSERT_EQ(block->tail_canary(), canary);
  ASSERT_EQ(block->canary, canary);
}

void Work(Shared& shared, uint64_t seed, uint64_t operations) {
  Random random(seed);
  ThreadHeap& local = shared.heap.Local();
  for (uint64_t i = 0; i < operations && !testing::Test::HasFailure(); ++i) {
    if (random.OneIn(3)) {
      Replace(shared, local, random);
    } else {
      Look(shared, local, random);
    }
  }
}

TEST(HeapStressTest, NoBlockIsGivenBackUnderAReader) {
  MemoryBudget budget(uint64_t{256} << 20);
  const uint64_t operations = TestFlag("operations", 60'000);
  {
    Shared shared(&budget);
    for (uint64_t generation = 0; generation < 3; ++generation) {
      std::vector<std::thread> threads;
      for (uint64_t i = 0; i < 4; ++i) {
        const uint64_t seed = Random::Derive(TestSeed(), 4 * generation + i);
        threads.emplace_back([&shared, seed, operations] { Work(shared, seed, operations); });
      }
      for (std::thread& thread : threads) thread.join();
    }
    for (Atomic<Block*>& slot : shared.slots) {
      Block* block = slot.load(std::memory_order_relaxed);
      if (block != nullptr) shared.heap.Local().Free(block, block->bytes);
    }
  }
  EXPECT_EQ(budget.used_bytes(), 0u);
}

}  // namespace
}  // namespace moraine
