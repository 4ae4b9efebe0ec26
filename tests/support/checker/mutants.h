// Mutants: the same code with one thing wrong at one atomic operation. A scenario that passes while
// its core is wrong proves nothing, so each mutant must be killed (some scenario reports a
// violation) or be accepted with a reason: an order that is stronger than needed, or a change that
// nobody can tell from the original.
#ifndef MORAINE_TESTS_SUPPORT_CHECKER_MUTANTS_H_
#define MORAINE_TESTS_SUPPORT_CHECKER_MUTANTS_H_

#include <map>
#include <string>
#include <vector>

#include "tests/support/checker/options.h"

namespace moraine::checker {

struct Mutant {
  Mutation mutation;
  // "epoch.h Participant::Enter store 1: release -> relaxed": the same in every build, and as long
  // as the function's operations keep their order.
  std::string name;
};

// All mutants of the given sites, in the order of the source.
std::vector<Mutant> MutantsOf(const std::map<Site, SiteUse>& sites);

// "void moraine::LogRing<Policy, Memory>::Give(uint64_t) [with ...]" is LogRing::Give.
std::string ShortFunctionName(const std::string& function);

}  // namespace moraine::checker

#endif  // MORAINE_TESTS_SUPPORT_CHECKER_MUTANTS_H_
