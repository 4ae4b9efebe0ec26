// Finds the cycles of a graph and names them after A. Adya's thesis (1999) and Elle. Whether there
// is a forbidden cycle is decided by components, in linear time; breadth-first searches then look for
// short ones to show, within bounds.
#ifndef MORAINE_TOOLS_HISTORY_CYCLES_H_
#define MORAINE_TOOLS_HISTORY_CYCLES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tools/history/graph.h"

namespace moraine::history {

// From a transaction to the next one; in a cycle the last one leads to the first.
struct Dependency {
  uint32_t from = 0;
  uint32_t to = 0;
  EdgeMask kind = 0;
  uint32_t key = kNone;
  uint32_t before = kNone;
  uint32_t after = kNone;
};

struct Cycle {
  std::string name;
  std::vector<Dependency> dependencies;
};

struct CycleSearch {
  std::vector<Cycle> cycles;  // at least one of each component of each kind
  bool complete = true;       // false: the searches for short ones were cut off
};

CycleSearch FindCycles(const Graph& graph);

}  // namespace moraine::history

#endif  // MORAINE_TOOLS_HISTORY_CYCLES_H_
