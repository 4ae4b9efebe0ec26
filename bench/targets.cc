// The in-cache targets and their check.
#include "bench/targets.h"

#include "absl/strings/str_format.h"

namespace moraine::bench {

namespace {

constexpr Target kInCacheTargets[] = {
    {Workload::kGet, 1, "rocksdb", 3.0},   {Workload::kGet, 2, "rocksdb", 3.0},
    {Workload::kGet, 1, "lmdb", 1.2},      {Workload::kGet, 2, "lmdb", 1.2},
    {Workload::kPut, 1, "rocksdb", 4.0},   {Workload::kPut, 1, "lmdb", 4.0},
    {Workload::kPut, 2, "rocksdb", 6.0},   {Workload::kPut, 2, "lmdb", 6.0},
    {Workload::kScan100, 1, "lmdb", 1.0},  {Workload::kScan100, 2, "lmdb", 1.0},
    {Workload::kFullScan, 1, "lmdb", 1.0}, {Workload::kFullScan, 2, "lmdb", 1.0},
};

}  // namespace

std::span<const Target> InCacheTargets() { return kInCacheTargets; }

std::vector<TargetOutcome> CheckTargets(std::span<const Target> targets,
                                        const std::vector<RunRecord>& runs) {
  std::vector<TargetOutcome> outcomes;
  for (const Target& target : targets) {
    const std::optional<double> ratio =
        RatioToPeer(runs, target.peer, target.workload, target.threads);
    const std::string goal = absl::StrFormat(
        "%s, %d thread(s): moraine >= %.1fx %s", std::string(WorkloadName(target.workload)),
        target.threads, target.least_ratio, std::string(target.peer));
    if (!ratio.has_value()) {
      outcomes.push_back({Verdict::kNotRun, "not run  " + goal});
    } else if (*ratio >= target.least_ratio) {
      outcomes.push_back({Verdict::kMet, absl::StrFormat("met      %s: %.2fx", goal, *ratio)});
    } else {
      outcomes.push_back({Verdict::kMissed, absl::StrFormat("MISSED   %s: %.2fx", goal, *ratio)});
    }
  }
  return outcomes;
}

}  // namespace moraine::bench
