// What the runs say together: medians over the rounds, ratios to each peer, and the targets.
#ifndef MORAINE_BENCH_TRANSACTIONS_RESULTS_H_
#define MORAINE_BENCH_TRANSACTIONS_RESULTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/transactions/timed_run.h"

namespace moraine::bench {

struct TransactionsRecord {
  std::string engine;
  int round = 0;
  uint64_t records = 0;
  uint64_t value_bytes = 0;
  std::string config_hash;
  uint64_t seed = 0;
  RoleResult role;
};

// A line without its end: the common fields of bench/README.md, `retries` and `abort_rate`.
std::string TransactionsLine(const TransactionsRecord& record);

class TransactionsResults {
 public:
  void Add(TransactionsRecord record) { records_.push_back(std::move(record)); }

  // Operations per second; nullopt when there was no such run.
  std::optional<double> MedianRate(std::string_view engine, std::string_view workload,
                                   int threads) const;
  std::string Table() const;
  struct Verdict {
    bool met = false;
    std::string text;
  };
  // A target whose runs are missing is not met.
  std::vector<Verdict> Judge() const;

 private:
  std::optional<double> Median(std::string_view engine, std::string_view workload, int threads,
                               double (*field)(const RoleResult&)) const;
  std::string Row(const std::string& engine, const std::string& workload, int threads) const;
  std::optional<double> BestPeer(std::string_view workload, int threads) const;
  std::vector<std::string> Engines() const;

  std::vector<TransactionsRecord> records_;
};

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_TRANSACTIONS_RESULTS_H_
