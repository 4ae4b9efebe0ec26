// The ring's bytes: one piece of anonymous memory mapped twice, back to back. A record that begins
// near the end goes on in the second mapping, which is the ring's beginning, so every record and
// every write to a file is contiguous and nothing is copied. Page aligned, as direct I/O needs it.
#ifndef MORAINE_STORAGE_LOG_RING_MEMORY_H_
#define MORAINE_STORAGE_LOG_RING_MEMORY_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"

#include "storage/sync/atomic.h"

namespace moraine {

// Any thread; which bytes a thread may touch is LogRing's business.
class RingMemory {
 public:
  // `bytes` is a power of two and a multiple of the page size. All zero.
  static absl::StatusOr<std::unique_ptr<RingMemory>> Map(uint64_t bytes);
  ~RingMemory();
  RingMemory(const RingMemory&) = delete;
  RingMemory& operator=(const RingMemory&) = delete;

  uint64_t bytes() const { return bytes_; }

  // The byte at `position`; up to bytes() of them follow without a break.
  char* Bytes(uint64_t position) const { return base_ + (position & (bytes_ - 1)); }

  template <class Policy>
  typename Policy::template Atomic<uint64_t>& Word(uint64_t position) const {
    using AtomicWord = typename Policy::template Atomic<uint64_t>;
    static_assert(sizeof(AtomicWord) == sizeof(uint64_t));
    static_assert(alignof(AtomicWord) == alignof(uint64_t));
    return *static_cast<AtomicWord*>(static_cast<void*>(Bytes(position)));
  }

  void Clear(uint64_t position, uint64_t bytes);

 private:
  RingMemory(char* base, uint64_t bytes) : base_(base), bytes_(bytes) {}

  char* const base_;
  const uint64_t bytes_;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_LOG_RING_MEMORY_H_
