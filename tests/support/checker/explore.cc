// The loop over executions, and what makes a failure readable.
#include "tests/support/checker/explore.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <utility>

namespace moraine::checker {
namespace {

using SteadyClock = std::chrono::steady_clock;

double SecondsSince(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

void RunOnce(Execution* execution, Scenario scenario) {
  try {
    scenario(*execution);
  } catch (const Cancelled&) {
  }
  execution->Finish();
}

// Adds one execution to the result; false when the exploration is over.
bool Count(const Execution& execution, const ChoiceSource& choices, const Options& options,
           Result* result) {
  result->steps += execution.steps();
  switch (execution.end()) {
    case End::kViolation:
      result->violation = execution.message();
      result->choices = choices.record();
      return false;
    case End::kCompleted:
      ++result->executions;
      if (execution.any_stopped()) ++result->stopped;
      if (!execution.outcome().empty()) result->outcomes.insert(execution.outcome());
      if (options.collect_graphs) result->graphs.insert(execution.GraphNumber());
      return true;
    default:
      ++result->redundant;
      return true;
  }
}

constexpr size_t kColumnWidth = 46;

}  // namespace

Result Explore(const Options& options, Scenario scenario, OpenValues* open_values) {
  Result result;
  auto start = SteadyClock::now();
  Execution execution(options);
  execution.SetOpenValues(open_values);
  DepthFirst depth_first;
  RandomChoices random(options.seed);
  bool all = options.random_executions == 0;
  uint64_t most = all ? options.most_executions : options.random_executions;
  ChoiceSource& choices = all ? static_cast<ChoiceSource&>(depth_first) : random;
  for (bool more = true; more;) {
    execution.Begin(&choices, /*reduce=*/all, /*record_events=*/false);
    RunOnce(&execution, scenario);
    if (!Count(execution, choices, options, &result)) break;
    if (all && !depth_first.deterministic()) {
      result.violation = "the scenario depends on something else than its choices";
      break;
    }
    if (all) {
      more = depth_first.Next();
    } else {
      random.Next();
    }
    uint64_t runs = result.executions + result.redundant;
    bool too_long = runs % 256 == 0 && SecondsSince(start) > options.most_seconds;
    if (more && (runs >= most || too_long)) {
      result.complete = false;
      break;
    }
  }
  result.sites = execution.sites();
  result.seconds = SecondsSince(start);
  return result;
}

Replayed Replay(const Options& options, Scenario scenario, std::vector<Choice> choices,
                OpenValues* open_values) {
  Options unbounded = options;
  unbounded.preemption_bound = -1;
  Execution execution(unbounded);
  execution.SetOpenValues(open_values);
  RecordedChoices recorded(std::move(choices));
  execution.Begin(&recorded, /*reduce=*/false, /*record_events=*/true);
  RunOnce(&execution, scenario);
  Replayed replayed;
  replayed.end = execution.end();
  replayed.message = execution.message();
  replayed.choices = recorded.normalized();
  while (!replayed.choices.empty() && replayed.choices.back().value == Choice::kDefault) {
    replayed.choices.pop_back();
  }
  replayed.events = execution.events();
  replayed.thread_count = execution.thread_count();
  replayed.steps = execution.steps();
  return replayed;
}

Replayed Shrink(const Options& options, Scenario scenario, std::vector<Choice> choices,
                OpenValues* open_values) {
  Replayed best = Replay(options, scenario, std::move(choices), open_values);
  if (best.end != End::kViolation) return best;
  auto better = [](const Replayed& a, const Replayed& b) {
    auto cost = [](const Replayed& r) {
      return std::count_if(r.choices.begin(), r.choices.end(),
                           [](const Choice& c) { return c.value != Choice::kDefault; });
    };
    return std::pair(cost(a), a.steps) < std::pair(cost(b), b.steps);
  };
  auto try_instead = [&](std::vector<Choice> candidate) {
    Replayed tried = Replay(options, scenario, std::move(candidate), open_values);
    if (tried.end != End::kViolation || !better(tried, best)) return false;
    best = std::move(tried);
    return true;
  };
  for (bool progress = true; progress;) {
    progress = false;
    // Whole tails first, then single choices.
    for (size_t keep = 0; keep < best.choices.size(); ++keep) {
      std::vector<Choice> candidate(best.choices.begin(),
                                    best.choices.begin() + static_cast<ptrdiff_t>(keep));
      if (try_instead(std::move(candidate))) progress = true;
    }
    for (size_t i = 0; i < best.choices.size(); ++i) {
      if (best.choices[i].value == Choice::kDefault) continue;
      std::vector<Choice> candidate = best.choices;
      candidate[i].value = Choice::kDefault;
      if (try_instead(std::move(candidate))) progress = true;
    }
  }
  return best;
}

std::string Columns(const Replayed& replayed) {
  std::string text;
  auto line = [&text](size_t column, std::string_view content) {
    text += std::string(column * kColumnWidth, ' ');
    text += content;
    text += '\n';
  };
  std::string head;
  for (size_t t = 1; t < replayed.thread_count; ++t) {
    std::string title = "T" + std::to_string(t);
    head += title + std::string(kColumnWidth - title.size(), ' ');
  }
  line(0, head.substr(0, head.find_last_not_of(' ') + 1));
  for (const Event& event : replayed.events) {
    if (event.thread == 0) {
      line(0, "-- " + event.text);
    } else {
      line(event.thread - size_t{1}, event.text);
    }
  }
  line(0, "=> " + replayed.message);
  return text;
}

Result ExploreAndReport(std::string_view name, const Options& options, Scenario scenario,
                        OpenValues* open_values) {
  Result result = Explore(options, scenario, open_values);
  std::string bound;
  if (options.preemption_bound >= 0) {
    bound = ", at most " + std::to_string(options.preemption_bound) + " preemptions";
  }
  if (options.random_executions > 0) bound += ", random, --seed=" + std::to_string(options.seed);
  if (!result.complete && options.random_executions == 0) bound += ", cut off";
  std::printf("%.*s: %llu executions (%llu redundant), %llu steps, %.2f s%s\n",
              static_cast<int>(name.size()), name.data(),
              static_cast<unsigned long long>(result.executions),
              static_cast<unsigned long long>(result.redundant),
              static_cast<unsigned long long>(result.steps), result.seconds, bound.c_str());
  if (result.violation) {
    Replayed shrunk = Shrink(options, scenario, result.choices, open_values);
    if (shrunk.end != End::kViolation) {
      std::printf("%s\n(the failure does not repeat without reductions)\n",
                  result.violation->c_str());
    } else {
      std::printf("%schoices: %s\n", Columns(shrunk).c_str(), ToString(shrunk.choices).c_str());
    }
  }
  std::fflush(stdout);
  return result;
}

}  // namespace moraine::checker
