// What every opaque pointer of the C interface points to: a slot that says of what kind it is and
// whether it is alive, so that a NULL, freed or foreign handle is answered and not followed.
//
// Slots are never given back to the system and are reused oldest first, after kQuarantine others
// were freed: reading the word of a freed handle is therefore defined, and a stale one is noticed
// until its slot comes round again.
//
// Word: kDead or the kind. busy: 1 while a thread is inside a call on a handle of an exclusive kind,
// and from its claim until the slot is reused.
// H1 whoever set `busy` from 0 to 1 may touch the object of an exclusive kind, nobody else.
// H2 exactly one Claim of a live handle succeeds; it owns the object from then on.
// H3 the object and serial are written before the word says alive.
// Progress: Find and ExclusiveUse are wait-free; Make and Release take the pool's lock.
// Would fail if wrong: handle_test.
#ifndef MORAINE_API_C_HANDLE_H_
#define MORAINE_API_C_HANDLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "storage/sync/atomic.h"
#include "storage/sync/mutex.h"

namespace moraine::c {

// Random words: memory that is no handle hardly looks like one.
enum class HandleKind : uint64_t {
  kDead = 0x6d6f7261696e6530,
  kDatabase = 0x9c1f5be2a7d04361,
  kTree = 0xb3e86f04d15a2c97,
  kSnapshot = 0x51d2c7a98e3f06b4,
  kCursor = 0xe70a4b9d6c2183f5,
  kBatch = 0x2f86d3e15b9ca074,
  kTransaction = 0x84b7e92c03d6f51a,
  kError = 0xd9405c7e1fa8b263,
};

class alignas(64) Handle {
 public:
  // The slot that `pointer` is, if it is alive and of that kind; otherwise nullptr.
  static const Handle* Find(const void* pointer, HandleKind kind) {
    const Handle* handle = Candidate(pointer);
    return handle != nullptr && handle->kind() == kind ? handle : nullptr;
  }
  // Of whatever kind: kDead for what is no live handle.
  static HandleKind KindOf(const void* pointer) {
    const Handle* handle = Candidate(pointer);
    return handle == nullptr ? HandleKind::kDead : handle->kind();
  }
  static void* ObjectOf(const void* pointer) {
    return static_cast<const Handle*>(pointer)->object_;
  }

  // Makes the handle dead and hands its object over; nullptr when it was not alive, or another thread
  // is inside a call on it.
  static void* Claim(const void* pointer, HandleKind kind);

  void* object() const { return object_; }
  // Different for all handles a process ever had.
  uint64_t serial() const { return serial_; }

 private:
  friend class HandlePool;
  friend class ExclusiveUse;

  static const Handle* Candidate(const void* pointer) {
    const bool aligned = reinterpret_cast<uintptr_t>(pointer) % alignof(Handle) == 0;
    return aligned ? static_cast<const Handle*>(pointer) : nullptr;
  }
  HandleKind kind() const {
    // order: acquire <- Handle::kind [H3]
    return static_cast<HandleKind>(word_.load(std::memory_order_acquire));
  }
  bool Enter() {
    // order: acquire <- Handle::Enter [H1]
    return busy_.exchange(1, std::memory_order_acquire) == 0;
  }
  void Leave() {
    // order: release -> Handle::Enter [H1]
    busy_.store(0, std::memory_order_release);
  }

  Atomic<uint64_t> word_{static_cast<uint64_t>(HandleKind::kDead)};
  Atomic<uint32_t> busy_{0};
  uint64_t serial_ = 0;
  void* object_ = nullptr;
  Handle* next_ = nullptr;  // in the pool's queue of free slots
};

static_assert(sizeof(Handle) == 64);

// For the time of a call on a handle of an exclusive kind.
class ExclusiveUse {
 public:
  ExclusiveUse(const void* pointer, HandleKind kind) {
    Handle* handle = const_cast<Handle*>(Handle::Find(pointer, kind));
    if (handle == nullptr) return;
    found_ = true;
    if (!handle->Enter()) return;
    // It may have been freed, and its slot reused, since it was found.
    if (handle->kind() == kind) {
      handle_ = handle;
    } else {
      handle->Leave();
    }
  }
  ~ExclusiveUse() {
    if (handle_ != nullptr) handle_->Leave();
  }
  ExclusiveUse(const ExclusiveUse&) = delete;
  ExclusiveUse& operator=(const ExclusiveUse&) = delete;

  // Whether it was a live handle, and whether it is ours now.
  bool found() const { return found_; }
  bool entered() const { return handle_ != nullptr; }
  void* object() const { return handle_->object(); }
  uint64_t serial() const { return handle_->serial(); }

 private:
  Handle* handle_ = nullptr;
  bool found_ = false;
};

// The slots of the process. One pool for all databases, because a handle must be recognizable when
// its database is gone.
class HandlePool {
 public:
  static constexpr size_t kQuarantine = 64;

  static HandlePool& Get();

  // A live handle of `object`, which stays the caller's until a Claim.
  Handle* Make(HandleKind kind, void* object);
  // Lets the slot of a claimed handle be used again.
  void Release(const void* pointer);

 private:
  static constexpr size_t kSlabHandles = 64;

  void Grow();
  void PushFree(Handle* handle);

  Mutex mutex_;
  std::vector<std::unique_ptr<Handle[]>> slabs_;
  Handle* oldest_ = nullptr;
  Handle* newest_ = nullptr;
  size_t free_count_ = 0;
  uint64_t next_serial_ = 1;
};

}  // namespace moraine::c

#endif  // MORAINE_API_C_HANDLE_H_
