// What an execution asks about values that are open. The answers are a solver's (symbolic.h), so
// that a checker of concrete programs needs none.
#ifndef MORAINE_TESTS_SUPPORT_CHECKER_OPEN_VALUES_H_
#define MORAINE_TESTS_SUPPORT_CHECKER_OPEN_VALUES_H_

#include <string>

#include "tests/support/checker/options.h"
#include "tests/support/checker/view.h"

namespace moraine::checker {

class OpenValues {
 public:
  virtual ~OpenValues() = default;
  // An execution begins: nothing is assumed.
  virtual void Reset() = 0;
  // Whether two values are equal; where both is possible, a choice of the execution.
  virtual bool DecideEqual(Value a, Value b) = 0;
  // Whether they differ under all that was decided so far.
  virtual bool CertainlyDiffer(Value a, Value b) = 0;
  virtual Value Add(Value a, uint64_t number) = 0;
  virtual std::string Text(Value value) = 0;
  // Values under which the execution goes the way it went.
  virtual std::string Example() = 0;
};

}  // namespace moraine::checker

#endif  // MORAINE_TESTS_SUPPORT_CHECKER_OPEN_VALUES_H_
