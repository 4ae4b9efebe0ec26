// JSON lines, medians and the table.
#include "bench/report.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_format.h"

#include "bench/json_line.h"
#include "bench/statistics.h"
#include "nlohmann/json.hpp"

namespace moraine::bench {
namespace {

// Engines in the order of their first run, which is the order of the command line.
std::vector<std::string> EnginesOf(const std::vector<RunRecord>& runs) {
  std::vector<std::string> engines;
  for (const RunRecord& run : runs) {
    if (std::find(engines.begin(), engines.end(), run.engine) == engines.end()) {
      engines.push_back(run.engine);
    }
  }
  return engines;
}

std::string TableRow(const std::vector<RunRecord>& runs, const std::string& engine,
                     Workload workload, int threads) {
  const std::optional<Summary> summary = Summarize(runs, engine, workload, threads);
  if (!summary.has_value()) return "";
  std::string row = absl::StrFormat("  %-8s %12.0f %6.0f%% %11.2f %11.2f %11.2f %9.3f", engine,
                                    summary->median_ops_per_s, summary->spread() * 100,
                                    summary->median_p50_us, summary->median_p99_us,
                                    summary->median_p999_us, summary->median_cpu_us_per_op);
  const std::optional<double> ratio = RatioToPeer(runs, engine, workload, threads);
  if (ratio.has_value() && engine != kOwnEngine) row += absl::StrFormat(" %9.2fx", *ratio);
  return row + "\n";
}

}  // namespace

std::string JsonLine(const RunRecord& run) {
  const RunResult& result = run.result;
  const LineHead head = {.engine = run.engine,
                         .workload = std::string(WorkloadName(run.workload)),
                         .threads = run.threads,
                         .round = run.round,
                         .records = run.records,
                         .value_bytes = run.value_bytes,
                         .config_hash = run.config_hash,
                         .seed = run.seed};
  nlohmann::ordered_json line = ResultLine(head, result);
  if (result.hardware.valid && result.ops > 0) {
    const auto ops = static_cast<double>(result.ops);
    line["instructions_per_op"] = static_cast<double>(result.hardware.instructions) / ops;
    line["cache_misses_per_op"] = static_cast<double>(result.hardware.cache_misses) / ops;
  }
  return line.dump();
}

std::optional<Summary> Summarize(const std::vector<RunRecord>& runs, std::string_view engine,
                                 Workload workload, int threads) {
  std::vector<const RunResult*> chosen;
  for (const RunRecord& run : runs) {
    if (run.engine == engine && run.workload == workload && run.threads == threads) {
      chosen.push_back(&run.result);
    }
  }
  if (chosen.empty()) return std::nullopt;
  auto values = [&chosen](double RunResult::*field) {
    std::vector<double> all;
    for (const RunResult* result : chosen) all.push_back(result->*field);
    return all;
  };
  const std::vector<double> rates = values(&RunResult::ops_per_s);
  Summary summary;
  summary.runs = static_cast<int>(chosen.size());
  summary.median_ops_per_s = Median(rates);
  summary.least_ops_per_s = *std::min_element(rates.begin(), rates.end());
  summary.most_ops_per_s = *std::max_element(rates.begin(), rates.end());
  summary.median_p50_us = Median(values(&RunResult::p50_us));
  summary.median_p99_us = Median(values(&RunResult::p99_us));
  summary.median_p999_us = Median(values(&RunResult::p999_us));
  summary.median_cpu_us_per_op = Median(values(&RunResult::cpu_us_per_op));
  return summary;
}

std::optional<double> RatioToPeer(const std::vector<RunRecord>& runs, std::string_view peer,
                                  Workload workload, int threads) {
  const std::optional<Summary> own = Summarize(runs, kOwnEngine, workload, threads);
  const std::optional<Summary> other = Summarize(runs, peer, workload, threads);
  if (!own.has_value() || !other.has_value() || other->median_ops_per_s <= 0) return std::nullopt;
  return own->median_ops_per_s / other->median_ops_per_s;
}

std::string Table(const std::vector<RunRecord>& runs) {
  std::set<std::pair<Workload, int>> blocks;
  for (const RunRecord& run : runs) blocks.emplace(run.workload, run.threads);
  std::string table;
  for (const auto& [workload, threads] : blocks) {
    table += absl::StrFormat("%s, %d thread%s\n", std::string(WorkloadName(workload)), threads,
                             threads == 1 ? "" : "s");
    table += absl::StrFormat("  %-8s %12s %7s %11s %11s %11s %9s %10s\n", "engine", "ops/s median",
                             "spread", "p50 us", "p99 us", "p99.9 us", "cpu us/op", "moraine is");
    for (const std::string& engine : EnginesOf(runs)) {
      table += TableRow(runs, engine, workload, threads);
    }
    table += "\n";
  }
  return table;
}

}  // namespace moraine::bench
