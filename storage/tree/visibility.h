// Purpose: decides whether a version counts for a reader, and settles it for ever: a reader that
// leaves an undecided version out first moves its bound up, so that the version can only commit at
// or after the reader's position.
//
// State words: Version::ts and StatusObject::word, both TsWord.
// States and transitions (who makes them)
//   kPending(b) -> kPending(b'), b' > b      any reader (push), unless no_push
//   kPending(b) -> kPending(b) | no_push     the owner, before its last try
//   kPending(b) -> kCommitted(ts), ts >= b   the owner (flip), by CAS on exactly the word examined
//   kPending(*) -> kAborted                  an older batch in whose way it is (wound); the owner
//   kOwned(p)   -> kCommitted(ts), kAborted  the owner (stamp), with p's outcome; helpers likewise
// Who may call what: OutcomeOf, VisibleAt, PushBound: any thread. Flip, ForbidPush, Stamp: the
//   owner (Stamp also a helper that saw a terminal outcome). Abort: the owner or an older batch.
//   All inside an epoch guard.
// Invariants
//   V1 kCommitted and kAborted are terminal: every reader at every position gets one answer for
//      ever.
//   V2 if a reader at S left the version out as undecided, its timestamp is >= S.
//   V3 install happens before Reserve: a version with ts < S is reachable for whoever read S from
//      the log's tail.
//   V4 same-key versions of a page are ordered by timestamp: one is installed above another only
//      when that one is terminal.
// Publication: the flip releases; readers acquire (the version's bytes were published by the page
//   word already).
// Reclamation: status objects by epoch, after every version of theirs is stamped.
// Progress: all lock-free; a reader that meets no_push spins while the owner copies its log record
//   (bounded, no system call in between).
// What could go wrong:
//   writer                               reader at S = 20
//   install A; reserve 10
//                                        sees A pending, leaves it out without a push
//   flip A to 10
//                                        sees A committed at 10 < 20: its snapshot changed
//   With the push the flip fails, and A gets a position >= 20.
// Tests that would fail: visibility_test, engine_snapshot_test, tests/models/txn_commit.pml with
//   BUG_NOPUSH.
#ifndef MORAINE_STORAGE_TREE_VISIBILITY_H_
#define MORAINE_STORAGE_TREE_VISIBILITY_H_

#include <cstdint>

#include "storage/log/log.h"
#include "storage/sync/backoff.h"
#include "storage/tree/version.h"

namespace moraine {

// The outcome of a version as it is now, without influencing it.
struct Outcome {
  enum class State : uint8_t { kCommitted, kAborted, kUndecided } state;
  uint64_t ts = 0;
};

inline TsWord LoadWord(const Atomic<uint64_t>& word) {
  // order: acquire <- TsWord::Flip [V1]
  return TsWord::FromBits(word.load(std::memory_order_acquire));
}

inline Outcome OutcomeOf(const Version& version) {
  TsWord word = LoadWord(version.ts);
  if (word.state() == TsWord::State::kOwned) word = LoadWord(word.owner()->word);
  if (word.committed()) return {Outcome::State::kCommitted, word.ts()};
  if (word.state() == TsWord::State::kAborted) return {Outcome::State::kAborted};
  return {Outcome::State::kUndecided};
}

// Where a reader stands: a snapshot, or the latest state.
struct ReadPoint {
  static constexpr uint64_t kLatest = ~uint64_t{0};
  uint64_t ts = kLatest;
  bool latest() const { return ts == kLatest; }
};

// Whether `version` is visible at `point`; sets `*ts` to its timestamp if so. Pushes an undecided
// one beyond the point.
bool VisibleAt(const Version& version, ReadPoint point, const Log* log, uint64_t* ts);

// Moves the bound of a pending word up to at least `ts`. True when it holds now; false when the
// word is terminal.
bool PushBound(Atomic<uint64_t>& word, uint64_t ts);

// The owner's last step: kPending(bound <= ts) -> kCommitted(ts).
enum class FlipResult : uint8_t { kCommitted, kAborted, kBoundAbove };
inline FlipResult Flip(Atomic<uint64_t>& word, uint64_t ts) {
  TsWord seen = LoadWord(word);
  for (;;) {
    if (seen.state() == TsWord::State::kAborted) return FlipResult::kAborted;
    if (seen.bound() > ts) return FlipResult::kBoundAbove;
    uint64_t bits = seen.bits();
    // order: release -> TsWord::Flip [V1]
    if (word.compare_exchange_strong(bits, TsWord::Committed(ts).bits(), std::memory_order_acq_rel,
                                     std::memory_order_acquire)) {
      return FlipResult::kCommitted;
    }
    seen = TsWord::FromBits(bits);
  }
}

// Closes a pending word to pushes; the owner calls it before its last Reserve.
void ForbidPush(Atomic<uint64_t>& word);

// kPending -> kAborted. False when the word was terminal already.
bool Abort(Atomic<uint64_t>& word);

// Stamps a version with the terminal outcome of its batch.
inline void Stamp(Version& version, TsWord outcome) {
  // order: release -> TsWord::Flip [V1]
  version.ts.store(outcome.bits(), std::memory_order_release);
}

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_VISIBILITY_H_
