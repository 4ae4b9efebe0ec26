// What hangs over a block: versions (one write of one key each), deltas (the newest few, in the
// order they were installed) and runs (older ones, sorted). Following the Bw-tree's delta records
// (J. Levandoski et al., ICDE 2013) with two differences: a delta holds up to eight versions side
// by side, so that no reader walks a chain of cache misses, and versions are objects of their own,
// so that one that is still undecided moves between deltas by reference.
//
// Memory: Version | key | value | Delta are one allocation when the delta was made for that version
// (`embedded`); it is freed with the version. A delta without a new version is an allocation of its
// own.
// Publication: everything here is written before the page word that makes it reachable is released,
// and immutable after, except Version::ts (see visibility.h) and Delta::claim.
#ifndef MORAINE_STORAGE_TREE_VERSION_H_
#define MORAINE_STORAGE_TREE_VERSION_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "storage/sync/atomic.h"
#include "storage/tree/ts_word.h"

namespace moraine {

enum class VersionKind : uint8_t { kPut = 1, kDelete = 2, kMerge = 3 };

// The shared fate of the versions of one batch. A fresh one for every attempt; retired by its owner
// after stamping.
struct StatusObject {
  explicit StatusObject(uint64_t priority_position, uint64_t priority_tie)
      : word(TsWord::Pending(0).bits()), priority(priority_position), tie(priority_tie) {}
  Atomic<uint64_t> word;    // TsWord: kPending while active, then terminal
  const uint64_t priority;  // log position at the first attempt: smaller is older
  const uint64_t tie;       // tells equal priorities apart
  bool OlderThan(const StatusObject& other) const {
    return priority != other.priority ? priority < other.priority : tie < other.tie;
  }

  // Owner only: it lives and goes on (stall_watch.h).
  void CountStep() {
    // order: relaxed: only whether it changes matters
    uint64_t steps = steps_.load(std::memory_order_relaxed);
    // order: relaxed: the same; one writer
    steps_.store(steps + 1, std::memory_order_relaxed);
  }
  // order: relaxed: an old count only makes a waiter wait a little longer
  uint64_t steps() const { return steps_.load(std::memory_order_relaxed); }

 private:
  Atomic<uint64_t> steps_{0};
};

struct Version {
  Atomic<uint64_t> ts;  // TsWord
  uint32_t value_bytes;
  uint16_t key_bytes;
  VersionKind kind;
  uint8_t fingerprint;     // of the key
  uint8_t delta_capacity;  // version slots of the embedded delta

  std::string_view key() const { return {reinterpret_cast<const char*>(this + 1), key_bytes}; }
  std::string_view value() const {
    return {reinterpret_cast<const char*>(this + 1) + key_bytes, value_bytes};
  }
  // Where the embedded delta begins, from the start of the allocation.
  static constexpr size_t DeltaOffset(size_t key_bytes, size_t value_bytes) {
    return (sizeof(uint64_t) * 3 + key_bytes + value_bytes + 7) & ~size_t{7};
  }
  size_t allocation_bytes() const;
};
static_assert(sizeof(Version) == 24);

inline constexpr uint32_t kDeltaSlots = 8;

struct Run;

struct Delta {
  const char* base;        // block
  const Run* run;          // or nullptr
  const Delta* next;       // older versions that did not fit and could not be folded, or nullptr
  uint64_t fingerprints;   // byte i: of versions[i]
  uint64_t high_head;      // HighHead of the base's high fence
  Atomic<uint32_t> claim;  // 1 while some thread folds this delta
  uint8_t count;
  uint8_t embedded;      // part of versions[0]'s allocation
  uint16_t chain_depth;  // versions here and in all `next`
  Version* versions[];   // newest first

  static constexpr size_t Bytes(uint32_t slots) { return 48 + sizeof(Version*) * size_t{slots}; }
};
static_assert(sizeof(Delta) == 48);

inline size_t Version::allocation_bytes() const {
  return DeltaOffset(key_bytes, value_bytes) +
         (delta_capacity > 0 ? Delta::Bytes(delta_capacity) : 0);
}

// The first eight bytes of a key or fence as a number that orders like the bytes. A key whose number
// is smaller than a fence's is certainly below it; otherwise only the whole bytes can tell. With it
// a writer knows that it found the right leaf without touching the block under the delta.
inline uint64_t KeyHead(std::string_view key) {
  uint64_t head = 0;
  if (!key.empty()) {  // an empty key may have no address
    std::memcpy(&head, key.data(), key.size() < sizeof(head) ? key.size() : sizeof(head));
  }
  return __builtin_bswap64(head);
}
inline constexpr uint64_t kNoHighHead = ~uint64_t{0};  // of a page without a high fence

// A one-byte summary of a key: whoever looks for it in a delta or a run reads these first.
uint8_t FingerprintOf(std::string_view key);

// A bit (the high one of its byte) for every byte of `fingerprints` that equals `fingerprint`,
// among the first `count`.
inline uint64_t MatchFingerprints(uint64_t fingerprints, uint8_t fingerprint, uint32_t count) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHighs = 0x8080808080808080;
  uint64_t difference = fingerprints ^ (kOnes * fingerprint);
  // Exact per byte: no borrow runs between bytes.
  uint64_t zero = ~(((difference & ~kHighs) + ~kHighs) | difference) & kHighs;
  return count >= 8 ? zero : zero & ((uint64_t{1} << (8 * count)) - 1);
}

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_VERSION_H_
