// Allocation, private free and retiring through epochs, by size, at one and two threads, with
// malloc beside them.
#include <cstdlib>
#include <memory>
#include <thread>

#include "benchmark/benchmark.h"

#include "storage/memory/heap.h"
#include "storage/memory/memory_budget.h"

namespace moraine {
namespace {

// A delta, a small block, a leaf page.
void Sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("bytes")->Arg(144)->Arg(1024)->Arg(8192)->ThreadRange(1, 2);
}

// Shared by the threads of one benchmark; made before and gone after them.
class HeapFixture : public benchmark::Fixture {
 public:
  void SetUp(benchmark::State& state) override {
    if (state.thread_index() != 0) return;
    budget_ = std::make_unique<MemoryBudget>(uint64_t{1} << 30);
    heap_ = std::make_unique<Heap>(budget_.get());
  }
  void TearDown(benchmark::State& state) override {
    if (state.thread_index() != 0) return;
    heap_.reset();
    budget_.reset();
  }

 protected:
  std::unique_ptr<MemoryBudget> budget_;
  std::unique_ptr<Heap> heap_;
};

// Whether the budget allowed it.
bool TryAllocateRetire(ThreadHeap& local, size_t bytes) {
  const EpochGuard guard(local);
  void* block = local.Allocate(bytes, ChargeKind::kOrdinary);
  if (block == nullptr) return false;
  benchmark::DoNotOptimize(block);
  local.Retire(block, bytes);
  return true;
}

BENCHMARK_DEFINE_F(HeapFixture, AllocateFree)(benchmark::State& state) {
  const auto bytes = static_cast<size_t>(state.range(0));
  ThreadHeap& local = heap_->Local();
  for (auto _ : state) {
    void* block = local.Allocate(bytes, ChargeKind::kOrdinary);
    if (block == nullptr) return state.SkipWithError("the budget refuses");
    benchmark::DoNotOptimize(block);
    local.Free(block, bytes);
  }
}
BENCHMARK_REGISTER_F(HeapFixture, AllocateFree)->Apply(Sizes);

// The life of a block that was published: its memory comes back two grace periods later, so the
// epochs advance as part of what is measured. While the system keeps another thread off its core
// inside a guard nothing comes back; then the budget may refuse, which is counted and waited out.
BENCHMARK_DEFINE_F(HeapFixture, AllocateRetire)(benchmark::State& state) {
  const auto bytes = static_cast<size_t>(state.range(0));
  ThreadHeap& local = heap_->Local();
  uint64_t refused = 0;
  for (auto _ : state) {
    while (!TryAllocateRetire(local, bytes)) {
      ++refused;
      std::this_thread::yield();
      heap_->DrainLocal();
    }
  }
  state.counters["refused"] = static_cast<double>(refused);
}
BENCHMARK_REGISTER_F(HeapFixture, AllocateRetire)->Apply(Sizes);

void MallocFree(benchmark::State& state) {
  const auto bytes = static_cast<size_t>(state.range(0));
  for (auto _ : state) {
    // tidy: allow(raw-allocation): malloc is what this benchmark measures
    void* block = std::malloc(bytes);
    benchmark::DoNotOptimize(block);
    // tidy: allow(raw-allocation): malloc is what this benchmark measures
    std::free(block);
  }
}
BENCHMARK(MallocFree)->Apply(Sizes);

}  // namespace
}  // namespace moraine
