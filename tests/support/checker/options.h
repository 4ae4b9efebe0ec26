// What an exploration is asked to do, and what it found.
#ifndef MORAINE_TESTS_SUPPORT_CHECKER_OPTIONS_H_
#define MORAINE_TESTS_SUPPORT_CHECKER_OPTIONS_H_

#include <atomic>  // tidy: allow(atomic-outside-sync): names memory orders, holds no atomic
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <source_location>
#include <string>
#include <tuple>
#include <vector>

#include "tests/support/checker/choices.h"

namespace moraine::checker {

// Where in the source an operation stands.
struct Site {
  std::string file;
  uint32_t line = 0;
  uint32_t column = 0;
  auto operator<=>(const Site&) const = default;
};

enum class OperationKind : uint8_t { kLoad, kStore, kAdd, kExchange, kSwap, kFence, kHalfFence };

// What an operation does at its site: the base of its mutants.
struct SiteUse {
  OperationKind kind;
  std::memory_order order;
  std::memory_order failure;  // of a compare-and-swap
  bool number = false;        // the word is a number, not a pointer or a flag
  std::string function;
  auto operator<=>(const SiteUse&) const = default;
};

enum class MutationKind : uint8_t {
  kOrder,         // another memory order
  kFailureOrder,  // of a failed compare-and-swap
  kDrop,          // the store or the fence is left out
  kSwapToStore,   // a compare-and-swap that does not compare
  kSplit,         // a read-modify-write in two steps
  kMore,          // what is added or stored is one unit too large
  kLess           // one unit too small
};

struct Mutation {
  Site site;
  MutationKind kind = MutationKind::kOrder;
  std::memory_order order = std::memory_order_relaxed;
};

struct Options {
  // Leaves out executions whose reads-from and modification orders were explored.
  bool sleep_sets = true;
  // How often a thread that could go on may be interrupted; negative: any number. A bound makes
  // the exploration incomplete.
  int preemption_bound = -1;
  uint64_t most_executions = uint64_t{1} << 40;
  double most_seconds = 1e9;
  uint32_t most_steps = 2'000;     // of one execution
  uint32_t most_own_steps = 500;   // of one thread: more is a loop that does not end
  int most_stops = 0;              // threads that may stop for ever, anywhere
  bool power_cut = false;          // all threads may stop for ever at once, after any step
  int spurious_failures = 0;       // of weak compare-and-swaps, per execution
  uint64_t random_executions = 0;  // instead of all: so many with random choices
  uint64_t seed = 1;
  std::optional<Mutation> mutation;
  bool collect_sites = false;
  bool collect_graphs = false;
};

struct Result {
  uint64_t executions = 0;  // completed
  uint64_t redundant = 0;   // cut off because an equivalent one was explored
  uint64_t stopped = 0;     // completed executions in which a thread stopped for ever
  uint64_t steps = 0;
  double seconds = 0;
  bool complete = true;  // false when a bound on executions or time ended the exploration
  std::optional<std::string> violation;
  std::vector<Choice> choices;     // of the violation
  std::set<std::string> outcomes;  // whatever the scenario observed
  std::set<uint64_t> graphs;       // reads-from and modification order, one number each
  std::map<Site, SiteUse> sites;
};

}  // namespace moraine::checker

#endif  // MORAINE_TESTS_SUPPORT_CHECKER_OPTIONS_H_
