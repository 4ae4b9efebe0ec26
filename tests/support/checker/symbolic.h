// Open values: numbers that stand for all 64-bit values at once. A shipping template that takes its
// number type from its policy runs on them; where it compares, the solver (libz3, bit vectors) says
// which ways are possible under what was decided before, and the execution takes each of them.
//
// An overflow that no tested number triggers is found this way: the solver is the one who looks for
// the number. What is asked is kept from one execution to the next, since executions share most of
// their decisions.
#ifndef MORAINE_TESTS_SUPPORT_CHECKER_SYMBOLIC_H_
#define MORAINE_TESTS_SUPPORT_CHECKER_SYMBOLIC_H_

#include <cstdint>
#include <memory>
#include <string>

#include "tests/support/checker/checked_policy.h"
#include "tests/support/checker/open_values.h"

namespace moraine::checker {

class Number;

// A condition on numbers. Using it as a bool decides it.
class Condition {
 public:
  Condition(bool value) : value_(value) {}  // NOLINT: as implicit as a bool
  static Condition Open(uint32_t term) {
    Condition condition(false);
    condition.term_ = term;
    condition.open_ = true;
    return condition;
  }
  explicit operator bool() const;
  bool open() const { return open_; }
  bool value() const { return value_; }
  uint32_t term() const { return term_; }

 private:
  bool value_;
  bool open_ = false;
  uint32_t term_ = 0;
};

// A 64-bit number, known or open. Wraps around as uint64_t does.
class Number {
 public:
  Number() = default;
  Number(uint64_t bits) : value_{bits, 0} {}  // NOLINT: as implicit as between integers
  explicit Number(Value value) : value_(value) {}
  Value value() const { return value_; }
  bool known() const { return value_.concrete(); }

  friend Number operator+(Number a, Number b) { return Compute('+', a, b); }
  friend Number operator-(Number a, Number b) { return Compute('-', a, b); }
  friend Number operator/(Number a, Number b) { return Compute('/', a, b); }
  friend Number operator%(Number a, Number b) { return Compute('%', a, b); }
  // Only the low 32 bits: what a careless cast would leave.
  Number Low32() const { return Compute('&', *this, Number(0xffffffff)); }
  friend Condition operator<(Number a, Number b) { return Compare('<', a, b); }
  friend Condition operator>(Number a, Number b) { return Compare('<', b, a); }
  friend Condition operator<=(Number a, Number b) { return Compare('l', a, b); }
  friend Condition operator>=(Number a, Number b) { return Compare('l', b, a); }
  friend Condition operator==(Number a, Number b) { return Compare('=', a, b); }
  friend Condition operator!=(Number a, Number b) { return Compare('!', a, b); }

 private:
  static Number Compute(char operation, Number a, Number b);
  static Condition Compare(char operation, Number a, Number b);
  Value value_;
};

template <>
struct ValueOf<Number> {
  static constexpr bool kNumber = true;
  static Value To(Number number) { return number.value(); }
  static Number From(Value value) { return Number(value); }
};

inline Number Low32(Number number) { return number.Low32(); }
inline uint64_t Low32(uint64_t number) { return number & 0xffffffff; }

// CheckedPolicy with open numbers.
struct SymbolicPolicy : CheckedPolicy {
  using U64 = Number;
};

// The solver, for the explorations that are given it.
class Symbolic final : public OpenValues {
 public:
  Symbolic();
  ~Symbolic() override;
  Symbolic(const Symbolic&) = delete;
  Symbolic& operator=(const Symbolic&) = delete;

  // The open number of this name: any value at all.
  Number Any(const std::string& name);
  // Leaves out what does not meet the condition.
  void Assume(Condition condition);
  // Whether the condition holds, both ways if both are possible.
  bool Decide(Condition condition);
  // Ends the execution as a violation if the condition can fail.
  void Require(Condition condition, const std::string& what);

  uint64_t queries() const;
  uint64_t cache_hits() const;

  void Reset() override;
  bool DecideEqual(Value a, Value b) override;
  bool CertainlyDiffer(Value a, Value b) override;
  Value Add(Value a, uint64_t number) override;
  std::string Text(Value value) override;
  std::string Example() override;

 private:
  friend class Number;
  friend class Condition;
  class Solver;
  static Symbolic* current_;
  std::unique_ptr<Solver> solver_;
};

}  // namespace moraine::checker

#endif  // MORAINE_TESTS_SUPPORT_CHECKER_SYMBOLIC_H_
