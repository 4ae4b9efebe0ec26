// Using a heap while a thread or the program ends. A program that kept a database in a static object
// crashed when it ended: closing allocated memory through a directory of shares which, being
// thread_local, was destroyed before. Each case runs in a process of its own.
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <thread>

#include "gtest/gtest.h"

#include "storage/memory/heap.h"
#include "tests/io/child_process.h"

namespace moraine {
namespace {

constexpr int kGood = 42;
constexpr int kLost = 3;

// Allocates, retires and frees; false when a block is not as it was written.
bool Use(Heap& heap) {
  for (int i = 0; i < 200; ++i) {
    EpochGuard guard(heap.Local());
    void* retired = heap.Local().Allocate(100, ChargeKind::kOrdinary);
    void* freed = heap.Local().Allocate(3000, ChargeKind::kOrdinary);
    std::memset(retired, i, 100);
    std::memset(freed, i, 3000);
    if (static_cast<unsigned char*>(retired)[99] != i) return false;
    heap.Local().Retire(retired, 100);
    heap.Local().Free(freed, 3000);
  }
  heap.WaitForGuards();
  heap.DrainLocal();
  return true;
}

// Two heaps, because a thread that switches between them looks for its share each time.
struct Heaps {
  MemoryBudget budget{uint64_t{64} << 20};
  Heap first{&budget};
  Heap second{&budget};
  bool UseBoth() { return Use(first) && Use(second) && Use(first); }
};

// Runs `deed` when it is destroyed.
struct AtEnd {
  std::function<void()> deed;
  ~AtEnd() { deed(); }
};

// Ends the process; a budget that does not come back to zero is a share that was lost or used twice.
void Finish(std::unique_ptr<Heaps>& heaps, bool good) {
  good = good && heaps->UseBoth();
  Heaps* raw = heaps.release();
  raw->first.~Heap();
  raw->second.~Heap();
  _exit(good && raw->budget.used_bytes() == 0 ? kGood : kLost);
}

TEST(HeapExitTest, StaticDestructorsUseTheHeap) {
  const int code = RunInChild([] {
    static std::unique_ptr<Heaps> heaps = std::make_unique<Heaps>();
    static AtEnd at_end{[] { Finish(heaps, true); }};
    if (!heaps->UseBoth()) return kLost;
    std::exit(kLost);
  });
  EXPECT_EQ(code, kGood);
}

TEST(HeapExitTest, AtexitHandlersUseTheHeap) {
  const int code = RunInChild([] {
    static std::unique_ptr<Heaps> heaps = std::make_unique<Heaps>();
    std::atexit([] { Finish(heaps, true); });
    if (!heaps->UseBoth()) return kLost;
    std::exit(kLost);
  });
  EXPECT_EQ(code, kGood);
}

TEST(HeapExitTest, ThreadLocalDestructorsUseTheHeap) {
  const int code = RunInChild([] {
    auto heaps = std::make_unique<Heaps>();
    bool good = true;
    for (int round = 0; round < 10; ++round) {
      std::thread([&] {
        // Made before the directory of shares, hence destroyed after it.
        thread_local AtEnd late{[&] { good = good && heaps->UseBoth(); }};
        good = good && late.deed != nullptr && heaps->UseBoth();
      }).join();
    }
    Finish(heaps, good);
    return kLost;
  });
  EXPECT_EQ(code, kGood);
}

TEST(HeapExitTest, ThreadsThatEndTogetherHaveSharesOfTheirOwn) {
  const int code = RunInChild([] {
    auto heaps = std::make_unique<Heaps>();
    bool good[4] = {};
    std::thread threads[4];
    for (int i = 0; i < 4; ++i) {
      threads[i] = std::thread([&, i] {
        thread_local AtEnd late{[&heaps, &good, i] { good[i] = heaps->UseBoth(); }};
        if (late.deed != nullptr) heaps->UseBoth();
      });
    }
    for (std::thread& thread : threads) thread.join();
    Finish(heaps, good[0] && good[1] && good[2] && good[3]);
    return kLost;
  });
  EXPECT_EQ(code, kGood);
}

}  // namespace
}  // namespace moraine
