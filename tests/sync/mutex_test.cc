// Checks that the event count never loses a wake-up and that its timed wait ends.
#include "storage/sync/mutex.h"

#include <algorithm>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace moraine {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

TEST(EventCountTest, ANotificationAfterTheTicketIsNotSleptThrough) {
  EventCount event;
  const uint32_t ticket = event.Ticket();
  event.NotifyAll();
  event.Wait(ticket);
  EXPECT_TRUE(event.WaitFor(ticket, milliseconds(0)));
}

TEST(EventCountTest, TimedWaitEndsWithoutANotification) {
  EventCount event;
  const auto start = steady_clock::now();
  EXPECT_FALSE(event.WaitFor(event.Ticket(), milliseconds(20)));
  EXPECT_GE(steady_clock::now() - start, milliseconds(20));
  EXPECT_FALSE(event.WaitFor(event.Ticket(), nanoseconds(-5)));
}

// A wait of almost the largest duration must not overflow into one that is over already.
TEST(EventCountTest, AVeryLongTimedWaitIsWokenNotExpired) {
  EventCount event;
  const uint32_t ticket = event.Ticket();
  bool notified = false;
  std::thread waiter(
      [&] { notified = event.WaitFor(ticket, nanoseconds::max() - milliseconds(1)); });
  std::this_thread::sleep_for(milliseconds(20));
  event.NotifyAll();
  waiter.join();
  EXPECT_TRUE(notified);
}

TEST(EventCountTest, NotifyAllWakesEveryWaiter) {
  EventCount event;
  const uint32_t ticket = event.Ticket();
  std::vector<std::thread> waiters;
  for (int i = 0; i < 8; ++i) waiters.emplace_back([&event, ticket] { event.Wait(ticket); });
  event.NotifyAll();
  for (std::thread& waiter : waiters) waiter.join();
}

// How many of eight sleepers a notification for two wakes.
int WokenByTwo() {
  EventCount event;
  StdPolicy::Atomic<int> ready{0};
  StdPolicy::Atomic<int> done{0};
  const uint32_t ticket = event.Ticket();
  std::vector<std::thread> waiters;
  for (int i = 0; i < 8; ++i) {
    waiters.emplace_back([&] {
      ready.fetch_add(1, std::memory_order_relaxed);
      event.Wait(ticket);
      done.fetch_add(1, std::memory_order_relaxed);
    });
  }
  while (ready.load(std::memory_order_relaxed) < 8) std::this_thread::yield();
  std::this_thread::sleep_for(milliseconds(10));  // for the last of them to fall asleep
  event.Notify(2);
  while (done.load(std::memory_order_relaxed) < 2) std::this_thread::yield();
  std::this_thread::sleep_for(milliseconds(10));
  const int woken = done.load(std::memory_order_relaxed);
  event.NotifyAll();
  for (std::thread& waiter : waiters) waiter.join();
  return woken;
}

// On a busy machine some may not sleep yet, and then look again rightly: hence several rounds.
TEST(EventCountTest, NotifyWakesNoMoreThanAskedFor) {
  int fewest = 8;
  for (int round = 0; round < 20 && fewest > 2; ++round) fewest = std::min(fewest, WokenByTwo());
  EXPECT_EQ(fewest, 2);
}

// Two threads hand a number back and forth; one lost wake-up and both sleep for ever.
TEST(EventCountTest, PingPongNeverHangs) {
  constexpr int kTurns = 20'000;
  EventCount event;
  StdPolicy::Atomic<int> turn{0};
  auto play = [&](int mine) {
    while (true) {
      const uint32_t ticket = event.Ticket();
      const int now = turn.load(std::memory_order_acquire);
      if (now >= kTurns) return;
      if (now % 2 == mine) {
        turn.store(now + 1, std::memory_order_release);
        event.NotifyAll();
      } else {
        event.Wait(ticket);
      }
    }
  };
  std::thread other(play, 1);
  play(0);
  other.join();
  EXPECT_EQ(turn.load(std::memory_order_relaxed), kTurns);
}

// Many producers, many sleepers: every unit that is added is taken.
TEST(EventCountTest, NoUnitIsForgottenBetweenManyThreads) {
  constexpr int kUnitsPerProducer = 20'000;
  EventCount event;
  StdPolicy::Atomic<int> available{0};
  StdPolicy::Atomic<int> taken{0};
  auto consume = [&] {
    while (true) {
      const uint32_t ticket = event.Ticket();
      if (taken.load(std::memory_order_acquire) == 3 * kUnitsPerProducer) return;
      int units = available.load(std::memory_order_relaxed);
      if (units == 0) {
        event.Wait(ticket);
      } else if (available.compare_exchange_strong(units, units - 1, std::memory_order_acq_rel,
                                                   std::memory_order_relaxed)) {
        if (taken.fetch_add(1, std::memory_order_acq_rel) + 1 == 3 * kUnitsPerProducer) {
          event.NotifyAll();
        }
      }
    }
  };
  auto produce = [&] {
    for (int i = 0; i < kUnitsPerProducer; ++i) {
      available.fetch_add(1, std::memory_order_acq_rel);
      event.NotifyAll();
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back(consume);
    threads.emplace_back(produce);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(available.load(std::memory_order_relaxed), 0);
}

}  // namespace
}  // namespace moraine
