// Histories of concurrent operations on single keys, and the question whether they are
// linearizable: whether each operation can be given one instant between its call and its return so
// that, in the order of the instants, every answer is right.
//
// The check follows J. Wing and C. Gong (1993) with G. Lowe's memoisation of visited states (2017)
// and is done key by key, since linearizability is compositional. Values are numbers, absence is
// nullopt. Recording is thread-safe; a Recorder belongs to one thread.
#ifndef MORAINE_TESTS_SUPPORT_HISTORY_H_
#define MORAINE_TESTS_SUPPORT_HISTORY_H_

#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/sync/atomic.h"
#include "storage/sync/mutex.h"

namespace moraine {

using HistoryValue = std::optional<uint64_t>;

struct HistoryOperation {
  enum class Kind : uint8_t { kGet, kPut, kDelete, kCompareAndSet, kAdd };
  // The operation never returned, or failed in a way that leaves open whether it took effect.
  static constexpr uint64_t kNeverReturned = std::numeric_limits<uint64_t>::max();

  Kind kind = Kind::kGet;
  uint64_t key = 0;
  uint64_t called = 0;  // instants of one clock
  uint64_t returned = kNeverReturned;
  HistoryValue argument;   // put: the value, compare-and-set: the desired one, add: the addend
  HistoryValue expected;   // compare-and-set
  HistoryValue result;     // get: what was read
  bool succeeded = false;  // compare-and-set
};

std::string ToString(const HistoryOperation& operation);

// Where threads write down what they do.
class History {
 public:
  class Recorder {
   public:
    explicit Recorder(History* history) : history_(history) {}
    // Notes the call. The reference is valid until the next call.
    HistoryOperation& Call(HistoryOperation operation);
    // Notes the return of the last call; without it the operation counts as never returned.
    void Return();

   private:
    friend class History;
    History* history_;
    std::vector<HistoryOperation> operations_;
  };

  Recorder& NewRecorder();
  // Everything recorded; no thread may be recording.
  std::vector<HistoryOperation> Operations() const;

 private:
  StdPolicy::Atomic<uint64_t> clock_{1};
  Mutex mutex_;
  std::deque<Recorder> recorders_;
};

struct HistoryVerdict {
  bool linearizable = true;
  std::string explanation;  // the operations around the first one that fits nowhere
};

// Every key starts absent.
HistoryVerdict CheckLinearizable(std::span<const HistoryOperation> operations);

}  // namespace moraine

#endif  // MORAINE_TESTS_SUPPORT_HISTORY_H_
