// Medians, ratios, lines and rows.
#include "bench/scatter_gather/results.h"

#include <algorithm>

#include "absl/strings/str_format.h"

#include "bench/json_line.h"
#include "bench/scatter_gather/methods.h"
#include "bench/statistics.h"
#include "nlohmann/json.hpp"

namespace moraine::bench {
namespace {

template <class Value>
void AddOnce(std::vector<Value>* values, const Value& value) {
  if (std::find(values->begin(), values->end(), value) == values->end()) values->push_back(value);
}

double PagesOf(const Measurement& measurement) {
  return static_cast<double>(std::max<uint64_t>(measurement.run.ops, 1));
}

// "3.42 (3.30 to 3.61)", or nothing.
std::string RatioText(const std::optional<RatioSpread>& ratio) {
  if (!ratio.has_value()) return "";
  return absl::StrFormat("%.2f (%.2f-%.2f)", ratio->median, ratio->least, ratio->most);
}

std::string TableRow(const Results& results, const std::string& method, const Setting& setting) {
  const std::optional<MethodSummary> summary = results.Summarize(method, setting);
  if (!summary.has_value()) return "";
  if (!summary->refusal.empty()) {
    return absl::StrFormat("  %-16s refused: %s\n", method, summary->refusal);
  }
  std::string row =
      absl::StrFormat("  %-16s %8.1f %8.1f %8.1f %8.1f %9.0f %9.0f %8.1f", method, summary->p50_us,
                      summary->p90_us, summary->p99_us, summary->p999_us, summary->pages_per_s,
                      summary->reads_per_s, summary->cpu_us_per_page);
  if (method == kFio) return row + "        (an operation is one read)\n";
  return row + absl::StrFormat(" %6.2f %19s %19s\n", summary->submissions_per_page,
                               RatioText(results.Ratio(kSerialMethod, method, setting)),
                               RatioText(results.Ratio(method, kBareMethod, setting)));
}

}  // namespace

std::vector<Setting> Results::Settings() const {
  std::vector<Setting> settings;
  for (const Measurement& measurement : measurements_) AddOnce(&settings, measurement.setting);
  return settings;
}

std::vector<std::string> Results::Methods() const {
  std::vector<std::string> methods;
  for (const Measurement& measurement : measurements_) AddOnce(&methods, measurement.method);
  return methods;
}

std::optional<MethodSummary> Results::Summarize(std::string_view method,
                                                const Setting& setting) const {
  std::vector<const Measurement*> chosen;
  MethodSummary summary;
  for (const Measurement& measurement : measurements_) {
    if (measurement.method != method || measurement.setting != setting) continue;
    if (measurement.refusal.empty()) {
      chosen.push_back(&measurement);
    } else {
      summary.refusal = measurement.refusal;
    }
  }
  if (chosen.empty() && summary.refusal.empty()) return std::nullopt;
  if (chosen.empty()) return summary;
  summary.refusal.clear();  // it worked in some round
  auto median = [&chosen](auto value_of) {
    std::vector<double> values;
    for (const Measurement* measurement : chosen) values.push_back(value_of(*measurement));
    return Median(std::move(values));
  };
  Histogram all;
  for (const Measurement* measurement : chosen) all.Merge(measurement->latencies);
  const bool merged = all.count() > 0;
  summary.p50_us = median([](const Measurement& m) { return m.run.p50_us; });
  summary.p90_us =
      merged ? all.PercentileNs(0.9) / 1e3 : median([](const Measurement& m) { return m.p90_us; });
  summary.p99_us = merged ? all.PercentileNs(0.99) / 1e3
                          : median([](const Measurement& m) { return m.run.p99_us; });
  summary.p999_us = merged ? all.PercentileNs(0.999) / 1e3
                           : median([](const Measurement& m) { return m.run.p999_us; });
  summary.pages_per_s = median([](const Measurement& m) { return m.run.ops_per_s; });
  summary.reads_per_s = median([](const Measurement& m) {
    return m.run.ops_per_s * static_cast<double>(m.run.fragments) / PagesOf(m);
  });
  summary.cpu_us_per_page = median([](const Measurement& m) { return m.run.cpu_us_per_op; });
  summary.submissions_per_page = median(
      [](const Measurement& m) { return static_cast<double>(m.run.submissions) / PagesOf(m); });
  return summary;
}

std::optional<RatioSpread> Results::Ratio(std::string_view above, std::string_view below,
                                          const Setting& setting) const {
  std::vector<double> ratios;
  for (const Measurement& one : measurements_) {
    if (one.method != above || one.setting != setting) continue;
    for (const Measurement& other : measurements_) {
      if (other.method != below || other.setting != setting || other.round != one.round) continue;
      if (one.run.p50_us > 0 && other.run.p50_us > 0) {
        ratios.push_back(one.run.p50_us / other.run.p50_us);
      }
    }
  }
  if (ratios.empty()) return std::nullopt;
  return RatioSpread{.median = Median(ratios),
                     .least = *std::min_element(ratios.begin(), ratios.end()),
                     .most = *std::max_element(ratios.begin(), ratios.end())};
}

std::string MeasurementLine(const Measurement& measurement, const RunFacts& facts) {
  const uint64_t page_bytes = measurement.method == kFio
                                  ? facts.fragment_bytes
                                  : measurement.setting.fragment_count * facts.fragment_bytes;
  nlohmann::ordered_json line = ResultLine({.engine = measurement.method,
                                            .workload = "scatter_gather",
                                            .threads = measurement.setting.readers,
                                            .round = measurement.round,
                                            .records = facts.file_bytes / facts.fragment_bytes,
                                            .value_bytes = page_bytes,
                                            .config_hash = facts.config_hash,
                                            .seed = facts.seed},
                                           measurement.run);
  const double pages = PagesOf(measurement);
  line["p90_us"] = measurement.p90_us;
  line["fragments_per_page"] = measurement.setting.fragment_count;
  line["fragment_bytes"] = facts.fragment_bytes;
  line["reads_per_s"] =
      measurement.run.ops_per_s * static_cast<double>(measurement.run.fragments) / pages;
  line["submissions_per_page"] = static_cast<double>(measurement.run.submissions) / pages;
  line["direct"] = facts.direct;
  line["refused"] = measurement.refusal;
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string ResultTable(const Results& results, const RunFacts& facts) {
  std::string table;
  for (const Setting& setting : results.Settings()) {
    table += absl::StrFormat("%u fragment%s of %u bytes, %d reader%s\n", setting.fragment_count,
                             setting.fragment_count == 1 ? "" : "s", facts.fragment_bytes,
                             setting.readers, setting.readers == 1 ? "" : "s");
    table += absl::StrFormat("  %-16s %8s %8s %8s %8s %9s %9s %8s %6s %19s %19s\n", "method",
                             "p50 us", "p90 us", "p99 us", "p99.9 us", "pages/s", "reads/s",
                             "cpu us/p", "calls", "faster than pread", "of uring's p50");
    for (const std::string& method : results.Methods()) {
      table += TableRow(results, method, setting);
    }
    table += "\n";
  }
  return table;
}

}  // namespace moraine::bench
