// Order of the slices and output.
//
// A round visits every setting; in a setting every method has one slice, and each round begins with
// another method, so that a slow minute of the machine does not fall on one of them alone. Slices
// are short, so that two that are compared lie within a second or two.
#include "bench/scatter_gather/scatter_gather.h"

#include <algorithm>
#include <fstream>
#include <memory>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"

#include "bench/fio.h"
#include "bench/json_line.h"
#include "bench/record_set.h"
#include "bench/scatter_gather/options.h"
#include "bench/scatter_gather/picture.h"
#include "bench/scatter_gather/results.h"
#include "bench/scatter_gather/slice.h"
#include "bench/scatter_gather/verdicts.h"
#include "bench/temporary_directory.h"
#include "storage/base/status_macros.h"

namespace moraine::bench {
namespace {

constexpr int kExitOk = 0;
constexpr int kExitMissed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitFailed = 5;

class ScatterGather {
 public:
  ScatterGather(const ScatterGatherOptions& options, std::span<const ReadMethodRow> methods,
                std::ostream& out, std::ostream& err)
      : options_(options), out_(out), err_(err), fio_wanted_(options.WithFio()) {
    for (const ReadMethodRow& row : methods) {
      if (options.Wants(row.name)) methods_.push_back(row);
    }
  }

  absl::Status RunAll() {
    MORAINE_RETURN_IF_ERROR(MakeFile());
    for (int round = 0; round < options_.rounds; ++round) {
      for (const int readers : options_.readers) {
        for (const size_t fragments : options_.fragments) {
          MORAINE_RETURN_IF_ERROR(RunSetting({fragments, readers}, round));
        }
      }
      err_ << absl::StrFormat("round %d of %d done\n", round + 1, options_.rounds) << std::flush;
    }
    return absl::OkStatus();
  }

  const Results& results() const { return results_; }
  const RunFacts& facts() const { return facts_; }

 private:
  absl::Status MakeFile() {
    MORAINE_ASSIGN_OR_RETURN(directory_, TemporaryDirectory::Create(options_.directory));
    MORAINE_ASSIGN_OR_RETURN(const uint64_t affordable,
                             AffordableBytes(directory_->path(), options_.file_bytes));
    const uint64_t page_bytes = options_.fragment_bytes;
    const uint64_t bytes = std::max(affordable / page_bytes, uint64_t{1}) * page_bytes;
    err_ << absl::StrFormat("file: %s, %u MiB", directory_->path(), bytes >> 20);
    if (affordable < options_.file_bytes) {
      err_ << absl::StrFormat(" (asked for %u; a quarter of the free space is the most)",
                              options_.file_bytes >> 20);
    }
    err_ << "\n" << std::flush;
    MORAINE_ASSIGN_OR_RETURN(file_, ExtentFile::Create(directory_->path(), bytes, options_.seed));
    if (!file_->direct()) {
      err_
          << "warning: no O_DIRECT on this file system: the page cache is measured, not the disk\n";
    }
    facts_ = {
        .file_bytes = bytes,
        .fragment_bytes = options_.fragment_bytes,
        .direct = file_->direct(),
        .config_hash = ConfigHash(absl::StrFormat(
            "scatter_gather file=%u fragment=%u direct=%d pool=%u seconds=%g", bytes,
            options_.fragment_bytes, file_->direct(), options_.pool_threads, options_.seconds)),
        .seed = options_.seed};
    return absl::OkStatus();
  }

  absl::Status RunSetting(const Setting& setting, int round) {
    const size_t turns = methods_.size() + (fio_wanted_ ? 1 : 0);
    for (size_t turn = 0; turn < turns; ++turn) {
      const size_t index = (turn + static_cast<size_t>(round)) % turns;
      // The same places again would come from caches below the system, so no two slices share them.
      const uint64_t seed = Mix(options_.seed ^ Mix(++slice_count_));
      if (index == methods_.size()) {
        RunFioSlice(setting, round, seed);
      } else {
        MORAINE_RETURN_IF_ERROR(RunMethod(methods_[index], setting, round, seed));
      }
    }
    return absl::OkStatus();
  }

  absl::Status RunMethod(const ReadMethodRow& method, const Setting& setting, int round,
                         uint64_t seed) {
    Measurement measurement = {.method = method.name, .setting = setting, .round = round};
    const absl::StatusOr<SliceResult> slice =
        RunSlice({.method = &method,
                  .settings = {.file = file_.get(),
                               .fragment_count = setting.fragment_count,
                               .fragment_bytes = options_.fragment_bytes,
                               .pool_threads = options_.pool_threads},
                  .readers = setting.readers,
                  .seconds = options_.seconds,
                  .seed = seed});
    if (slice.ok()) {
      Take(*slice, &measurement);
    } else if (slice.status().code() == absl::StatusCode::kUnimplemented) {
      measurement.refusal = std::string(slice.status().message());
    } else {
      return absl::Status(slice.status().code(),
                          std::string(method.name) + ": " + std::string(slice.status().message()));
    }
    Keep(std::move(measurement));
    return absl::OkStatus();
  }

  // fio is company, not a part: when it fails, its row says so.
  void RunFioSlice(const Setting& setting, int round, uint64_t seed) {
    Measurement measurement = {.method = std::string(kFio), .setting = setting, .round = round};
    const absl::StatusOr<FioResult> found = RunFio({.files = {file_->path()},
                                                    .direct = file_->direct(),
                                                    .block_bytes = options_.fragment_bytes,
                                                    .depth = setting.fragment_count,
                                                    .jobs = setting.readers,
                                                    .seconds = options_.seconds,
                                                    .seed = seed,
                                                    .program = options_.fio_program,
                                                    .engine = options_.fio_engine});
    if (found.ok()) {
      measurement.run = found->run;
      measurement.p90_us = found->p90_us;
    } else {
      measurement.refusal = std::string(found.status().message());
    }
    Keep(std::move(measurement));
  }

  static void Take(const SliceResult& slice, Measurement* measurement) {
    const double pages = static_cast<double>(std::max<uint64_t>(slice.pages, 1));
    RunResult& run = measurement->run;
    run.ops = slice.pages;
    run.seconds = slice.seconds;
    run.ops_per_s = static_cast<double>(slice.pages) / slice.seconds;
    run.p50_us = slice.latencies.PercentileNs(0.5) / 1e3;
    measurement->p90_us = slice.latencies.PercentileNs(0.9) / 1e3;
    run.p99_us = slice.latencies.PercentileNs(0.99) / 1e3;
    run.p999_us = slice.latencies.PercentileNs(0.999) / 1e3;
    run.cpu_us_per_op = slice.cpu_seconds * 1e6 / pages;
    run.rss_bytes = slice.rss_bytes;
    run.device_bytes_read = slice.device_bytes_read;
    run.submissions = slice.submissions;
    run.fragments = slice.pages * measurement->setting.fragment_count;
    measurement->latencies = slice.latencies;
  }

  void Keep(Measurement measurement) {
    if (!measurement.refusal.empty() && refusals_told_.insert(measurement.method).second) {
      err_ << measurement.method << ": refused: " << measurement.refusal << "; going on without\n";
    }
    if (options_.json) out_ << MeasurementLine(measurement, facts_) << "\n" << std::flush;
    results_.Add(std::move(measurement));
  }

  const ScatterGatherOptions options_;
  std::ostream& out_;
  std::ostream& err_;
  const bool fio_wanted_;
  std::vector<ReadMethodRow> methods_;
  std::unique_ptr<TemporaryDirectory> directory_;
  std::unique_ptr<ExtentFile> file_;
  RunFacts facts_;
  Results results_;
  std::set<std::string> refusals_told_;
  uint64_t slice_count_ = 0;
};

bool WritePicture(const std::string& path, const std::string& svg) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << svg << std::flush;
  return file.good();
}

}  // namespace

int RunScatterGather(const std::vector<std::string>& arguments,
                     std::span<const ReadMethodRow> methods, std::ostream& out, std::ostream& err) {
  ScatterGatherOptions options;
  if (const ParsedCommand parsed = ParseScatterGather(arguments, methods, &options, out, err);
      parsed != ParsedCommand::kRun) {
    return parsed == ParsedCommand::kHelp ? kExitOk : kExitUsage;
  }
#ifndef NDEBUG
  err << "warning: not built with -c opt; CPU times mean little\n";
#endif
  ScatterGather tool(options, methods, out, err);
  const absl::Status status = tool.RunAll();
  std::ostream& table = options.json ? err : out;
  table << ResultTable(tool.results(), tool.facts());
  if (!status.ok()) {
    err << "scatter_gather: " << status.ToString() << "\n";
    return kExitFailed;
  }
  if (!options.picture.empty() &&
      !WritePicture(options.picture, LatencyPicture(tool.results(), tool.facts()))) {
    err << "scatter_gather: cannot write " << options.picture << "\n";
    return kExitFailed;
  }
  if (!options.assert_targets) return kExitOk;
  bool all_met = true;
  for (const GatherVerdict& verdict : JudgeGathering(tool.results(), tool.facts())) {
    table << verdict.text << "\n";
    all_met = all_met && verdict.met;
  }
  return all_met ? kExitOk : kExitMissed;
}

}  // namespace moraine::bench
