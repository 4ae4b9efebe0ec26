// The claims of handles and the queue of free slots.
#include "api/c/handle.h"

namespace moraine::c {

void* Handle::Claim(const void* pointer, HandleKind kind) {
  Handle* handle = const_cast<Handle*>(Find(pointer, kind));
  if (handle == nullptr || !handle->Enter()) return nullptr;
  uint64_t expected = static_cast<uint64_t>(kind);
  // order: relaxed: Enter ordered us behind every other user; readers of the word touch nothing
  const bool ours =
      handle->word_.compare_exchange_strong(expected, static_cast<uint64_t>(HandleKind::kDead),
                                            std::memory_order_relaxed, std::memory_order_relaxed);
  if (ours) return handle->object_;
  handle->Leave();
  return nullptr;
}

HandlePool& HandlePool::Get() {
  // Never destroyed: handles may be freed by the last destructors of a program.
  static HandlePool& pool = *std::make_unique<HandlePool>().release();
  return pool;
}

Handle* HandlePool::Make(HandleKind kind, void* object) {
  const MutexLock lock(mutex_);
  if (free_count_ <= kQuarantine) Grow();
  Handle* handle = oldest_;
  oldest_ = handle->next_;
  --free_count_;
  handle->object_ = object;
  handle->serial_ = next_serial_++;
  handle->Leave();
  // order: release -> Handle::kind [H3]
  handle->word_.store(static_cast<uint64_t>(kind), std::memory_order_release);
  return handle;
}

void HandlePool::Release(const void* pointer) {
  const MutexLock lock(mutex_);
  PushFree(const_cast<Handle*>(static_cast<const Handle*>(pointer)));
}

void HandlePool::Grow() {
  slabs_.push_back(std::make_unique<Handle[]>(kSlabHandles));
  for (size_t i = 0; i < kSlabHandles; ++i) PushFree(&slabs_.back()[i]);
}

void HandlePool::PushFree(Handle* handle) {
  handle->next_ = nullptr;
  if (free_count_ == 0) {
    oldest_ = handle;
  } else {
    newest_->next_ = handle;
  }
  newest_ = handle;
  ++free_count_;
}

}  // namespace moraine::c
