// Pushes, wounds and the reader's decision.
#include "storage/tree/visibility.h"

namespace moraine {
namespace {

// A flip is tens of nanoseconds away; a latest reader waits this long before it forces the writer
// to reserve again.
constexpr int kPausesBeforePush = 64;

// The word that decides: the version's own, or its batch's.
Atomic<uint64_t>& DecidingWord(const Version& version, TsWord seen) {
  if (seen.state() == TsWord::State::kOwned) return seen.owner()->word;
  return const_cast<Version&>(version).ts;  // pushing is the one change a reader makes
}

}  // namespace

bool PushBound(Atomic<uint64_t>& word, uint64_t ts) {
  TsWord seen = LoadWord(word);
  Backoff<> backoff;
  for (;;) {
    if (seen.terminal()) return false;
    if (seen.bound() >= ts) return true;
    if (seen.no_push()) {
      backoff.Wait();
      seen = LoadWord(word);
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

void ForbidPush(Atomic<uint64_t>& word) {
  TsWord seen = LoadWord(word);
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

bool Abort(Atomic<uint64_t>& word) {
  TsWord seen = LoadWord(word);
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

bool VisibleAt(const Version& version, ReadPoint point, const Log* log, uint64_t* ts) {
  for (;;) {
    TsWord seen = LoadWord(version.ts);
    Atomic<uint64_t>& deciding = DecidingWord(version, seen);
    TsWord word = seen.state() == TsWord::State::kOwned ? LoadWord(deciding) : seen;
    if (point.latest()) {
      for (int i = 0; i < kPausesBeforePush && !word.terminal(); ++i) {
        DefaultPolicy::Pause();
        word = LoadWord(deciding);
      }
    }
    if (word.state() == TsWord::State::kAborted) return false;
    if (word.committed()) {
      *ts = word.ts();
      return word.ts() < point.ts;
    }
    if (PushBound(deciding, point.latest() ? log->Tail().value() : point.ts)) return false;
  }
}

}  // namespace moraine
