// The memory of a checked program: release/acquire/relaxed accesses, release sequences and fences
// of C++20, as a machine of views over lists of messages.
//
// Every store is a message with a place in its word's modification order. A thread may read any
// message that is not behind what it has seen, and may put a store anywhere behind which it has not
// seen, but never between a read-modify-write and what that read. The model is RC11 (O. Lahav et
// al., "Repairing sequential consistency in C/C++11", PLDI 2017) without cycles of program order
// and reads-from, as in ORC11 (H.-H. Dang et al., "RustBelt meets relaxed memory", POPL 2020):
//   - a store never appears before the loads that precede it in its thread: load buffering, which
//     some processors show, is not explored;
//   - a sequentially consistent fence hands on what its thread has seen, which is a little stronger
//     than RC11 where three threads talk by relaxed accesses around fences;
//   - sequentially consistent accesses are not offered: shipping code uses fences;
//   - the two halves of an asymmetric fence order against each other, heavy fences also among
//     themselves and against full ones, light ones not against each other (P1202R5).
//
// This class knows no scheduling: the caller says which message is read and where a store goes.
#ifndef MORAINE_TESTS_SUPPORT_CHECKER_WEAK_MEMORY_H_
#define MORAINE_TESTS_SUPPORT_CHECKER_WEAK_MEMORY_H_

#include <atomic>  // tidy: allow(atomic-outside-sync): names memory orders, holds no atomic
#include <cstdint>
#include <deque>
#include <vector>

#include "tests/support/checker/view.h"

namespace moraine::checker {

enum class FenceKind : uint8_t { kAcquire, kRelease, kAcquireRelease, kFull, kLight, kHeavy };

constexpr bool IsAcquire(std::memory_order order) {
  return order == std::memory_order_acquire || order == std::memory_order_acq_rel;
}
constexpr bool IsRelease(std::memory_order order) {
  return order == std::memory_order_release || order == std::memory_order_acq_rel;
}

struct Message {
  Value value;
  View view;              // what an acquiring reader learns; unused when bare
  bool bare = true;       // a relaxed store with no release fence before it
  bool attached = false;  // a read-modify-write: nothing comes between it and what it read
  ThreadIndex writer = 0;
  uint16_t writer_operation = 0;  // which operation of its writer it is
  uint16_t place = 0;             // in modification order
};

struct Location {
  std::vector<Message> messages;    // in the order of execution
  std::vector<MessageIndex> order;  // modification order
  ThreadIndex creator = 0;
  uint32_t created = 0;  // the creator's clock
};

class WeakMemory {
 public:
  void Reset();

  LocationIndex Add(ThreadIndex creator, Value initial);
  size_t location_count() const { return count_; }
  const Location& location(LocationIndex index) const { return locations_[index]; }
  const Message& newest(LocationIndex index) const {
    return locations_[index].messages[locations_[index].order.back()];
  }

  // The first place in modification order that the thread may read.
  uint16_t FirstReadable(ThreadIndex thread, LocationIndex location) const;
  // Whether a read-modify-write may read the message at a place: none has read it before.
  bool MayAttach(LocationIndex location, uint16_t place) const;

  void Read(ThreadIndex thread, LocationIndex location, MessageIndex message,
            std::memory_order order);
  // Puts a store at `place`, which is behind what the thread has seen.
  void Write(ThreadIndex thread, LocationIndex location, uint16_t place, Value value,
             std::memory_order order, uint16_t operation);
  // Reads a message and puts the new value right behind it.
  void ReadModifyWrite(ThreadIndex thread, LocationIndex location, MessageIndex message,
                       Value value, std::memory_order order, uint16_t operation);
  void Fence(ThreadIndex thread, FenceKind kind);

  // A thread begins with all that the body knows; the body learns what a thread knew.
  void Fork(ThreadIndex thread);
  void Join(ThreadIndex thread);
  // Ends a step: later plain accesses of the thread are told from earlier ones.
  void Tick(ThreadIndex thread) { ++threads_[thread].current.clock.at[thread]; }
  const Clock& clock(ThreadIndex thread) const { return threads_[thread].current.clock; }

 private:
  struct ThreadState {
    View current;
    View pending;   // learnt by relaxed reads; an acquire fence makes it current
    View released;  // current at the last release fence; relaxed stores carry it
    bool has_pending = false;
    bool has_released = false;
  };

  void JoinSeen(View* into, const View& from) const;
  void JoinView(View* into, const View& from) const;
  void Learn(ThreadState* state, const Message& message, bool acquire) const;
  MessageIndex Insert(Location* location, uint16_t place, Message message);
  // The message of a store by `thread`, carrying what its order lets it carry.
  Message Compose(const ThreadState& state, Value value, std::memory_order order) const;

  std::deque<Location> locations_;
  size_t count_ = 0;
  std::array<ThreadState, kMostThreads> threads_;
  // What fences of each kind have handed on; only the seen parts count.
  View full_fences_;
  View light_fences_;
  View heavy_fences_;
};

}  // namespace moraine::checker

#endif  // MORAINE_TESTS_SUPPORT_CHECKER_WEAK_MEMORY_H_
