// Terms, decisions and the cache of what the solver was asked.
#include "tests/support/checker/symbolic.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <z3++.h>

#include "storage/base/check.h"

namespace moraine::checker {

// Terms live as long as the solver, each once (the solver itself shares equal ones), so the same
// decision has the same number in every execution and the cache finds it.
class Symbolic::Solver {
 public:
  Solver() : solver_(context_, "QF_BV"), terms_(context_), path_(context_) {
    terms_.push_back(context_.bv_val(0, 64));  // term 0 means a known number
  }

  z3::context& context() { return context_; }

  uint32_t Intern(const z3::expr& term) {
    z3::expr simple = term.simplify();
    auto [found, fresh] = numbers_.try_emplace(Z3_get_ast_id(context_, simple), terms_.size());
    if (fresh) terms_.push_back(simple);
    return found->second;
  }
  z3::expr Term(uint32_t number) { return terms_[static_cast<int>(number)]; }
  z3::expr Of(Value value) {
    return value.concrete() ? context_.bv_val(value.bits, 64) : Term(value.term);
  }

  bool Possible(const z3::expr& condition) {
    uint32_t number = Intern(condition);
    z3::expr simple = Term(number);
    if (simple.is_true()) return true;
    if (simple.is_false()) return false;
    auto [found, fresh] = answers_.try_emplace(std::pair(decided_, number), false);
    if (!fresh) {
      ++cache_hits;
      return found->second;
    }
    ++queries;
    solver_.reset();
    for (unsigned i = 0; i < path_.size(); ++i) solver_.add(path_[static_cast<int>(i)]);
    solver_.add(simple);
    z3::check_result result = solver_.check();
    MORAINE_CHECK(result != z3::unknown);
    return found->second = result == z3::sat;
  }

  void Assume(const z3::expr& condition) {
    uint32_t number = Intern(condition);
    auto at = std::lower_bound(decided_.begin(), decided_.end(), number);
    if (at != decided_.end() && *at == number) return;
    decided_.insert(at, number);
    path_.push_back(Term(number));
  }

  void Reset() {
    decided_.clear();
    path_ = z3::expr_vector(context_);
  }

  std::string Example() {
    solver_.reset();
    for (unsigned i = 0; i < path_.size(); ++i) solver_.add(path_[static_cast<int>(i)]);
    if (solver_.check() != z3::sat) return "";
    z3::model model = solver_.get_model();
    std::string text;
    for (unsigned i = 0; i < model.num_consts(); ++i) {
      z3::func_decl name = model.get_const_decl(i);
      uint64_t value = model.get_const_interp(name).get_numeral_uint64();
      if (!text.empty()) text += ", ";
      text += name.name().str() + " = " + std::to_string(value);
    }
    return text;
  }

  uint64_t queries = 0;
  uint64_t cache_hits = 0;

 private:
  z3::context context_;
  z3::solver solver_;
  z3::expr_vector terms_;
  z3::expr_vector path_;
  std::vector<uint32_t> decided_;  // the path, as sorted numbers
  std::map<unsigned, uint32_t> numbers_;
  std::map<std::pair<std::vector<uint32_t>, uint32_t>, bool> answers_;
};

Symbolic* Symbolic::current_ = nullptr;

Symbolic::Symbolic() : solver_(std::make_unique<Solver>()) {
  MORAINE_CHECK(current_ == nullptr);
  current_ = this;
}

Symbolic::~Symbolic() { current_ = nullptr; }

Condition::operator bool() const {
  if (!open_) return value_;
  return Symbolic::current_->Decide(*this);
}

Number Number::Compute(char operation, Number a, Number b) {
  if (a.known() && b.known()) {
    uint64_t x = a.value_.bits, y = b.value_.bits;
    if (operation == '+') return Number(x + y);
    if (operation == '-') return Number(x - y);
    if (operation == '/') return Number(x / y);
    if (operation == '%') return Number(x % y);
    return Number(x & y);
  }
  Symbolic::Solver& solver = *Symbolic::current_->solver_;
  z3::expr x = solver.Of(a.value_), y = solver.Of(b.value_);
  z3::expr result = operation == '+'   ? x + y
                    : operation == '-' ? x - y
                    : operation == '/' ? z3::udiv(x, y)
                    : operation == '%' ? z3::urem(x, y)
                                       : (x & y);
  uint32_t term = solver.Intern(result);
  uint64_t known = 0;
  if (solver.Term(term).is_numeral_u64(known)) return Number(known);
  return Number(Value{0, term});
}

Condition Number::Compare(char operation, Number a, Number b) {
  if (a.known() && b.known()) {
    uint64_t x = a.value_.bits, y = b.value_.bits;
    if (operation == '<') return x < y;
    if (operation == 'l') return x <= y;
    return (x == y) == (operation == '=');
  }
  Symbolic::Solver& solver = *Symbolic::current_->solver_;
  z3::expr x = solver.Of(a.value_), y = solver.Of(b.value_);
  z3::expr result = operation == '<'   ? z3::ult(x, y)
                    : operation == 'l' ? z3::ule(x, y)
                    : operation == '=' ? x == y
                                       : x != y;
  return Condition::Open(solver.Intern(result));
}

Number Symbolic::Any(const std::string& name) {
  return Number(Value{0, solver_->Intern(solver_->context().bv_const(name.c_str(), 64))});
}

void Symbolic::Assume(Condition condition) {
  if (!condition.open()) {
    if (!condition.value()) Execution::Current().Discard();
    return;
  }
  z3::expr term = solver_->Term(condition.term());
  if (!solver_->Possible(term)) Execution::Current().Discard();
  solver_->Assume(term);
}

bool Symbolic::Decide(Condition condition) {
  if (!condition.open()) return condition.value();
  z3::expr term = solver_->Term(condition.term());
  bool may_hold = solver_->Possible(term);
  bool may_fail = solver_->Possible(!term);
  if (!may_hold || !may_fail) return may_hold;
  bool holds = Execution::Current().ChooseBranch();
  solver_->Assume(holds ? term : !term);
  return holds;
}

void Symbolic::Require(Condition condition, const std::string& what) {
  if (!condition.open()) {
    Execution::Current().Require(condition.value(), what);
    return;
  }
  z3::expr term = solver_->Term(condition.term());
  if (!solver_->Possible(!term)) return;
  solver_->Assume(!term);
  Execution::Current().Fail("required: " + what + ", which fails for " + Example());
}

uint64_t Symbolic::queries() const { return solver_->queries; }
uint64_t Symbolic::cache_hits() const { return solver_->cache_hits; }

void Symbolic::Reset() { solver_->Reset(); }

bool Symbolic::DecideEqual(Value a, Value b) { return Decide(Number(a) == Number(b)); }

bool Symbolic::CertainlyDiffer(Value a, Value b) {
  Condition equal = Number(a) == Number(b);
  if (!equal.open()) return !equal.value();
  return !solver_->Possible(solver_->Term(equal.term()));
}

Value Symbolic::Add(Value a, uint64_t number) { return (Number(a) + Number(number)).value(); }

std::string Symbolic::Text(Value value) { return solver_->Of(value).to_string(); }

std::string Symbolic::Example() { return solver_->Example(); }

}  // namespace moraine::checker
