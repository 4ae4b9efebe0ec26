// What the runs say together: one JSON line each, and per workload a table of medians with their
// spread and the ratios of moraine to its peers.
#ifndef MORAINE_BENCH_REPORT_H_
#define MORAINE_BENCH_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/workload.h"

namespace moraine::bench {

inline constexpr std::string_view kOwnEngine = "moraine";

// A run together with what was run.
struct RunRecord {
  std::string engine;
  Workload workload = Workload::kGet;
  int threads = 1;
  int round = 0;
  uint64_t records = 0;
  uint64_t value_bytes = 0;
  std::string config_hash;
  uint64_t seed = 0;
  RunResult result;
};

// One line without its end; the fields are listed in bench/README.md.
std::string JsonLine(const RunRecord& run);

// Of the runs of one engine in one workload at one number of threads.
struct Summary {
  int runs = 0;
  double median_ops_per_s = 0;
  double least_ops_per_s = 0;
  double most_ops_per_s = 0;
  double median_p50_us = 0;
  double median_p99_us = 0;
  double median_p999_us = 0;
  double median_cpu_us_per_op = 0;
  // (most - least) / median
  double spread() const {
    return median_ops_per_s > 0 ? (most_ops_per_s - least_ops_per_s) / median_ops_per_s : 0;
  }
};

// nullopt when there was no such run.
std::optional<Summary> Summarize(const std::vector<RunRecord>& runs, std::string_view engine,
                                 Workload workload, int threads);

// Median rate of moraine divided by that of `peer`; nullopt when either was not run.
std::optional<double> RatioToPeer(const std::vector<RunRecord>& runs, std::string_view peer,
                                  Workload workload, int threads);

// The table for people, one block per workload and number of threads.
std::string Table(const std::vector<RunRecord>& runs);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_REPORT_H_
