// One word that says when a version took effect. Every version has one; a batch or transaction
// shares one more, the status word, among all its versions, so that they take effect at one
// instant.
//   63 .......... 3 | 2        | 1..0
//   value           | no push  | kCommitted  value = timestamp; terminal
//                              | kPending    value = bound: the owner must commit at or above it
//                              | kOwned      value = the owner's StatusObject (ts word only)
//                              | kAborted    terminal
// Timestamps are log positions, multiples of 8, and objects are aligned to 8, so the low bits are
// free.
#ifndef MORAINE_STORAGE_TREE_TS_WORD_H_
#define MORAINE_STORAGE_TREE_TS_WORD_H_

#include <cstdint>

#include "storage/base/check.h"
#include "storage/base/ids.h"

namespace moraine {

struct StatusObject;

class TsWord {
 public:
  enum class State : uint8_t { kCommitted = 0, kPending = 1, kOwned = 2, kAborted = 3 };

  static TsWord FromBits(uint64_t bits) { return TsWord(bits); }
  static TsWord Committed(uint64_t ts) { return Make(ts, State::kCommitted); }
  static TsWord Pending(uint64_t bound) { return Make(bound, State::kPending); }
  template <class Status>
  static TsWord Owned(const Status* owner) {
    return Make(reinterpret_cast<uintptr_t>(owner), State::kOwned);
  }
  static TsWord Aborted() { return Make(0, State::kAborted); }

  State state() const { return static_cast<State>(bits_ & kStateMask); }
  bool terminal() const { return state() == State::kCommitted || state() == State::kAborted; }
  bool committed() const { return state() == State::kCommitted; }
  uint64_t ts() const { return bits_; }                    // kCommitted
  uint64_t bound() const { return bits_ & ~kLowBits; }     // kPending
  bool no_push() const { return (bits_ & kNoPush) != 0; }  // kPending
  template <class Status = StatusObject>
  Status* owner() const {
    return reinterpret_cast<Status*>(static_cast<uintptr_t>(bits_ & ~kLowBits));
  }
  // The same pending word, closed to further pushes.
  TsWord WithNoPush() const { return TsWord(bits_ | kNoPush); }
  uint64_t bits() const { return bits_; }
  bool operator==(const TsWord&) const = default;

 private:
  static constexpr uint64_t kStateMask = 3;
  static constexpr uint64_t kNoPush = 4;
  static constexpr uint64_t kLowBits = 7;
  explicit TsWord(uint64_t bits) : bits_(bits) {}
  static TsWord Make(uint64_t value, State state) {
    MORAINE_DCHECK((value & kLowBits) == 0);
    return TsWord(value | static_cast<uint64_t>(state));
  }
  uint64_t bits_;
};

static_assert(sizeof(TsWord) == 8);

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_TS_WORD_H_
