// The tap at the commit position: random transactions of every kind on several threads, beside
// single writes and updates, then all that committed once more, one after another in the order of
// their positions, on a std::map. Every answer of every step, scans included, must be the same.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "storage/engine.h"
#include "storage/sync/atomic.h"
#include "tests/histories/replay.h"
#include "tests/support/engine_harness.h"
#include "tests/support/schedule.h"
#include "tests/support/seeds.h"
#include "tests/support/simulated_io.h"
#include "txn/transaction.h"

namespace moraine {
namespace {

constexpr uint64_t kThreads = 4;

class CommitOrderTest : public testing::Test {
 protected:
  // `count` transactions over `keys` keys a tree, on a fresh engine, then the replay.
  void RunHistory(uint64_t seed, uint64_t keys, uint64_t count) {
    SCOPED_TRACE("history seed " + std::to_string(seed) + ", keys " + std::to_string(keys));
    SimulatedIo io{{}};
    EngineOptions options = SmallEngineOptions(&io);
    options.log_ring_bytes = uint64_t{1} << 20;
    auto engine = Engine::Open("db", options).value();
    trees_ = {engine->CreateTree("plain", {}).value(),
              engine->CreateTree("sums", {.merge_operator = "add"}).value()};
    std::vector<std::vector<Committed>> histories(kThreads);
    std::vector<std::thread> threads;
    for (uint64_t thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        Work(*engine, Random::Derive(seed, thread), keys, count / kThreads, &histories[thread]);
      });
    }
    for (std::thread& thread : threads) thread.join();
    std::vector<Committed> all;
    for (std::vector<Committed>& history : histories)
      std::move(history.begin(), history.end(), std::back_inserter(all));
    committed_ += all.size();
    Replay replay;
    std::optional<std::string> wrong = replay.Check(&all);
    ASSERT_FALSE(wrong) << *wrong;
    for (uint32_t tree = 0; tree < kReplayTrees; ++tree) {
      std::vector<ModelRecord> left(replay.tree(tree).begin(), replay.tree(tree).end());
      ASSERT_EQ(ReadAll(*engine, *trees_[tree]).value(), left);
    }
  }

  // One of the transactions that a thread has open.
  struct Open {
    Committed record;
    std::unique_ptr<Transaction> transaction;
    uint64_t steps_left = 0;
    uint64_t savepoints = 0;
  };

  // Several transactions open at a time, so that they overlap however few processors there are.
  void Work(Engine& engine, uint64_t seed, uint64_t keys, uint64_t count,
            std::vector<Committed>* history) {
    Random random(seed);
    AtomicJitter jitter(seed);
    std::vector<Open> open(3);
    bool go_on = true;
    for (uint64_t begun = 0; begun < count && go_on;) {
      Open& one = open[random.Below(open.size())];
      if (one.transaction != nullptr) {
        go_on = StepOn(one, random, keys, history);
      } else if (random.OneIn(4)) {
        ++begun;
        go_on = WriteOne(engine, random, keys, history);
      } else {
        ++begun;
        Begin(engine, random, &one);
      }
    }
  }

  // A write or an update outside any transaction: a transaction of one step.
  bool WriteOne(Engine& engine, Random& random, uint64_t keys, std::vector<Committed>* history) {
    Step step = RandomStep(random, keys);
    constexpr Step::Kind kKinds[] = {Step::Kind::kPut, Step::Kind::kDelete, Step::Kind::kMerge,
                                     Step::Kind::kCompareAndSwap};
    step.kind = kKinds[random.Below(4)];
    if (step.kind == Step::Kind::kMerge) step.tree = 1;
    if (step.value.empty()) step.value = "1";
    Committed one;
    one.wrote = true;
    absl::StatusOr<Lsn> position = Lsn(0);
    if (step.kind == Step::Kind::kCompareAndSwap) {
      // Whatever is there is what it expects, so that it always swaps.
      auto update = [&](std::optional<std::string_view> value) -> UpdateDecision {
        step.other = value.value_or("");
        return {UpdateDecision::Action::kPut, step.value};
      };
      auto updated = engine.Update(*trees_[step.tree], step.key, update, Durability::kNone);
      position = updated.ok() ? absl::StatusOr<Lsn>(**updated) : updated.status();
    } else {
      WriteKind kind = step.kind == Step::Kind::kPut      ? WriteKind::kPut
                       : step.kind == Step::Kind::kDelete ? WriteKind::kDelete
                                                          : WriteKind::kMerge;
      position = engine.Write({kind, trees_[step.tree], step.key, step.value}, Durability::kNone);
    }
    EXPECT_TRUE(position.ok()) << position.status();
    if (!position.ok()) return false;
    one.position = one.read_position = position->value();
    one.steps.push_back(std::move(step));
    NoteReturned(one.position);
    history->push_back(std::move(one));
    return true;
  }

  void Begin(Engine& engine, Random& random, Open* one) {
    *one = Open();
    TransactionOptions options;
    if (random.OneIn(4)) options.isolation = Isolation::kSnapshot;
    // order: acquire <- CommitOrderTest::NoteReturned [V1]
    uint64_t returned = returned_.load(std::memory_order_acquire);
    one->transaction = Transaction::Begin(engine, options).value();
    one->steps_left = 1 + random.Below(7);
    one->record.isolation = options.isolation;
    one->record.read_position = one->record.position = one->transaction->read_position().value();
    EXPECT_GT(one->record.read_position, returned);  // real time: what returned before is seen
  }

  bool StepOn(Open& one, Random& random, uint64_t keys, std::vector<Committed>* history) {
    if (one.steps_left == 0) return Finish(one, random, history);
    --one.steps_left;
    Step step = RandomStep(random, keys);
    if (step.kind == Step::Kind::kSavepoint) ++one.savepoints;
    if (step.kind == Step::Kind::kRollBack)
      step.count = one.savepoints = one.savepoints == 0 ? 0 : 1 + random.Below(one.savepoints);
    absl::Status status = Take(*one.transaction, trees_, &step);
    one.record.steps.push_back(std::move(step));
    return status.ok() || Lost(one, status);
  }

  bool Finish(Open& one, Random& random, std::vector<Committed>* history) {
    if (random.OneIn(30)) {
      one.transaction.reset();
      return true;
    }
    absl::StatusOr<Lsn> position = one.transaction->Commit(Durability::kNone);
    if (!position.ok()) return Lost(one, position.status());
    one.record.position = position->value();
    one.record.wrote = one.transaction->has_writes();
    if (one.record.wrote) NoteReturned(one.record.position);
    history->push_back(std::move(one.record));
    one.transaction.reset();
    return true;
  }

  bool Lost(Open& one, const absl::Status& status) {
    EXPECT_TRUE(ConflictOf(status)) << status;
    // order: relaxed: a count
    refused_.fetch_add(1, std::memory_order_relaxed);
    one.transaction.reset();
    return ConflictOf(status).has_value();
  }

  void NoteReturned(uint64_t position) {
    // order: relaxed: the exchange below is what publishes
    uint64_t known = returned_.load(std::memory_order_relaxed);
    // order: release -> CommitOrderTest::NoteReturned [V1]
    while (known < position &&
           !returned_.compare_exchange_weak(known, position, std::memory_order_release,
                                            std::memory_order_relaxed)) {
    }
  }

  ReplayTrees trees_;
  Atomic<uint64_t> returned_{0};  // the largest position whose commit has returned
  Atomic<uint64_t> refused_{0};
  uint64_t committed_ = 0;
};

TEST_F(CommitOrderTest, EveryAnswerIsThatOfTheSerialOrder) {
  uint64_t total = TestFlag("transactions", 200'000 / kSanitizerSlowdown);
  constexpr uint64_t kKeys[] = {4, 12, 60, 1500};
  constexpr uint64_t kPerHistory = 10'000;
  Random random(TestSeed());
  for (uint64_t done = 0; done < total; done += kPerHistory) {
    // order: relaxed: one thread now
    returned_.store(0, std::memory_order_relaxed);
    RunHistory(random.Next(), kKeys[done / kPerHistory % std::size(kKeys)],
               std::min(kPerHistory, total - done));
    if (HasFatalFailure()) return;
  }
  // order: relaxed: one thread now
  uint64_t refused = refused_.load(std::memory_order_relaxed);
  RecordProperty("committed", std::to_string(committed_));
  RecordProperty("refused", std::to_string(refused));
  std::printf("%llu committed, %llu refused\n", static_cast<unsigned long long>(committed_),
              static_cast<unsigned long long>(refused));
  EXPECT_GT(committed_, total / 4);
  EXPECT_GT(refused, total / 20);
}

}  // namespace
}  // namespace moraine
