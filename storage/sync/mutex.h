// The one lock and the one blocking wait of the engine, kept behind the seam. Both are for cold
// paths only (opening, registration, waiting for a device); no operation on a page or a log slot
// takes them.
#ifndef MORAINE_STORAGE_SYNC_MUTEX_H_
#define MORAINE_STORAGE_SYNC_MUTEX_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "storage/sync/atomic.h"

namespace moraine {

using Mutex = std::mutex;
using MutexLock = std::lock_guard<std::mutex>;

// A counter that threads can sleep on until it changes. A waiter reads the ticket, tests its
// condition, and then waits with that ticket: a notification between the two is never lost. Any
// thread; Notify costs one atomic add and one load when nobody sleeps.
class EventCount {
 public:
  // order: seq_cst: count_ and waiters_ need one total order
  uint32_t Ticket() const { return count_.load(std::memory_order_seq_cst); }
  void NotifyAll() { Notify(~uint32_t{0}); }
  // Wakes up to `most` sleepers, whichever; for waiters that are all alike, with work for so many.
  // Whoever has a ticket but does not sleep yet will not: it looks again.
  void Notify(uint32_t most);
  // Sleeps until a notification after Ticket() returned `ticket`.
  void Wait(uint32_t ticket);
  // The same, or until `timeout` is over; false when it was.
  bool WaitFor(uint32_t ticket, std::chrono::nanoseconds timeout);

 private:
  StdPolicy::Atomic<uint32_t> count_{0};
  StdPolicy::Atomic<uint32_t> waiters_{0};
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_SYNC_MUTEX_H_
