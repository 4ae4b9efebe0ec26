// What every operation of the engine pays to be safe from reclamation: entering and leaving an
// epoch guard, alone, nested and beside other threads, and one attempt to move the epoch on.
#include <memory>

#include "benchmark/benchmark.h"

#include "storage/memory/heap.h"
#include "storage/memory/memory_budget.h"
#include "storage/sync/epoch.h"

namespace moraine {
namespace {

// Shared by the threads of one benchmark; made before and gone after them.
class EpochFixture : public benchmark::Fixture {
 public:
  void SetUp(benchmark::State& state) override {
    if (state.thread_index() != 0) return;
    budget_ = std::make_unique<MemoryBudget>(uint64_t{64} << 20);
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

BENCHMARK_DEFINE_F(EpochFixture, Guard)(benchmark::State& state) {
  for (auto _ : state) {
    const EpochGuard guard(heap_->Local());
    benchmark::ClobberMemory();
  }
}
BENCHMARK_REGISTER_F(EpochFixture, Guard)->ThreadRange(1, 2);

BENCHMARK_DEFINE_F(EpochFixture, NestedGuard)(benchmark::State& state) {
  const EpochGuard outer(heap_->Local());
  for (auto _ : state) {
    const EpochGuard guard(heap_->Local());
    benchmark::ClobberMemory();
  }
}
BENCHMARK_REGISTER_F(EpochFixture, NestedGuard);

void TryAdvance(benchmark::State& state) {
  EpochDomain<> epochs;
  for (int64_t number = 0; number < state.range(0); ++number) epochs.Join();
  for (auto _ : state) benchmark::DoNotOptimize(epochs.TryAdvance());
}
BENCHMARK(TryAdvance)->ArgName("participants")->Arg(1)->Arg(16)->Arg(256);

}  // namespace
}  // namespace moraine
