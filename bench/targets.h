// How much faster than its peers moraine has to be in cache, as a table, and whether the runs say
// that it is.
#ifndef MORAINE_BENCH_TARGETS_H_
#define MORAINE_BENCH_TARGETS_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/report.h"

namespace moraine::bench {

struct Target {
  Workload workload;
  int threads;
  std::string_view peer;
  double least_ratio;  // median moraine / median peer
};

std::span<const Target> InCacheTargets();

enum class Verdict : uint8_t { kMet, kMissed, kNotRun };

struct TargetOutcome {
  Verdict verdict = Verdict::kNotRun;
  std::string text;  // a line for people
};

std::vector<TargetOutcome> CheckTargets(std::span<const Target> targets,
                                        const std::vector<RunRecord>& runs);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_TARGETS_H_
