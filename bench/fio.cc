// fio's command line and the few numbers of its output that are wanted.
#include "bench/fio.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_format.h"

#include "bench/child_process.h"
#include "nlohmann/json.hpp"
#include "storage/base/status_macros.h"

namespace moraine::bench {
namespace {

// The files with ':' between, as many as fit into the 4096 bytes that fio allows.
std::string FileNames(const std::vector<std::string>& files) {
  constexpr size_t kMostBytes = 4000;
  std::string names;
  for (const std::string& file : files) {
    if (!names.empty() && names.size() + 1 + file.size() > kMostBytes) break;
    names += (names.empty() ? "" : ":") + file;
  }
  return names;
}

std::vector<std::string> CommandOf(const FioPlan& plan) {
  return {plan.program,
          "--name=moraine_bench",
          "--filename=" + FileNames(plan.files),
          "--readonly",
          "--allow_file_create=0",
          "--rw=" + plan.pattern,
          "--norandommap",
          "--randseed=" + std::to_string(plan.seed >> 33),  // fio takes 31 bits
          "--ioengine=" + plan.engine,
          "--bs=" + std::to_string(plan.block_bytes),
          "--iodepth=" + std::to_string(plan.depth),
          "--numjobs=" + std::to_string(plan.jobs),
          "--direct=" + std::to_string(plan.direct ? 1 : 0),
          "--thread",
          "--group_reporting",
          "--time_based",
          absl::StrFormat("--runtime=%dms", std::max(1, static_cast<int>(plan.seconds * 1000))),
          "--clat_percentiles=0",
          "--lat_percentiles=1",
          "--percentile_list=50:90:99:99.9",
          "--output-format=json"};
}

// The number at `path` below `from`, or -1: fio leaves out what it has no samples for.
double NumberAt(const nlohmann::json& from, std::initializer_list<const char*> path) {
  const nlohmann::json* at = &from;
  for (const char* name : path) {
    if (!at->is_object()) return -1;
    const auto found = at->find(name);
    if (found == at->end()) return -1;
    at = &*found;
  }
  return at->is_number() ? at->get<double>() : -1;
}

}  // namespace

absl::StatusOr<FioResult> ParseFio(std::string_view json) {
  // Warnings may stand before the object.
  const size_t begin = json.find('{');
  const std::string_view object = begin == std::string_view::npos ? "" : json.substr(begin);
  const nlohmann::json parsed = nlohmann::json::parse(object, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("jobs") || !parsed["jobs"].is_array() ||
      parsed["jobs"].empty() || !parsed["jobs"][0].is_object()) {
    return absl::InternalError("fio's output is not what version 3 prints");
  }
  const nlohmann::json& job = parsed["jobs"][0];
  const double reads = NumberAt(job, {"read", "total_ios"});
  const double rate = NumberAt(job, {"read", "iops"});
  if (reads <= 0 || rate <= 0) return absl::InternalError("fio reports no reads");
  auto percentile_us = [&job](const char* name) {
    return std::max(0.0, NumberAt(job, {"read", "lat_ns", "percentile", name})) / 1e3;
  };
  FioResult result;
  result.run.ops = static_cast<uint64_t>(reads);
  result.run.fragments = result.run.ops;
  result.run.ops_per_s = rate;
  result.run.seconds = reads / rate;
  result.run.p50_us = percentile_us("50.000000");
  result.p90_us = percentile_us("90.000000");
  result.run.p99_us = percentile_us("99.000000");
  result.run.p999_us = percentile_us("99.900000");
  result.run.device_bytes_read =
      static_cast<uint64_t>(std::max(0.0, NumberAt(job, {"read", "io_bytes"})));
  // Percent of a processor per job, and the time of all jobs in milliseconds.
  const double percent = NumberAt(job, {"usr_cpu"}) + NumberAt(job, {"sys_cpu"});
  result.run.cpu_us_per_op =
      std::max(0.0, percent / 100 * NumberAt(job, {"job_runtime"}) * 1000 / reads);
  return result;
}

absl::StatusOr<FioResult> RunFio(const FioPlan& plan) {
  MORAINE_ASSIGN_OR_RETURN(const ChildOutput output, RunProgram(CommandOf(plan)));
  if (output.exit_code != 0) {
    return absl::UnavailableError(
        absl::StrFormat("%s ended with exit code %d", plan.program, output.exit_code));
  }
  return ParseFio(output.text);
}

}  // namespace moraine::bench
