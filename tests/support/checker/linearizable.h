// Whether concurrent operations are linearizable: whether they can be put into one order, in keeping
// with what happened before what, in which a sequential model gives the same answers (J. Wing and
// C. Gong, 1993). Happens-before takes the place of real time: under weak memory nothing else tells
// two threads that one operation was over before the other began.
//
//   Linearizable<Account> history;                       Account: the model, copyable
//   history.Do([&] { bool paid = account.Pay(5);         runs, and says what the model must answer
//                    return [=](Account& model) { return model.Pay(5) == paid; }; });
//   ... at the end of the execution, outside of threads:
//   history.Check(Account());
#ifndef MORAINE_TESTS_SUPPORT_CHECKER_LINEARIZABLE_H_
#define MORAINE_TESTS_SUPPORT_CHECKER_LINEARIZABLE_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "tests/support/checker/execution.h"

namespace moraine::checker {

template <class Model>
class Linearizable {
 public:
  using Answer = std::function<bool(Model&)>;

  // `operation` runs and returns the Answer. `if_it_took_effect`: what the model does when the
  // thread stopped for ever inside; without it such an operation counts as never made.
  template <class Operation>
  void Do(Operation operation, Answer if_it_took_effect = nullptr) {
    Execution& execution = Execution::Current();
    size_t index = operations_.size();
    operations_.push_back(
        {execution.running(), execution.clock(), 0, std::move(if_it_took_effect)});
    Answer answer = operation();
    Entry& entry = operations_[index];
    entry.returned = execution.clock().at[entry.thread];
    entry.answer = std::move(answer);
  }

  void Check(const Model& initial) const {
    uint32_t unreturned = 0;
    for (size_t i = 0; i < operations_.size(); ++i) {
      if (operations_[i].returned == 0) unreturned |= uint32_t{1} << i;
    }
    Execution::Current().Require(Place(initial, 0, unreturned), "the operations are linearizable");
  }

 private:
  struct Entry {
    ThreadIndex thread;
    Clock called;
    uint32_t returned;  // the thread's clock; 0: never
    Answer answer;
  };

  bool Before(const Entry& a, const Entry& b) const {
    // The clock moves on after a step, so the last step of `a` was at one less.
    return a.returned != 0 && b.called.Covers(a.thread, a.returned - 1);
  }

  // Whether the operations that are not in `placed` can follow.
  bool Place(const Model& model, uint32_t placed, uint32_t unreturned) const {
    uint32_t all = (uint32_t{1} << operations_.size()) - 1;
    if ((placed | unreturned) == all) return true;
    for (size_t i = 0; i < operations_.size(); ++i) {
      uint32_t bit = uint32_t{1} << i;
      if ((placed & bit) != 0 || !operations_[i].answer) continue;
      bool first = true;
      for (size_t j = 0; j < operations_.size() && first; ++j) {
        first = j == i || (placed >> j & 1) != 0 || !Before(operations_[j], operations_[i]);
      }
      if (!first) continue;
      Model next = model;
      if (operations_[i].answer(next) && Place(next, placed | bit, unreturned)) return true;
    }
    return false;
  }

  std::vector<Entry> operations_;
};

}  // namespace moraine::checker

#endif  // MORAINE_TESTS_SUPPORT_CHECKER_LINEARIZABLE_H_
