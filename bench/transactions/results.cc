// Medians, the table and the targets of transactions.
#include "bench/transactions/results.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_format.h"

#include "bench/json_line.h"
#include "bench/statistics.h"
#include "nlohmann/json.hpp"

namespace moraine::bench {
namespace {

constexpr std::string_view kOwn = "moraine";
constexpr std::string_view kBest = "the best peer";

struct Target {
  std::string_view workload;
  int threads;
  std::string_view peer;  // or kBest
  double least_ratio;
};

constexpr Target kTargets[] = {
    {"txn_uniform", 1, "rocksdb", 5},
    {"txn_uniform", 1, "wiredtiger", 4},
    {"txn_uniform", 1, "lmdb", 4},
    {"txn_uniform", 2, "rocksdb", 5},
    {"txn_uniform", 2, "wiredtiger", 4},
    {"txn_uniform", 2, "lmdb", 4},
    {"txn_zipf", 1, "rocksdb", 5},
    {"txn_zipf", 1, "wiredtiger", 4},
    {"txn_zipf", 1, "lmdb", 4},
    {"txn_zipf", 2, "rocksdb", 5},
    {"txn_zipf", 2, "wiredtiger", 4},
    {"txn_zipf", 2, "lmdb", 4},
    {"put_synced", 1, kBest, 1},
    {"put_synced", 8, kBest, 1.3},
    {"put_synced", 32, kBest, 1.5},
    {"writer_beside_scan", 1, "rocksdb", 2},
    {"scan_beside_writer", 1, "rocksdb", 2},
    {"scan_beside_writer", 1, "lmdb", 1},
    {"ycsb_a", 2, kBest, 2},
    {"ycsb_b", 2, kBest, 1.2},
    {"ycsb_c", 2, kBest, 1.2},
    {"ycsb_d", 2, kBest, 2},
    {"ycsb_e", 2, kBest, 1},
    {"ycsb_f", 2, kBest, 2},
};

}  // namespace

std::string TransactionsLine(const TransactionsRecord& record) {
  const LineHead head = {.engine = record.engine,
                         .workload = record.role.workload,
                         .threads = record.role.threads,
                         .round = record.round,
                         .records = record.records,
                         .value_bytes = record.value_bytes,
                         .config_hash = record.config_hash,
                         .seed = record.seed};
  nlohmann::ordered_json line = ResultLine(head, record.role.result);
  line["retries"] = record.role.retries;
  line["abort_rate"] = record.role.abort_rate();
  return line.dump();
}

std::optional<double> TransactionsResults::Median(std::string_view engine,
                                                  std::string_view workload, int threads,
                                                  double (*field)(const RoleResult&)) const {
  std::vector<double> values;
  for (const TransactionsRecord& record : records_) {
    if (record.engine == engine && record.role.workload == workload &&
        record.role.threads == threads)
      values.push_back(field(record.role));
  }
  if (values.empty()) return std::nullopt;
  return bench::Median(values);
}

std::optional<double> TransactionsResults::MedianRate(std::string_view engine,
                                                      std::string_view workload,
                                                      int threads) const {
  return Median(engine, workload, threads,
                [](const RoleResult& role) { return role.result.ops_per_s; });
}

std::vector<std::string> TransactionsResults::Engines() const {
  std::vector<std::string> engines;
  for (const TransactionsRecord& record : records_) {
    if (std::find(engines.begin(), engines.end(), record.engine) == engines.end())
      engines.push_back(record.engine);
  }
  return engines;
}

std::optional<double> TransactionsResults::BestPeer(std::string_view workload, int threads) const {
  std::optional<double> best;
  for (const std::string& engine : Engines()) {
    if (engine == kOwn) continue;
    const std::optional<double> rate = MedianRate(engine, workload, threads);
    if (rate) best = std::max(best.value_or(0), *rate);
  }
  return best;
}

std::string TransactionsResults::Row(const std::string& engine, const std::string& workload,
                                     int threads) const {
  const std::optional<double> rate = MedianRate(engine, workload, threads);
  if (!rate) return "";
  auto median = [&](double (*field)(const RoleResult&)) {
    return Median(engine, workload, threads, field).value_or(0);
  };
  std::string row =
      absl::StrFormat("  %-10s %12.0f %10.1f %10.1f %8.2f%%", engine, *rate,
                      median([](const RoleResult& role) { return role.result.p50_us; }),
                      median([](const RoleResult& role) { return role.result.p99_us; }),
                      100 * median([](const RoleResult& role) { return role.abort_rate(); }));
  const std::optional<double> own = MedianRate(kOwn, workload, threads);
  if (own && engine != kOwn && *rate > 0) row += absl::StrFormat(" %9.2fx", *own / *rate);
  return row + "\n";
}

std::string TransactionsResults::Table() const {
  std::vector<std::pair<std::string, int>> blocks;
  for (const TransactionsRecord& record : records_) {
    const std::pair<std::string, int> block(record.role.workload, record.role.threads);
    if (std::find(blocks.begin(), blocks.end(), block) == blocks.end()) blocks.push_back(block);
  }
  std::string table;
  for (const auto& [workload, threads] : blocks) {
    table += absl::StrFormat("%s, %d thread%s\n  %-10s %12s %10s %10s %9s %10s\n", workload,
                             threads, threads == 1 ? "" : "s", "engine", "ops/s median", "p50 us",
                             "p99 us", "aborted", "moraine is");
    for (const std::string& engine : Engines()) table += Row(engine, workload, threads);
  }
  return table;
}

std::vector<TransactionsResults::Verdict> TransactionsResults::Judge() const {
  std::vector<Verdict> verdicts;
  for (const Target& target : kTargets) {
    const std::optional<double> own = MedianRate(kOwn, target.workload, target.threads);
    const std::optional<double> peer =
        target.peer == kBest ? BestPeer(target.workload, target.threads)
                             : MedianRate(target.peer, target.workload, target.threads);
    const std::string goal =
        absl::StrFormat("%s, %d thread(s): moraine >= %.1fx %s", std::string(target.workload),
                        target.threads, target.least_ratio, std::string(target.peer));
    if (!own || !peer || *peer <= 0) {
      verdicts.push_back({false, "not run  " + goal});
      continue;
    }
    const double ratio = *own / *peer;
    const bool met = ratio >= target.least_ratio;
    verdicts.push_back(
        {met, absl::StrFormat("%s %s: %.2fx", met ? "met     " : "MISSED  ", goal, ratio)});
  }
  return verdicts;
}

}  // namespace moraine::bench
