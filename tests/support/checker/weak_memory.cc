// Messages, views and fences; weak_memory.h has the rules.
#include "tests/support/checker/weak_memory.h"

#include "storage/base/check.h"

namespace moraine::checker {

void WeakMemory::Reset() {
  for (size_t i = 0; i < count_; ++i) {
    locations_[i].messages.clear();
    locations_[i].order.clear();
  }
  count_ = 0;
  threads_ = {};
  // Clocks begin at 1, so that 0 can mean "never".
  for (size_t i = 0; i < kMostThreads; ++i) threads_[i].current.clock.at[i] = 1;
  full_fences_ = light_fences_ = heavy_fences_ = View();
}

LocationIndex WeakMemory::Add(ThreadIndex creator, Value initial) {
  MORAINE_CHECK(count_ < kMostLocations);
  if (count_ == locations_.size()) locations_.emplace_back();
  Location& location = locations_[count_];
  location.creator = creator;
  location.created = threads_[creator].current.clock.at[creator];
  Message message;
  message.value = initial;
  message.writer = creator;
  location.messages.push_back(message);
  location.order.push_back(0);
  return static_cast<LocationIndex>(count_++);
}

uint16_t WeakMemory::FirstReadable(ThreadIndex thread, LocationIndex location) const {
  return locations_[location].messages[threads_[thread].current.seen[location]].place;
}

bool WeakMemory::MayAttach(LocationIndex index, uint16_t place) const {
  const Location& location = locations_[index];
  size_t next = size_t{place} + 1;
  return next == location.order.size() || !location.messages[location.order[next]].attached;
}

void WeakMemory::JoinSeen(View* into, const View& from) const {
  for (size_t i = 0; i < count_; ++i) {
    if (into->seen[i] == from.seen[i]) continue;
    const std::vector<Message>& messages = locations_[i].messages;
    if (messages[into->seen[i]].place < messages[from.seen[i]].place) into->seen[i] = from.seen[i];
  }
}

void WeakMemory::JoinView(View* into, const View& from) const {
  into->clock.Join(from.clock);
  JoinSeen(into, from);
}

void WeakMemory::Learn(ThreadState* state, const Message& message, bool acquire) const {
  if (message.bare) return;
  if (acquire) {
    JoinView(&state->current, message.view);
  } else {
    JoinView(&state->pending, message.view);
    state->has_pending = true;
  }
}

void WeakMemory::Read(ThreadIndex thread, LocationIndex index, MessageIndex number,
                      std::memory_order order) {
  ThreadState& state = threads_[thread];
  const std::vector<Message>& messages = locations_[index].messages;
  MORAINE_CHECK(messages[number].place >= messages[state.current.seen[index]].place);
  state.current.seen[index] = number;
  Learn(&state, messages[number], IsAcquire(order));
}

MessageIndex WeakMemory::Insert(Location* location, uint16_t place, Message message) {
  MessageIndex number = static_cast<MessageIndex>(location->messages.size());
  message.place = place;
  location->messages.push_back(message);
  location->order.insert(location->order.begin() + place, number);
  for (size_t i = size_t{place} + 1; i < location->order.size(); ++i) {
    location->messages[location->order[i]].place = static_cast<uint16_t>(i);
  }
  return number;
}

Message WeakMemory::Compose(const ThreadState& state, Value value, std::memory_order order) const {
  Message message;
  message.value = value;
  if (IsRelease(order)) {
    message.view = state.current;
    message.bare = false;
  } else if (state.has_released) {
    message.view = state.released;
    message.bare = false;
  }
  return message;
}

void WeakMemory::Write(ThreadIndex thread, LocationIndex index, uint16_t place, Value value,
                       std::memory_order order, uint16_t operation) {
  ThreadState& state = threads_[thread];
  Location& location = locations_[index];
  MORAINE_CHECK(place > location.messages[state.current.seen[index]].place);
  Message message = Compose(state, value, order);
  message.writer = thread;
  message.writer_operation = operation;
  MessageIndex number = Insert(&location, place, message);
  location.messages[number].view.seen[index] = number;
  state.current.seen[index] = number;
}

void WeakMemory::ReadModifyWrite(ThreadIndex thread, LocationIndex index, MessageIndex read,
                                 Value value, std::memory_order order, uint16_t operation) {
  Read(thread, index, read, order);
  ThreadState& state = threads_[thread];
  Location& location = locations_[index];
  Message message = Compose(state, value, order);
  // The release sequence goes on: who acquires this also acquires what was read.
  if (!location.messages[read].bare) {
    JoinView(&message.view, location.messages[read].view);
    message.bare = false;
  }
  message.attached = true;
  message.writer = thread;
  message.writer_operation = operation;
  uint16_t place = static_cast<uint16_t>(location.messages[read].place + 1);
  MessageIndex number = Insert(&location, place, message);
  location.messages[number].view.seen[index] = number;
  state.current.seen[index] = number;
}

void WeakMemory::Fence(ThreadIndex thread, FenceKind kind) {
  ThreadState& state = threads_[thread];
  bool full = kind == FenceKind::kFull || kind == FenceKind::kHeavy;
  bool acquire = full || kind == FenceKind::kAcquire || kind == FenceKind::kAcquireRelease;
  bool release = full || kind == FenceKind::kRelease || kind == FenceKind::kAcquireRelease;
  if (acquire && state.has_pending) JoinView(&state.current, state.pending);
  if (full || kind == FenceKind::kLight) JoinSeen(&state.current, heavy_fences_);
  if (full) JoinSeen(&state.current, full_fences_);
  if (kind == FenceKind::kHeavy) JoinSeen(&state.current, light_fences_);
  if (kind == FenceKind::kFull) JoinSeen(&full_fences_, state.current);
  if (kind == FenceKind::kLight) JoinSeen(&light_fences_, state.current);
  if (kind == FenceKind::kHeavy) JoinSeen(&heavy_fences_, state.current);
  if (release) {
    state.released = state.current;
    state.has_released = true;
  }
}

void WeakMemory::Fork(ThreadIndex thread) {
  uint32_t own = threads_[thread].current.clock.at[thread];
  threads_[thread].current = threads_[0].current;
  threads_[thread].current.clock.at[thread] = own;
}

void WeakMemory::Join(ThreadIndex thread) {
  JoinView(&threads_[0].current, threads_[thread].current);
}

}  // namespace moraine::checker
