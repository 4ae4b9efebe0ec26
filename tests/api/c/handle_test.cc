// Handles: what is found, who gets the object, when a slot comes round again, and that one thread
// at a time is inside.
#include "api/c/handle.h"

#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"
#include <moraine/c.h>

namespace moraine::c {
namespace {

TEST(HandleTest, FoundByKindWhileAlive) {
  int object = 0;
  const Handle* handle = HandlePool::Get().Make(HandleKind::kBatch, &object);
  EXPECT_EQ(Handle::Find(handle, HandleKind::kBatch), handle);
  EXPECT_EQ(Handle::Find(handle, HandleKind::kCursor), nullptr);
  EXPECT_EQ(Handle::KindOf(handle), HandleKind::kBatch);
  EXPECT_EQ(Handle::Claim(handle, HandleKind::kCursor), nullptr);
  EXPECT_EQ(Handle::Claim(handle, HandleKind::kBatch), &object);
  EXPECT_EQ(Handle::Claim(handle, HandleKind::kBatch), nullptr);
  EXPECT_EQ(Handle::Find(handle, HandleKind::kBatch), nullptr);
  HandlePool::Get().Release(handle);
  EXPECT_EQ(Handle::KindOf(handle), HandleKind::kDead);
}

TEST(HandleTest, FreedSlotIsNotReusedWithinTheQuarantine) {
  int object = 0;
  HandlePool& pool = HandlePool::Get();
  const Handle* first = pool.Make(HandleKind::kBatch, &object);
  const uint64_t serial = first->serial();
  ASSERT_EQ(Handle::Claim(first, HandleKind::kBatch), &object);
  pool.Release(first);
  for (size_t i = 0; i < HandlePool::kQuarantine; ++i) {
    const Handle* next = pool.Make(HandleKind::kBatch, &object);
    EXPECT_NE(next, first);
    EXPECT_GT(next->serial(), serial);
    ASSERT_EQ(Handle::Claim(next, HandleKind::kBatch), &object);
    pool.Release(next);
  }
}

TEST(HandleTest, SlotsAreReusedInTheEnd) {
  int object = 0;
  HandlePool& pool = HandlePool::Get();
  const Handle* first = pool.Make(HandleKind::kBatch, &object);
  bool again = false;
  ASSERT_EQ(Handle::Claim(first, HandleKind::kBatch), &object);
  pool.Release(first);
  for (int i = 0; i < 10000 && !again; ++i) {
    const Handle* next = pool.Make(HandleKind::kBatch, &object);
    again = next == first;
    ASSERT_EQ(Handle::Claim(next, HandleKind::kBatch), &object);
    pool.Release(next);
  }
  EXPECT_TRUE(again);
}

TEST(HandleTest, SecondThreadInsideIsAnswered) {
  moraine_batch* batch = nullptr;
  ASSERT_EQ(moraine_batch_new(&batch, nullptr), MORAINE_OK);
  {
    const ExclusiveUse inside(batch, HandleKind::kBatch);
    ASSERT_TRUE(inside.entered());
    moraine_error* error = nullptr;
    EXPECT_EQ(moraine_batch_clear(batch, &error), MORAINE_MISUSE);
    EXPECT_STREQ(moraine_error_message(error), "batch: another thread is inside a call on it");
    EXPECT_EQ(moraine_error_free(error), MORAINE_OK);
    EXPECT_EQ(moraine_batch_free(batch), MORAINE_MISUSE);
  }
  EXPECT_EQ(moraine_batch_clear(batch, nullptr), MORAINE_OK);
  // Another thread may use and free it, one at a time.
  std::thread([batch] { EXPECT_EQ(moraine_batch_free(batch), MORAINE_OK); }).join();
}

// Threads that share what may not be shared: nothing may break, and every batch is freed once.
TEST(HandleTest, ThreadsOnOneBatchDoNotBreakIt) {
  constexpr int kThreads = 4;
  const int rounds = static_cast<int>(200 / kSanitizerSlowdown);
  for (int round = 0; round < rounds; ++round) {
    moraine_batch* batch = nullptr;
    ASSERT_EQ(moraine_batch_new(&batch, nullptr), MORAINE_OK);
    std::vector<int> freed(kThreads, 0);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&freed, batch, t] {
        size_t count = 0;
        for (int i = 0; i < 20; ++i) {
          (void)moraine_batch_clear(batch, nullptr);
          (void)moraine_batch_count(batch, &count, nullptr);
        }
        freed[t] = moraine_batch_free(batch) == MORAINE_OK ? 1 : 0;
      });
    }
    for (std::thread& thread : threads) thread.join();
    int sum = 0;
    for (const int f : freed) sum += f;
    // All may have met each other in the end; then it is still there.
    if (sum == 0) {
      sum += moraine_batch_free(batch) == MORAINE_OK ? 1 : 0;
    }
    EXPECT_EQ(sum, 1);
  }
}

}  // namespace
}  // namespace moraine::c
