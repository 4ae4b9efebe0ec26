// Checks that the hooked policy announces every operation, that hooks belong to one thread, and
// that both policies compute the same.
#include "storage/sync/atomic.h"

#include <sched.h>

#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace moraine {
namespace {

struct Recorder {
  std::vector<std::pair<AtomicStep, const void*>> steps;
  static void Record(void* context, AtomicStep step, const void* address) {
    static_cast<Recorder*>(context)->steps.emplace_back(step, address);
  }
};

template <class Policy>
class AtomicPolicyTest : public testing::Test {};
using Policies = testing::Types<StdPolicy, HookedPolicy>;
TYPED_TEST_SUITE(AtomicPolicyTest, Policies);

TYPED_TEST(AtomicPolicyTest, OperationsComputeWhatTheirNamesSay) {
  typename TypeParam::template Atomic<uint64_t> word{5};
  EXPECT_EQ(word.load(std::memory_order_relaxed), 5u);
  word.store(6, std::memory_order_relaxed);
  EXPECT_EQ(word.exchange(7, std::memory_order_relaxed), 6u);
  EXPECT_EQ(word.fetch_add(3, std::memory_order_relaxed), 7u);
  EXPECT_EQ(word.fetch_sub(2, std::memory_order_relaxed), 10u);
  EXPECT_EQ(word.fetch_or(16, std::memory_order_relaxed), 8u);
  EXPECT_EQ(word.fetch_and(17, std::memory_order_relaxed), 24u);
  uint64_t expected = 15;
  EXPECT_FALSE(word.compare_exchange_strong(expected, 1, std::memory_order_relaxed,
                                            std::memory_order_relaxed));
  EXPECT_EQ(expected, 16u);
  EXPECT_TRUE(word.compare_exchange_strong(expected, 1, std::memory_order_relaxed,
                                           std::memory_order_relaxed));
  while (!word.compare_exchange_weak(expected, 2, std::memory_order_relaxed,
                                     std::memory_order_relaxed)) {
  }
  EXPECT_EQ(word.load(std::memory_order_relaxed), 2u);
}

TYPED_TEST(AtomicPolicyTest, StartsAtZero) {
  typename TypeParam::template Atomic<void*> word;
  EXPECT_EQ(word.load(std::memory_order_relaxed), nullptr);
}

TEST(HookedPolicyTest, AnnouncesEveryOperationBeforeItHappens) {
  HookedPolicy::Atomic<uint64_t> word;
  Recorder recorder;
  SetAtomicHook(&Recorder::Record, &recorder);
  uint64_t expected = 0;
  static_cast<void>(word.load(std::memory_order_relaxed));
  word.store(1, std::memory_order_relaxed);
  word.exchange(1, std::memory_order_relaxed);
  word.fetch_add(1, std::memory_order_relaxed);
  word.fetch_sub(1, std::memory_order_relaxed);
  word.fetch_or(1, std::memory_order_relaxed);
  word.fetch_and(1, std::memory_order_relaxed);
  word.compare_exchange_strong(expected, 1, std::memory_order_relaxed, std::memory_order_relaxed);
  word.compare_exchange_weak(expected, 1, std::memory_order_relaxed, std::memory_order_relaxed);
  HookedPolicy::Fence(std::memory_order_seq_cst);
  HookedPolicy::LightFence();
  HookedPolicy::HeavyFence();
  HookedPolicy::Pause();
  SetAtomicHook(nullptr, nullptr);
  word.store(2, std::memory_order_relaxed);

  using enum AtomicStep;
  const std::vector<AtomicStep> wanted = {kLoad,
                                          kStore,
                                          kReadModifyWrite,
                                          kReadModifyWrite,
                                          kReadModifyWrite,
                                          kReadModifyWrite,
                                          kReadModifyWrite,
                                          kReadModifyWrite,
                                          kReadModifyWrite,
                                          kFence,
                                          kFence,
                                          kFence,
                                          kPause};
  ASSERT_EQ(recorder.steps.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(recorder.steps[i].first, wanted[i]) << i;
    EXPECT_EQ(recorder.steps[i].second, i < 9 ? &word : nullptr) << i;
  }
}

TEST(HookedPolicyTest, AHookSeesTheValueBeforeTheOperation) {
  HookedPolicy::Atomic<int> word{1};
  struct Context {
    HookedPolicy::Atomic<int>* word;
    int seen;
  } context{&word, 0};
  SetAtomicHook(
      [](void* opaque, AtomicStep, const void*) {
        auto* at = static_cast<Context*>(opaque);
        SetAtomicHook(nullptr, nullptr);
        at->seen = at->word->load(std::memory_order_relaxed);
      },
      &context);
  word.store(2, std::memory_order_relaxed);
  EXPECT_EQ(context.seen, 1);
  EXPECT_EQ(word.load(std::memory_order_relaxed), 2);
}

TEST(HookedPolicyTest, AHookBelongsToItsThread) {
  HookedPolicy::Atomic<uint64_t> word;
  Recorder recorder;
  SetAtomicHook(&Recorder::Record, &recorder);
  std::thread([&word] { word.store(1, std::memory_order_relaxed); }).join();
  EXPECT_TRUE(recorder.steps.empty());
  SetAtomicHook(nullptr, nullptr);
}

// Dekker's pattern: without a fence both threads may read 0. Asymmetric on purpose: one side is
// light.
TEST(AsymmetricFenceTest, LightAgainstHeavyForbidsStoreBuffering) {
  constexpr int kRounds = 5'000;
  StdPolicy::Atomic<int> round{0};
  StdPolicy::Atomic<int> finished{0};
  StdPolicy::Atomic<int> left{0};
  StdPolicy::Atomic<int> right{0};
  int left_saw = 0;
  int right_saw = 0;
  std::thread light([&] {
    for (int i = 1; i <= kRounds; ++i) {
      while (round.load(std::memory_order_acquire) != i) sched_yield();
      left.store(1, std::memory_order_relaxed);
      StdPolicy::LightFence();
      left_saw = right.load(std::memory_order_relaxed);
      finished.fetch_add(1, std::memory_order_release);
    }
  });
  int both_missed = 0;
  for (int i = 1; i <= kRounds; ++i) {
    left.store(0, std::memory_order_relaxed);
    right.store(0, std::memory_order_relaxed);
    round.store(i, std::memory_order_release);
    right.store(1, std::memory_order_relaxed);
    StdPolicy::HeavyFence();
    right_saw = left.load(std::memory_order_relaxed);
    while (finished.load(std::memory_order_acquire) != i) sched_yield();
    both_missed += left_saw == 0 && right_saw == 0 ? 1 : 0;
  }
  light.join();
  EXPECT_EQ(both_missed, 0);
}

}  // namespace
}  // namespace moraine
