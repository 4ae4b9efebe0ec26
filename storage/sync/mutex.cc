// EventCount on futex(2). The order of increments, test and sleep makes a lost wake-up impossible:
// either the notifier sees the waiter, or the waiter's futex call sees the new count.
#include "storage/sync/mutex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

namespace moraine {

void EventCount::Notify(uint32_t most) {
  // order: seq_cst: count_ before waiters_ here, waiters_ before count_ in Wait
  count_.fetch_add(1, std::memory_order_seq_cst);
  // order: seq_cst: the same pair
  if (waiters_.load(std::memory_order_seq_cst) == 0) return;
  int count = static_cast<int>(std::min(most, uint32_t{INT_MAX}));
  syscall(SYS_futex, &count_, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

void EventCount::Wait(uint32_t ticket) { WaitFor(ticket, std::chrono::nanoseconds::max()); }

bool EventCount::WaitFor(uint32_t ticket, std::chrono::nanoseconds timeout) {
  // Beyond this the deadline would leave the range of the clock.
  bool forever = timeout >= std::chrono::hours(24 * 365);
  auto deadline =
      std::chrono::steady_clock::now() + (forever ? std::chrono::nanoseconds(0) : timeout);
  // order: seq_cst: waiters_ before count_ here, count_ before waiters_ in Notify
  waiters_.fetch_add(1, std::memory_order_seq_cst);
  bool changed = true;
  while (Ticket() == ticket) {
    timespec left{};
    if (!forever) {
      auto remaining = std::chrono::duration_cast<std::chrono::nanoseconds>(
          deadline - std::chrono::steady_clock::now());
      if (remaining.count() <= 0) {
        changed = false;
        break;
      }
      left.tv_sec = remaining.count() / 1'000'000'000;
      left.tv_nsec = remaining.count() % 1'000'000'000;
    }
    syscall(SYS_futex, &count_, FUTEX_WAIT_PRIVATE, ticket, forever ? nullptr : &left, nullptr, 0);
  }
  // order: seq_cst: leaves the pair above
  waiters_.fetch_sub(1, std::memory_order_seq_cst);
  return changed;
}

}  // namespace moraine
