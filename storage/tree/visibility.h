// Purpose: decides whether a version counts for a reader, and settles it for ever: a reader that
// leaves an undecided version out first moves its bound up, so that the version can only commit at
// or after the reader's position.
//
// State words: Version::ts and StatusObject::word, both TsWord.
// States and transitions (who makes them)
//   kPending(b) -> kPending(b'), b' > b      any reader (push), unless no_push
//   kPending(b) -> kPending(b) | no_push     the owner, before its last try
//   kPending(b) -> kCommitted(ts), ts >= b   the owner (flip), by CAS on exactly the word examined
//   kPending(*) -> kAborted                  an older batch in whose way it is (wound); the owner;
//                                            anybody, once the owner's thread has stopped
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
// Progress: all lock-free, with one limit: a reader that meets no_push spins while the owner copies
//   its log record and examines what it read (no system call in between). Should the owner's thread
//   stop just there, a single write is aborted after kMostNoPushTurns; a transaction is ended by the
//   next writer that meets it (stall_watch.h), and until then readers of its keys wait.
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

// The rules below are templates over the policy, and those that need both words of a version also
// over its type and its batch's, so that a checker runs the code that ships.
template <class Policy = DefaultPolicy>
TsWord LoadWord(const typename Policy::template Atomic<uint64_t>& word) {
  // order: acquire <- TsWord::Flip [V1]
  return TsWord::FromBits(word.load(std::memory_order_acquire));
}

template <class Policy = DefaultPolicy, class Status = StatusObject, class AnyVersion>
Outcome OutcomeOf(const AnyVersion& version) {
  TsWord word = LoadWord<Policy>(version.ts);
  if (word.state() == TsWord::State::kOwned) {
    word = LoadWord<Policy>(word.owner<Status>()->word);
  }
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

template <class Policy = DefaultPolicy>
bool Abort(typename Policy::template Atomic<uint64_t>& word);

// How often a closed word of a single write is looked at before its owner counts as stopped. Nearly
// every turn offers the processor to others, so this is some milliseconds at least.
inline constexpr uint32_t kMostNoPushTurns = 1 << 14;

// Moves the bound of a pending word up to at least `ts`. True when it holds now; false when the
// word is terminal. `most_turns`: beyond them a word closed to pushes is aborted.
template <class Policy = DefaultPolicy>
bool PushBound(typename Policy::template Atomic<uint64_t>& word, uint64_t ts,
               uint32_t most_turns = ~uint32_t{0}) {
  TsWord seen = LoadWord<Policy>(word);
  Backoff<Policy> backoff;
  uint32_t turns = 0;
  for (;;) {
    if (seen.terminal()) return false;
    if (seen.bound() >= ts) return true;
    if (seen.no_push()) {
      if (++turns >= most_turns) Abort<Policy>(word);
      backoff.Wait();
      seen = LoadWord<Policy>(word);
      continue;
    }
    uint64_t bits = seen.bits();
    // order: release -> TsWord::Flip [V2]; acquire because a failure hands out the word
    if (word.compare_exchange_weak(bits, TsWord::Pending(ts).bits(), std::memory_order_acq_rel,
                                   std::memory_order_acquire)) {
      return true;
    }
    seen = TsWord::FromBits(bits);
  }
}

// Whether `version` is visible at `point`; sets `*ts` to its timestamp if so. Pushes an undecided
// one beyond the point.
bool VisibleAt(const Version& version, ReadPoint point, const Log* log, uint64_t* ts);

// A flip is tens of nanoseconds away; a latest reader waits this long before it forces the writer
// to reserve again.
template <class Policy>
inline constexpr int kPausesBeforePush = 64;

// VisibleAt for any types of words. Positions: whose Tail() is the next position; the log.
template <class Policy, class Status, class AnyVersion, class Positions>
bool DecideVisible(const AnyVersion& version, ReadPoint point, const Positions* log, uint64_t* ts) {
  for (;;) {
    TsWord seen = LoadWord<Policy>(version.ts);
    bool owned = seen.state() == TsWord::State::kOwned;
    // Pushing is the one change that a reader makes.
    auto& deciding = owned ? seen.owner<Status>()->word : const_cast<AnyVersion&>(version).ts;
    TsWord word = owned ? LoadWord<Policy>(deciding) : seen;
    if (point.latest()) {
      for (int i = 0; i < kPausesBeforePush<Policy> && !word.terminal(); ++i) {
        Policy::Pause();
        word = LoadWord<Policy>(deciding);
      }
    }
    if (word.state() == TsWord::State::kAborted) return false;
    if (word.committed()) {
      *ts = word.ts();
      return word.ts() < point.ts;
    }
    uint32_t most_turns = owned ? ~uint32_t{0} : kMostNoPushTurns;
    uint64_t until = point.latest() ? log->Tail().value() : point.ts;
    if (PushBound<Policy>(deciding, until, most_turns)) return false;
  }
}

// The owner's last step: kPending(bound <= ts) -> kCommitted(ts).
enum class FlipResult : uint8_t { kCommitted, kAborted, kBoundAbove };
template <class Policy = DefaultPolicy>
FlipResult Flip(typename Policy::template Atomic<uint64_t>& word, uint64_t ts) {
  TsWord seen = LoadWord<Policy>(word);
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
template <class Policy = DefaultPolicy>
void ForbidPush(typename Policy::template Atomic<uint64_t>& word) {
  TsWord seen = LoadWord<Policy>(word);
  while (!seen.terminal()) {
    uint64_t bits = seen.bits();
    // order: release -> TsWord::Flip [V2]; acquire because a failure hands out the word
    if (word.compare_exchange_weak(bits, seen.WithNoPush().bits(), std::memory_order_acq_rel,
                                   std::memory_order_acquire)) {
      return;
    }
    seen = TsWord::FromBits(bits);
  }
}

// kPending -> kAborted. False when the word was terminal already.
template <class Policy>
bool Abort(typename Policy::template Atomic<uint64_t>& word) {
  TsWord seen = LoadWord<Policy>(word);
  while (!seen.terminal()) {
    uint64_t bits = seen.bits();
    // order: release -> TsWord::Flip [V1]; acquire because a failure hands out the word
    if (word.compare_exchange_weak(bits, TsWord::Aborted().bits(), std::memory_order_acq_rel,
                                   std::memory_order_acquire)) {
      return true;
    }
    seen = TsWord::FromBits(bits);
  }
  return false;
}

// Stamps a version with the terminal outcome of its batch.
template <class AnyVersion>
void Stamp(AnyVersion& version, TsWord outcome) {
  // order: release -> TsWord::Flip [V1]
  version.ts.store(outcome.bits(), std::memory_order_release);
}

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_VISIBILITY_H_
