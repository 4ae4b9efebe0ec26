// Looking up lines, and the targets on them.
#include "bench/cold/cold_results.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_format.h"

#include "bench/cold/cold_run.h"
#include "bench/cold/phase.h"
#include "bench/record_set.h"
#include "bench/statistics.h"

namespace moraine::bench {
namespace {

constexpr std::string_view kOwn = "moraine";
constexpr std::string_view kFio = "fio";

// What has to be there in a line for it to count as one.
bool IsLine(const nlohmann::json& line) {
  if (!line.is_object()) return false;
  for (const char* name : {"engine", "workload", "failed"}) {
    if (!line.contains(name) || !line[name].is_string()) return false;
  }
  return line.contains("threads") && line["threads"].is_number_integer();
}

double Number(const nlohmann::json& line, std::string_view field) {
  const auto found = line.find(field);
  return found != line.end() && found->is_number() ? found->get<double>() : 0;
}

std::string Text(const nlohmann::json& line, std::string_view field) {
  const auto found = line.find(field);
  return found != line.end() && found->is_string() ? found->get<std::string>() : "";
}

// `above` / `below` against a bound, either way.
ColdVerdict JudgeRatio(const std::string& goal, std::optional<double> above,
                       std::optional<double> below, double least) {
  const std::string wanted = absl::StrFormat("%s at least %.2f", goal, least);
  if (!above.has_value() || !below.has_value() || *below <= 0) {
    return {.met = false, .text = "MISSED   " + wanted + ": not run"};
  }
  const double ratio = *above / *below;
  const bool met = ratio >= least;
  return {.met = met,
          .text = absl::StrFormat("%s%s: %.2f", met ? "met      " : "MISSED   ", wanted, ratio)};
}

ColdVerdict JudgeMost(const std::string& goal, std::optional<double> value, double most) {
  const std::string wanted = absl::StrFormat("%s at most %g", goal, most);
  if (!value.has_value()) return {.met = false, .text = "MISSED   " + wanted + ": not run"};
  const bool met = *value <= most;
  return {.met = met,
          .text = absl::StrFormat("%s%s: %.2f", met ? "met      " : "MISSED   ", wanted, *value)};
}

}  // namespace

bool ColdResults::Add(std::string_view line) {
  nlohmann::json parsed = nlohmann::json::parse(line, nullptr, false);
  if (!IsLine(parsed)) return false;
  lines_.push_back(std::move(parsed));
  return true;
}

std::vector<double> ColdResults::Values(std::string_view engine, std::string_view workload,
                                        int threads, std::string_view field,
                                        std::string_view on) const {
  std::vector<double> values;
  for (const nlohmann::json& line : lines_) {
    if (line["engine"] == engine && line["workload"] == workload && line["threads"] == threads &&
        Text(line, "failed").empty() && Text(line, "on") == on) {
      values.push_back(Number(line, field));
    }
  }
  return values;
}

std::optional<double> ColdResults::Median(std::string_view engine, std::string_view workload,
                                          int threads, std::string_view field) const {
  const std::vector<double> values = Values(engine, workload, threads, field, "");
  return values.empty() ? std::nullopt : std::optional(bench::Median(values));
}

std::optional<double> ColdResults::Most(std::string_view engine, std::string_view workload,
                                        int threads, std::string_view field) const {
  const std::vector<double> values = Values(engine, workload, threads, field, "");
  if (values.empty()) return std::nullopt;
  return *std::max_element(values.begin(), values.end());
}

std::optional<double> ColdResults::Fio(std::string_view engine, std::string_view workload,
                                       std::string_view field) const {
  const std::vector<double> values = Values(kFio, workload, 1, field, engine);
  return values.empty() ? std::nullopt : std::optional(bench::Median(values));
}

std::vector<std::string> ColdResults::Engines() const {
  std::vector<std::string> engines;
  for (const nlohmann::json& line : lines_) {
    const std::string engine = line["engine"];
    if (engine == kFio) continue;
    if (std::find(engines.begin(), engines.end(), engine) == engines.end()) {
      engines.push_back(engine);
    }
  }
  return engines;
}

std::string ColdResults::Row(const std::string& engine, const std::string& workload,
                             int threads) const {
  auto median = [&](std::string_view field) {
    return Median(engine, workload, threads, field).value_or(0);
  };
  if (!Median(engine, workload, threads, "ops_per_s").has_value()) {
    for (const nlohmann::json& line : lines_) {
      if (line["engine"] == engine && line["workload"] == workload && line["threads"] == threads) {
        return absl::StrFormat("  %-10s failed: %s\n", engine, Text(line, "failed"));
      }
    }
    return "";
  }
  constexpr double kMebibyte = 1 << 20;
  return absl::StrFormat(
      "  %-10s %10.0f %9.1f %9.1f %9.1f %9.1f %8.2f %8.1f %8.1f %8.2f %7.0f %7.0f\n", engine,
      median("ops_per_s"), median("p50_us"), median("p99_us"), median("p999_us"),
      Most(engine, workload, threads, "max_us").value_or(0) / 1e3, median("device_reads_per_op"),
      median("device_bytes_read") / std::max(median("seconds"), 1e-9) / 1e6,
      median("written_per_user_byte"), median("cpu_us_per_op"),
      median("memory_peak_bytes") / kMebibyte, median("occupied_bytes") / kMebibyte);
}

std::string ColdResults::Table() const {
  std::vector<std::pair<std::string, int>> blocks;
  for (const nlohmann::json& line : lines_) {
    const std::pair<std::string, int> block = {line["workload"], line["threads"]};
    if (line["engine"] == kFio) continue;
    if (std::find(blocks.begin(), blocks.end(), block) == blocks.end()) blocks.push_back(block);
  }
  std::string table;
  for (const auto& [workload, threads] : blocks) {
    table += absl::StrFormat("%s, %d thread%s\n", workload, threads, threads == 1 ? "" : "s");
    table += absl::StrFormat("  %-10s %10s %9s %9s %9s %9s %8s %8s %8s %8s %7s %7s\n", "engine",
                             "ops/s", "p50 us", "p99 us", "p99.9 us", "max ms", "reads/op",
                             "MB/s read", "written", "cpu us", "peak", "on disk");
    for (const std::string& engine : Engines()) table += Row(engine, workload, threads);
    table += "\n";
  }
  for (const std::string& engine : Engines()) {
    const auto depth_8 = Fio(engine, kFioDepth8, "ops_per_s");
    const auto depth_32 = Fio(engine, kFioDepth32, "ops_per_s");
    const auto sequential = Fio(engine, kFioSequential, "bytes_per_s");
    if (!depth_8.has_value() && !depth_32.has_value() && !sequential.has_value()) continue;
    table += absl::StrFormat(
        "fio on the files of %-10s: %.0f reads/s at depth 8, %.0f at 32, %.0f MB/s in sequence\n",
        engine, depth_8.value_or(0), depth_32.value_or(0), sequential.value_or(0) / 1e6);
  }
  return table;
}

bool ColdResults::LimitsWereAlike() const {
  std::set<double> limits;
  for (const nlohmann::json& line : lines_) {
    if (line["engine"] == kFio || line["workload"] == kLoadWorkload ||
        !Text(line, "failed").empty()) {
      continue;
    }
    const double limit = Number(line, "memory_limit_bytes");
    const double data =
        Number(line, "records") * (static_cast<double>(kKeyBytes) + Number(line, "value_bytes"));
    if (limit <= 0 || data < 8 * limit * 0.999) return false;  // records are whole
    limits.insert(limit);
  }
  return limits.size() == 1;
}

std::vector<ColdVerdict> ColdResults::Judge() const {
  auto best_peer = [this](std::string_view workload, int threads) {
    std::optional<double> best;
    for (const std::string& engine : Engines()) {
      const auto rate = Median(engine, workload, threads, "ops_per_s");
      if (engine != kOwn && rate.has_value()) best = std::max(best.value_or(0), *rate);
    }
    return best;
  };
  const std::string_view get = ColdWorkloadName(ColdWorkload::kGet);
  const std::string_view many = ColdWorkloadName(ColdWorkload::kMultiGet);
  const std::string_view scan = ColdWorkloadName(ColdWorkload::kScan);
  const std::string_view update = ColdWorkloadName(ColdWorkload::kUpdate);
  auto own = [this](std::string_view workload, int threads, std::string_view field) {
    return Median(kOwn, workload, threads, field);
  };
  std::optional<double> scan_bytes_per_s = own(scan, 1, "device_bytes_read");
  if (scan_bytes_per_s.has_value()) {
    *scan_bytes_per_s /= std::max(own(scan, 1, "seconds").value_or(1), 1e-9);
  }
  std::optional<double> stall_ms = Most(kOwn, update, 1, "max_us");
  if (stall_ms.has_value()) *stall_ms /= 1e3;
  const bool alike = LimitsWereAlike();
  return {
      {.met = alike,
       .text = std::string(alike ? "met      " : "MISSED   ") +
               "one cgroup limit for all, the data at least 8 times as large"},
      JudgeRatio("get, 8 threads: moraine / best peer", own(get, 8, "ops_per_s"), best_peer(get, 8),
                 1.15),
      JudgeRatio("get, 8 threads: moraine / fio at depth 8", own(get, 8, "ops_per_s"),
                 Fio(kOwn, kFioDepth8, "ops_per_s"), 0.90),
      JudgeMost("get, 8 threads: device reads per get", own(get, 8, "device_reads_per_op"), 1.5),
      JudgeRatio("multi_get of 32: moraine / best peer", own(many, 1, "ops_per_s"),
                 best_peer(many, 1), 4.0),
      JudgeRatio("multi_get of 32: moraine / fio at depth 32", own(many, 1, "ops_per_s"),
                 Fio(kOwn, kFioDepth32, "ops_per_s"), 0.80),
      JudgeRatio("full scan: bytes read per second / fio in sequence", scan_bytes_per_s,
                 Fio(kOwn, kFioSequential, "bytes_per_s"), 0.80),
      JudgeRatio("update: moraine / LMDB", own(update, 1, "ops_per_s"),
                 Median("lmdb", update, 1, "ops_per_s"), 10.0),
      JudgeRatio("update: moraine / RocksDB", own(update, 1, "ops_per_s"),
                 Median("rocksdb", update, 1, "ops_per_s"), 1.0),
      JudgeMost("update: longest stall in ms", stall_ms, 100),
  };
}

}  // namespace moraine::bench
