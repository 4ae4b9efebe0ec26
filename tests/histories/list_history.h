// The lists of a random history, as the history checker of tools/history wants them: a second
// opinion that knows nothing of commit positions.
#ifndef MORAINE_TESTS_HISTORIES_LIST_HISTORY_H_
#define MORAINE_TESTS_HISTORIES_LIST_HISTORY_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "tests/histories/replay.h"
#include "tools/history/checker.h"

namespace moraine {

// How an element of a list looks at the end of a value.
std::string ListElement(uint64_t element);

struct ListHistory {
  std::span<const Committed> committed;
  const ReplayMaps* before = nullptr;  // what was there at the beginning, as a first transaction
  // After a crash: of `committed` those up to this position, and then a read of all that is left.
  std::optional<uint64_t> survived_to;
  const ReplayMaps* left = nullptr;
};

// What the checker finds, in words; empty: nothing.
std::string CheckLists(const ListHistory& lists, history::Level level);

}  // namespace moraine

#endif  // MORAINE_TESTS_HISTORIES_LIST_HISTORY_H_
