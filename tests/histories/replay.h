// Random transactions that remember what they asked and what they were told, and a replay of all of
// them, in commit order, on ordered maps that must tell them the same: the whole of
// serializability in one comparison, scans included.
#ifndef MORAINE_TESTS_HISTORIES_REPLAY_H_
#define MORAINE_TESTS_HISTORIES_REPLAY_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "storage/engine.h"
#include "tests/support/seeds.h"
#include "txn/transaction.h"

namespace moraine {

// One step of a transaction. `answer` is what the engine said, as text.
struct Step {
  enum class Kind : uint8_t {
    kGet,
    kGetForUpdate,
    kScan,  // [key, other), or to the end when other is empty; at most `count` records
    kScanBackward,
    kPut,
    kDelete,
    kMerge,
    kCompareAndSwap,  // expects `other` ("": absent), writes `value` ("": deletes)
    kDeleteRange,
    kReadAppend,  // to a list: reads it, puts it with `other` at its end (which is `value`)
    kSavepoint,
    kRollBack,
  } kind = Kind::kGet;
  uint32_t tree = 0;  // 0: plain, 1: adds, 2: lists, which a merge appends to
  std::string key;
  std::string other;
  std::string value;
  uint64_t count = 0;
  std::string answer;
};

// Of trees 0 and 1. Values have up to `padding` bytes.
Step RandomStep(Random& random, uint64_t keys, uint64_t padding);
std::string NumberedKey(uint64_t number);

// A transaction that committed (or only read).
struct Committed {
  Isolation isolation = Isolation::kSerializable;
  uint64_t read_position = 0;
  uint64_t position = 0;  // of the commit; the read position when nothing was written
  bool wrote = false;
  uint64_t begin = 0;  // by a clock that all threads share
  uint64_t end = 0;
  std::vector<Step> steps;
};

inline constexpr uint32_t kListTree = 2;
inline constexpr uint32_t kReplayTrees = 3;
using ReplayTrees = std::array<Tree*, kReplayTrees>;
using ReplayMaps = std::array<std::map<std::string, std::string>, kReplayTrees>;

// Takes `step` in `transaction` and fills in its answer.
absl::Status Take(Transaction& transaction, const ReplayTrees& trees, Step* step);

// The reference.
class Replay {
 public:
  // Begins with the records of `maps`.
  explicit Replay(ReplayMaps maps = {}) : maps_(std::move(maps)) {}

  // What a crash has left: Check finds out after which commit the records were these. Borrowed.
  void LookFor(const ReplayMaps* left);
  // The last such position, 0: before the first commit; nullopt: there was none.
  std::optional<uint64_t> found_at() const { return found_at_; }

  // All of `history` at once, in any order; what is wrong, or nothing.
  std::optional<std::string> Check(std::vector<Committed>* history);
  const ReplayMaps& maps() const { return maps_; }

 private:
  struct Undo {
    uint32_t tree;
    std::string key;
    std::optional<std::string> before;
    bool merged = false;  // by this write
  };
  // What a transaction under snapshot isolation does to a key when it commits.
  struct Decision {
    uint32_t tree;
    std::string key;
    std::optional<std::string> value;  // merges: the sum of the operands
    bool merge = false;
  };
  struct Event {
    uint64_t position;
    bool commit;  // or the reads of a transaction that need not still hold at its commit
    Committed* transaction;
  };

  std::string Answer(const Step& step);
  std::string Scan(const Step& step) const;
  void Assign(uint32_t tree, const std::string& key, std::optional<std::string> value);
  void Set(const Step& step, const std::string& key, std::optional<std::string> value);
  void TakeBack(size_t mark);
  std::optional<std::string> Run(const Committed& transaction);
  std::vector<Decision> Decisions() const;
  std::optional<std::string> Apply(const Committed& transaction);
  std::optional<std::string> CheckReads(const Event& event);
  std::optional<std::string> CheckCommit(const Event& event);

  ReplayMaps maps_;
  const ReplayMaps* left_ = nullptr;
  uint64_t differing_ = 0;  // keys that maps_ and left_ do not have alike
  std::optional<uint64_t> found_at_;
  std::vector<Undo> undo_;
  std::vector<size_t> savepoints_;
  std::map<const Committed*, std::vector<Decision>> decided_;
  std::array<std::map<std::string, uint64_t>, kReplayTrees> last_written_;
};

}  // namespace moraine

#endif  // MORAINE_TESTS_HISTORIES_REPLAY_H_
