// Versions and the words that decide them (invariants V1 to V4 of visibility.h), over the real
// ring's Reserve and Tail: single writes, batches, wounds, pushes.
#include "storage/base/ids.h"
#include "storage/tree/visibility.h"
#include "tests/checker/ring_memory.h"
#include "tests/checker/scenarios.h"
#include "tests/support/checker/linearizable.h"

namespace moraine {
// Under the checker a reader pushes at once: waiting first only hides what a push may break.
template <>
inline constexpr int kPausesBeforePush<checker::CheckedPolicy> = 0;
}  // namespace moraine

namespace moraine::checker {
namespace {

using Word = CheckedPolicy::Atomic<uint64_t>;
using P = CheckedPolicy;

struct alignas(8) Status {
  Word word{TsWord::Pending(0).bits()};
};
struct alignas(8) VersionOf {
  explicit VersionOf(TsWord word) : ts(word.bits()) {}
  Word ts;
};

constexpr uint32_t kTries = 3;  // as kReserveTries of the tree, which is 4

// The log as visibility sees it: positions, in commit order.
class Positions {
 public:
  Lsn Tail() const { return Lsn(ring_.Tail()); }
  uint64_t Reserve() { return ring_.Reserve(kRecord); }

 private:
  CheckedRingMemory<4> memory_;
  CheckedRing<4> ring_{memory_, 64, 0};
};

bool Visible(const VersionOf& version, ReadPoint point, const Positions& log, uint64_t* ts) {
  return DecideVisible<P, Status>(version, point, &log, ts);
}

// Tree::Commit in its bare order; the position, or nothing when it was aborted.
std::optional<uint64_t> Commit(Word& word, Positions& log) {
  for (uint32_t attempt = 1;; ++attempt) {
    if (attempt == kTries) ForbidPush<P>(word);
    uint64_t lsn = log.Reserve();
    FlipResult result = Flip<P>(word, lsn);
    if (result == FlipResult::kCommitted) return lsn;
    if (result == FlipResult::kAborted) return std::nullopt;
    MORAINE_REQUIRE(attempt < kTries);
  }
}

// A reader at a snapshot asks twice; the answers agree, and with the timestamp in the end.
struct SnapshotRead {
  uint64_t snapshot = 0;
  bool seen = false;

  void Run(CheckedPolicy::Atomic<VersionOf*>& page, const Positions& log) {
    snapshot = log.Tail().value();
    uint64_t ts = 0;
    VersionOf* version = page.load(std::memory_order_acquire);
    if (version == nullptr) return;  // then its timestamp is not below the snapshot [V3]
    seen = Visible(*version, ReadPoint{snapshot}, log, &ts);
    MORAINE_REQUIRE(!seen || ts < snapshot);
    MORAINE_REQUIRE(Visible(*version, ReadPoint{snapshot}, log, &ts) == seen);
  }
  void Judge(uint64_t committed) const { MORAINE_REQUIRE(seen == (committed < snapshot)); }
};

void OneWriteTwoSnapshots(Execution& execution) {
  Positions log;
  VersionOf* version = New<VersionOf>(TsWord::Pending(0));
  CheckedPolicy::Atomic<VersionOf*> page{nullptr};
  SnapshotRead first, second;
  std::optional<uint64_t> committed;
  execution.Run({[&] {
                   page.store(version, std::memory_order_release);
                   committed = Commit(version->ts, log);
                 },
                 [&] { first.Run(page, log); }, [&] { second.Run(page, log); }});
  if (!execution.any_stopped()) {
    MORAINE_REQUIRE(committed.has_value());
    first.Judge(*committed);
    second.Judge(*committed);
    MORAINE_REQUIRE(LoadWord<P>(version->ts) == TsWord::Committed(*committed));
  }
  Delete(version);
}

// A latest read that follows, in happens-before, one that saw the version sees it too; positions
// are taken by others meanwhile.
void LatestReads(Execution& execution) {
  Positions log;
  VersionOf version(TsWord::Pending(0));
  std::optional<uint64_t> committed;
  execution.Run({[&] { committed = Commit(version.ts, log); },
                 [&] {
                   uint64_t ts = 0, again = 0;
                   bool seen = Visible(version, ReadPoint{}, log, &ts);
                   if (seen)
                     MORAINE_REQUIRE(Visible(version, ReadPoint{}, log, &again) && again == ts);
                 },
                 [&] { log.Reserve(); }});
  MORAINE_REQUIRE(committed.has_value());
}

// Both versions of a batch are in a snapshot, or neither, before and after they are stamped.
void BatchOfTwo(Execution& execution) {
  Positions log;
  Status status;
  VersionOf left(TsWord::Owned(&status)), right(TsWord::Owned(&status));
  uint64_t snapshot = 0;
  bool seen_left = false, seen_right = false;
  std::optional<uint64_t> committed;
  execution.Run({[&] {
                   committed = Commit(status.word, log);
                   TsWord outcome = LoadWord<P>(status.word);
                   MORAINE_REQUIRE(outcome.terminal());
                   Stamp(left, outcome);
                   Stamp(right, outcome);
                 },
                 [&] {
                   uint64_t ts = 0;
                   snapshot = log.Tail().value();
                   seen_left = Visible(left, ReadPoint{snapshot}, log, &ts);
                   seen_right = Visible(right, ReadPoint{snapshot}, log, &ts);
                   MORAINE_REQUIRE(seen_left == seen_right);
                 },
                 [&] { log.Reserve(); }});
  MORAINE_REQUIRE(seen_left == (*committed < snapshot));
  // The batch's word may go now: nobody needs it any more.
  MORAINE_REQUIRE(LoadWord<P>(left.ts) == TsWord::Committed(*committed));
  MORAINE_REQUIRE(LoadWord<P>(right.ts) == TsWord::Committed(*committed));
}

// What a batch did before it committed is visible to whoever sees it committed, through either word.
void CommitPublishes(Execution& execution) {
  Positions log;
  Status status;
  VersionOf version(TsWord::Owned(&status));
  Plain<int> effect;
  auto read = [&] {
    if (OutcomeOf<P, Status>(version).state != Outcome::State::kCommitted) return;
    MORAINE_REQUIRE(effect.Get() == 1);
  };
  execution.Run({[&] {
                   effect.Set(1);
                   Commit(status.word, log);
                   Stamp(version, LoadWord<P>(status.word));
                 },
                 read});
}

// An older batch aborts a younger one that is about to commit, while a reader pushes it.
void Wound(Execution& execution) {
  Positions log;
  Status status;
  VersionOf version(TsWord::Owned(&status));
  std::optional<uint64_t> committed;
  bool wounded = false, seen = false;
  uint64_t snapshot = 0;
  Plain<int> retry;
  execution.Run({[&] {
                   committed = Commit(status.word, log);
                   if (!committed) MORAINE_REQUIRE(retry.Get() == 1);
                   Stamp(version, LoadWord<P>(status.word));
                 },
                 [&] {
                   retry.Set(1);
                   wounded = Abort<P>(status.word);
                 },
                 [&] {
                   uint64_t ts = 0;
                   snapshot = log.Tail().value();
                   seen = Visible(version, ReadPoint{snapshot}, log, &ts);
                   Outcome outcome = OutcomeOf<P, Status>(version);
                   if (outcome.state == Outcome::State::kAborted) MORAINE_REQUIRE(retry.Get() == 1);
                 }});
  if (execution.any_stopped()) return;
  MORAINE_REQUIRE(wounded == !committed.has_value());
  MORAINE_REQUIRE(seen == (committed.has_value() && *committed < snapshot));
}

// The word alone, against its states.
struct WordModel {
  enum { kPending, kCommitted, kAborted } state = kPending;
  uint64_t bound = 0;
  bool closed = false;

  bool Push(uint64_t ts) {
    if (state != kPending) return false;
    if (bound < ts && !closed) bound = ts;
    return true;
  }
  FlipResult Flip(uint64_t ts) {
    if (state == kAborted) return FlipResult::kAborted;
    if (bound > ts) return FlipResult::kBoundAbove;
    state = kCommitted;
    return FlipResult::kCommitted;
  }
  bool Abort() {
    if (state != kPending) return false;
    state = kAborted;
    return true;
  }
};

void OneWord(Execution& execution) {
  Word word{TsWord::Pending(8).bits()};
  Linearizable<WordModel> history;
  using Answer = Linearizable<WordModel>::Answer;
  auto push = [&](uint64_t ts) {
    history.Do([&, ts]() -> Answer {
      bool pushed = PushBound<P>(word, ts);
      return [=](WordModel& model) { return model.Push(ts) == pushed; };
    });
  };
  execution.Run({[&] {
                   history.Do([&]() -> Answer {
                     FlipResult result = Flip<P>(word, 16);
                     return [=](WordModel& model) { return model.Flip(16) == result; };
                   });
                 },
                 [&] {
                   push(16);
                   push(24);
                 },
                 [&] {
                   history.Do([&]() -> Answer {
                     bool aborted = Abort<P>(word);
                     return [=](WordModel& model) { return model.Abort() == aborted; };
                   });
                 }});
  if (execution.any_stopped()) return;
  WordModel initial;
  initial.bound = 8;
  history.Check(initial);
}

// A closed word takes no push; the reader waits for the owner's last step, which comes.
void ClosedWord(Execution& execution) {
  Word word{TsWord::Pending(0).bits()};
  FlipResult result = FlipResult::kAborted;
  bool pushed = false;
  uint64_t bound = 0;
  execution.Run({[&] {
                   ForbidPush<P>(word);
                   bound = LoadWord<P>(word).bound();
                   MORAINE_REQUIRE(LoadWord<P>(word).no_push());
                   result = Flip<P>(word, 64);
                 },
                 [&] { pushed = PushBound<P>(word, 32); }});
  MORAINE_REQUIRE(result == FlipResult::kCommitted && pushed == (bound == 32));
}

}  // namespace

std::vector<NamedScenario> VisibilityScenarios() {
  Options spurious;
  spurious.spurious_failures = 1;
  Options stops = spurious;
  stops.most_stops = 1;
  stops.most_own_steps = 40;
  return {{"visibility: one write, two snapshots", &OneWriteTwoSnapshots},
          {"visibility: latest reads", &LatestReads},
          {"visibility: batch of two", &BatchOfTwo},
          {"visibility: commit publishes", &CommitPublishes},
          {"visibility: wound", &Wound},
          {"visibility: one word, linearizable", &OneWord, spurious},
          {"visibility: one word, lock-free", &OneWord, stops},
          {"visibility: closed word", &ClosedWord, spurious}};
}

}  // namespace moraine::checker
