// One random history of an engine: threads with several transactions open at a time, beside single
// writes and updates, on plain records, sums and lists; pages leave memory all the while, leaves
// split. Each era ends in a power cut at a random moment of it, and the next one goes on with what
// is left. Checked after each era:
//   - every answer is that of the replay in commit order, scans included, and so is what is there;
//   - the lists pass the history checker, real time included: a second opinion without positions;
//   - what the cut has left is what some prefix of the commit order gives, and holds everything
//     acknowledged as durable; and the checker agrees that no transaction is half there.
#ifndef MORAINE_TESTS_HISTORIES_RANDOM_HISTORY_H_
#define MORAINE_TESTS_HISTORIES_RANDOM_HISTORY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/engine.h"
#include "storage/sync/atomic.h"
#include "storage/sync/mutex.h"
#include "tests/histories/replay.h"
#include "tests/support/seeds.h"
#include "tests/support/simulated_io.h"
#include "txn/transaction.h"

namespace moraine {

struct RandomHistoryOptions {
  uint64_t seed = 1;
  uint64_t keys = 12;            // of each tree: few make many conflicts, many make splits
  uint64_t transactions = 5000;  // of an era
  uint64_t eras = 2;
  uint64_t padding = 0;  // bytes of values, at most
};

struct RandomHistoryCounts {
  uint64_t committed = 0;
  uint64_t refused = 0;  // because of a conflict
  uint64_t lost = 0;     // committed without asking for durability, and gone with a cut
  uint64_t evicted = 0;  // pages
  uint64_t loaded = 0;   // pages
  uint64_t most_pages = 0;
  void Add(const RandomHistoryCounts& other);
};

class RandomHistory {
 public:
  explicit RandomHistory(const RandomHistoryOptions& options);

  // What is wrong; empty: nothing. May be called once.
  std::string Run();
  const RandomHistoryCounts& counts() const { return counts_; }

 private:
  static constexpr uint64_t kThreads = 4;

  // One of the transactions that a thread has open.
  struct Open {
    Committed record;
    std::unique_ptr<Transaction> transaction;
    uint64_t steps_left = 0;
    uint64_t savepoints = 0;
  };
  struct Worker {
    explicit Worker(uint64_t seed) : random(seed) {}
    Random random;
    uint64_t number = 0;
    std::vector<Open> open;
    std::vector<Committed> history;
  };
  struct Image {
    SimulatedDisk disk;
    uint64_t durable = 0;  // the largest position acknowledged as durable by then
  };

  absl::Status OpenEngine(const SimulatedDisk& disk);
  std::string RunEra(uint64_t era);
  std::string CheckEra();
  absl::StatusOr<ReplayMaps> ReadMaps();
  void CountPages();

  // Of the threads; an error ends the history.
  absl::Status Work(Worker& worker);
  absl::Status WriteOne(Worker& worker);
  absl::Status Begin(Worker& worker, Open* one);
  absl::Status StepOn(Worker& worker, Open& one);
  absl::Status Finish(Worker& worker, Open& one);
  absl::Status Lost(Open& one, const absl::Status& status);
  Step NextStep(Worker& worker, bool may_merge_lists);
  absl::Status NoteReturned(uint64_t position, Durability durability);
  uint64_t Now();
  static void Raise(Atomic<uint64_t>& largest, uint64_t position);

  const RandomHistoryOptions options_;
  Random random_;
  std::unique_ptr<SimulatedIo> io_;
  std::unique_ptr<Engine> engine_;
  ReplayTrees trees_;
  ReplayMaps before_;  // at the beginning of the era
  std::vector<Committed> committed_;
  RandomHistoryCounts counts_;

  Atomic<uint64_t> clock_{1};
  Atomic<uint64_t> returned_{0};  // the largest position whose commit has returned
  Atomic<uint64_t> durable_{0};   // the same, durable
  Atomic<uint64_t> begun_{0};     // transactions of this era
  Atomic<uint64_t> refused_{0};
  Atomic<uint64_t> elements_{0};
  uint64_t cut_at_ = 0;         // the cut comes when so many have begun
  std::optional<Image> image_;  // by the device's lock
  Mutex mutex_;
  std::string wrong_;  // by mutex_
};

}  // namespace moraine

#endif  // MORAINE_TESTS_HISTORIES_RANDOM_HISTORY_H_
