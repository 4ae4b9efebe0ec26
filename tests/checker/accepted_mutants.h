// Mutants that no scenario kills, each with the reason why that is right: here all of them weaken an
// order that is stronger than needed. The stronger orders stay, since they are free on x86 and no
// hot path runs elsewhere yet.
#ifndef MORAINE_TESTS_CHECKER_ACCEPTED_MUTANTS_H_
#define MORAINE_TESTS_CHECKER_ACCEPTED_MUTANTS_H_

#include <algorithm>
#include <iterator>
#include <string_view>

namespace moraine::checker {

struct AcceptedMutant {
  std::string_view name;
  std::string_view reason;
};

inline constexpr AcceptedMutant kAcceptedMutants[] = {
    {"epoch.h EpochDomain::TryAdvance swap 1: acq_rel -> release",
     "the swap reads the message that Now acquired a few lines above: no other has its value"},
    {"page_entry.h PageEntry::CompareAndSwap swap 1: acq_rel -> release",
     "the swap reads the message that Load acquired: under its guard no other has its value"},
    {"page_entry.h PageEntry::CompareAndSwapDisk swap 1: acq_rel -> release",
     "as above; a packed word, whose value may come again, has nothing behind it"},
    {"visibility.h PushBound swap 1: acq_rel -> acquire",
     "a push hands over a bound, which is the word itself, and no data"},
    {"visibility.h PushBound swap 1: acq_rel -> release",
     "a push that succeeds read a pending word, and uses nothing that its writers did"},
    {"visibility.h PushBound swap 1: failure acquire -> relaxed",
     "a failure with a terminal word makes the reader load the word again, which acquires"},
    {"visibility.h Flip swap 1: acq_rel -> release",
     "a flip that succeeds read a pending word, and uses nothing that its pushers did"},
    {"visibility.h ForbidPush swap 1: acq_rel -> acquire",
     "closing the word hands over no data; the flip that follows releases"},
    {"visibility.h ForbidPush swap 1: acq_rel -> release",
     "the owner uses nothing that pushers did"},
    {"visibility.h ForbidPush swap 1: failure acquire -> relaxed",
     "a failure with a terminal word ends the call; the flip that follows loads the word again"},
    {"visibility.h Abort swap 1: acq_rel -> release",
     "a wound that succeeds read a pending word, and uses nothing that its owner did"},
    {"visibility.h Abort swap 1: failure acquire -> relaxed",
     "callers of a wound that failed load the word again, which acquires"},
};

inline bool ReasonToAccept(std::string_view name) {
  return std::any_of(std::begin(kAcceptedMutants), std::end(kAcceptedMutants),
                     [&](const AcceptedMutant& accepted) { return accepted.name == name; });
}

}  // namespace moraine::checker

#endif  // MORAINE_TESTS_CHECKER_ACCEPTED_MUTANTS_H_
