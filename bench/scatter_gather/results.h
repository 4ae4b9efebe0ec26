// What all slices found, and what can be said of it: medians over the rounds, ratios of methods
// within a round, a JSON line each, a table for people.
#ifndef MORAINE_BENCH_SCATTER_GATHER_RESULTS_H_
#define MORAINE_BENCH_SCATTER_GATHER_RESULTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/histogram.h"
#include "bench/run_result.h"

namespace moraine::bench {

inline constexpr std::string_view kFio = "fio";

// A point of the plan: how many fragments a page has and how many readers there are.
struct Setting {
  size_t fragment_count = 1;
  int readers = 1;
  bool operator==(const Setting&) const = default;
};

// One method in one setting in one round. An operation is a page; of fio it is a single read.
struct Measurement {
  std::string method;
  Setting setting;
  int round = 0;
  RunResult run;
  double p90_us = 0;
  Histogram latencies;  // nothing in it for fio
  std::string refusal;  // why this way of reading does not work here; then nothing was measured
};

// What does not change during a run.
struct RunFacts {
  uint64_t file_bytes = 0;
  uint64_t fragment_bytes = 0;
  bool direct = false;
  std::string config_hash;
  uint64_t seed = 0;
};

struct MethodSummary {
  double p50_us = 0;  // median of the rounds
  double p90_us =
      0;  // this and the next two: of all rounds together, for fio medians of the rounds
  double p99_us = 0;
  double p999_us = 0;
  double pages_per_s = 0;  // medians of the rounds from here on
  double reads_per_s = 0;
  double cpu_us_per_page = 0;
  double submissions_per_page = 0;
  std::string refusal;
};

// Of the median latencies of two methods, round by round.
struct RatioSpread {
  double median = 0;
  double least = 0;
  double most = 0;
};

class Results {
 public:
  void Add(Measurement measurement) { measurements_.push_back(std::move(measurement)); }

  const std::vector<Measurement>& measurements() const { return measurements_; }
  // In the order of their first appearance.
  std::vector<Setting> Settings() const;
  std::vector<std::string> Methods() const;
  std::optional<MethodSummary> Summarize(std::string_view method, const Setting& setting) const;
  // p50 of `above` / p50 of `below`; none unless both ran in some round.
  std::optional<RatioSpread> Ratio(std::string_view above, std::string_view below,
                                   const Setting& setting) const;

 private:
  std::vector<Measurement> measurements_;
};

// One line without its end; the fields are listed in bench/README.md.
std::string MeasurementLine(const Measurement& measurement, const RunFacts& facts);

std::string ResultTable(const Results& results, const RunFacts& facts);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_SCATTER_GATHER_RESULTS_H_
