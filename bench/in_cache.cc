// Options, order of the runs and output of the in-cache benchmark.
//
// A turn is one engine on one fresh directory at one number of threads: load, touch everything, run
// the workloads, close, remove. Turns alternate between engines inside a round and every round
// begins with another engine, so that a slow minute of the machine does not fall on one of them
// alone; medians over the rounds take out the rest.
#include "bench/in_cache.h"

#include <malloc.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"

#include "CLI/CLI.hpp"
#include "bench/json_line.h"
#include "bench/record_set.h"
#include "bench/report.h"
#include "bench/targets.h"
#include "bench/temporary_directory.h"
#include "bench/workload.h"
#include "storage/base/status_macros.h"

namespace moraine::bench {
namespace {

constexpr int kExitOk = 0;
constexpr int kExitMissed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitFailed = 5;

struct Options {
  double seconds = 2;
  int rounds = 3;
  uint64_t records = 2'000'000;
  uint64_t value_bytes = 100;
  uint64_t cache_bytes = uint64_t{1} << 30;
  std::vector<int> threads = {1, 2};
  std::vector<std::string> engines;
  std::vector<std::string> workloads;
  uint64_t seed = 1;
  std::string directory;
  bool synced = false;
  bool count_debt = false;
  bool perf = false;
  bool json = false;
  bool check = false;

  bool Wants(Workload workload) const {
    return std::find(workloads.begin(), workloads.end(), WorkloadName(workload)) != workloads.end();
  }
};

std::vector<std::string> NamesOf(const std::vector<Contender>& contenders) {
  std::vector<std::string> names;
  for (const Contender& contender : contenders) names.push_back(contender.name);
  return names;
}

std::vector<std::string> WorkloadNames() {
  std::vector<std::string> names;
  for (const Workload workload : kAllWorkloads) names.emplace_back(WorkloadName(workload));
  return names;
}

void Describe(CLI::App& app, const std::vector<Contender>& contenders, Options* options) {
  const std::vector<std::string> engines = NamesOf(contenders);
  const std::vector<std::string> workloads = WorkloadNames();
  options->engines = engines;
  options->workloads = workloads;
  app.add_option("--seconds", options->seconds, "measured time of each timed workload")
      ->check(CLI::Range(0.001, 1e6))
      ->capture_default_str();
  app.add_option("--rounds", options->rounds, "turns of every engine; medians are over them")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--records", options->records)
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 40))
      ->capture_default_str();
  app.add_option("--value-bytes", options->value_bytes)
      ->check(CLI::Range(uint64_t{kLeastValueBytes}, uint64_t{1} << 20))
      ->capture_default_str();
  app.add_option("--cache-bytes", options->cache_bytes, "block cache or memory budget")
      ->capture_default_str();
  app.add_option("--threads", options->threads, "numbers of threads, comma separated")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--engines", options->engines, "comma separated")
      ->delimiter(',')
      ->check(CLI::IsMember(engines))
      ->capture_default_str();
  app.add_option("--workloads", options->workloads, "comma separated")
      ->delimiter(',')
      ->check(CLI::IsMember(workloads))
      ->capture_default_str();
  app.add_option("--seed", options->seed, "of keys, values and choices")->capture_default_str();
  app.add_option("--directory", options->directory,
                 "where the databases are made and removed (default: a temporary directory)")
      ->check(CLI::ExistingDirectory);
  app.add_flag("--synced", options->synced, "every write is durable when it returns");
  app.add_flag("--count-debt", options->count_debt,
               "a write run lasts until compactions it caused are done");
  app.add_flag("--perf", options->perf, "instructions and cache misses per operation");
  app.add_flag("--json", options->json, "one JSON line per run; the table goes to stderr");
  app.add_flag("--check", options->check, "exit 1 unless every target ratio is reached");
}

class Benchmark {
 public:
  Benchmark(const Options& options, const std::vector<Contender>& contenders, std::ostream& out,
            std::ostream& err)
      : options_(options),
        records_(options.seed, options.records, options.value_bytes),
        out_(out),
        err_(err) {
    for (const Contender& contender : contenders) {
      if (std::find(options.engines.begin(), options.engines.end(), contender.name) !=
          options.engines.end()) {
        contenders_.push_back(contender);
      }
    }
  }

  absl::Status RunAll() {
    for (int round = 0; round < options_.rounds; ++round) {
      for (const int threads : options_.threads) {
        for (size_t turn = 0; turn < contenders_.size(); ++turn) {
          const Contender& contender = contenders_[(turn + round) % contenders_.size()];
          const absl::Status status = RunTurn(contender, threads, round);
          if (!status.ok()) {
            return absl::Status(status.code(),
                                contender.name + ": " + std::string(status.message()));
          }
        }
      }
    }
    return absl::OkStatus();
  }

  const std::vector<RunRecord>& runs() const { return runs_; }

 private:
  absl::Status RunTurn(const Contender& contender, int threads, int round) {
    MORAINE_ASSIGN_OR_RETURN(const std::unique_ptr<TemporaryDirectory> directory,
                             TemporaryDirectory::Create(options_.directory));
    StoreSettings settings;
    settings.directory = directory->path();
    settings.cache_bytes = options_.cache_bytes;
    settings.data_bytes = options_.records * (kKeyBytes + options_.value_bytes);
    settings.synced = options_.synced;
    MORAINE_ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, contender.open(settings));
    // In the order of kAllWorkloads: the load is the first of them or goes before all.
    if (!options_.Wants(Workload::kInsert)) {
      MORAINE_RETURN_IF_ERROR(LoadRecords(*store, records_));
      MORAINE_RETURN_IF_ERROR(Prepare(*store));
    }
    for (const Workload workload : kAllWorkloads) {
      if (!options_.Wants(workload)) continue;
      if (workload == Workload::kTransaction && !store->has_transactions()) continue;
      MORAINE_RETURN_IF_ERROR(RunOne(contender, *store, workload, threads, round));
      if (workload == Workload::kInsert) MORAINE_RETURN_IF_ERROR(Prepare(*store));
    }
    MORAINE_RETURN_IF_ERROR(store->Close());
    malloc_trim(0);  // so that the next engine's resident memory is its own
    return absl::OkStatus();
  }

  absl::Status Prepare(Store& store) {
    MORAINE_RETURN_IF_ERROR(store.Settle());
    return TouchAllRecords(store, records_);
  }

  absl::Status RunOne(const Contender& contender, Store& store, Workload workload, int threads,
                      int round) {
    RunPlan plan;
    plan.workload = workload;
    plan.threads = threads;
    plan.seconds = options_.seconds;
    plan.warm_up_seconds = options_.seconds / 4;
    plan.seed = Mix(options_.seed + static_cast<uint64_t>(round) * 1000003);
    plan.count_debt = options_.count_debt;
    plan.hardware_counters = options_.perf;
    RunRecord run;
    MORAINE_ASSIGN_OR_RETURN(run.result, RunWorkload(store, records_, plan));
    if (IsWrite(workload)) MORAINE_RETURN_IF_ERROR(store.Settle());
    run.engine = contender.name;
    run.workload = workload;
    run.threads = threads;
    run.round = round;
    run.records = options_.records;
    run.value_bytes = options_.value_bytes;
    run.config_hash =
        ConfigHash(store.Description() + " count-debt=" + std::to_string(options_.count_debt));
    run.seed = options_.seed;
    Announce(run);
    runs_.push_back(std::move(run));
    return absl::OkStatus();
  }

  void Announce(const RunRecord& run) {
    if (options_.json) out_ << JsonLine(run) << "\n" << std::flush;
    err_ << absl::StrFormat("round %d/%d  %-9s %d thread(s)  %-8s %12.0f ops/s\n", run.round + 1,
                            options_.rounds, std::string(WorkloadName(run.workload)), run.threads,
                            run.engine, run.result.ops_per_s);
    if (options_.perf && !run.result.hardware.valid && !refusal_told_) {
      err_ << "--perf: " << run.result.hardware_refusal << "; going on without\n";
      refusal_told_ = true;
    }
    if (run.result.hardware.valid) {
      const auto ops = static_cast<double>(std::max<uint64_t>(run.result.ops, 1));
      err_ << absl::StrFormat("    per op: %.0f instructions, %.2f cache misses\n",
                              static_cast<double>(run.result.hardware.instructions) / ops,
                              static_cast<double>(run.result.hardware.cache_misses) / ops);
    }
  }

  const Options options_;
  const RecordSet records_;
  std::ostream& out_;
  std::ostream& err_;
  std::vector<Contender> contenders_;
  std::vector<RunRecord> runs_;
  bool refusal_told_ = false;
};

// Whether every target was reached. A target that was not run is not reached: a check that looked
// at nothing must not pass.
bool PrintTargets(const std::vector<RunRecord>& runs, std::ostream& to) {
  bool all_met = true;
  for (const TargetOutcome& outcome : CheckTargets(InCacheTargets(), runs)) {
    to << outcome.text << "\n";
    all_met = all_met && outcome.verdict == Verdict::kMet;
  }
  return all_met;
}

}  // namespace

int RunInCache(const std::vector<std::string>& arguments, const std::vector<Contender>& contenders,
               std::ostream& out, std::ostream& err) {
  Options options;
  CLI::App app("moraine beside its peers, on data that fits into memory", "in_cache");
  Describe(app, contenders, &options);
  // tidy: allow(exceptions): CLI11 reports a wrong command line by throwing, and only here
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // CLI11 pops the last
    app.parse(reversed);
    // tidy: allow(exceptions): the other half of it
  } catch (const CLI::ParseError& error) {
    return app.exit(error, out, err) == 0 ? kExitOk : kExitUsage;
  }
#ifndef NDEBUG
  err << "warning: not built with -c opt; the rates mean nothing\n";
#endif
  Benchmark benchmark(options, contenders, out, err);
  const absl::Status status = benchmark.RunAll();
  std::ostream& table = options.json ? err : out;
  table << Table(benchmark.runs());
  if (!status.ok()) {
    err << "in_cache: " << status.ToString() << "\n";
    return kExitFailed;
  }
  if (!options.check) return kExitOk;
  return PrintTargets(benchmark.runs(), table) ? kExitOk : kExitMissed;
}

}  // namespace moraine::bench
