// The options by CLI11, and those that follow from others.
#include "bench/cold/options.h"

#include <algorithm>

#include "CLI/CLI.hpp"
#include "bench/cold/cold_run.h"
#include "bench/record_set.h"

namespace moraine::bench {
namespace {

// Two thirds of what is left after memtables, filters, file handles and the program itself: 224 MiB
// of 384, and so on.
uint64_t DefaultCacheBytes(uint64_t memory_bytes) {
  constexpr uint64_t kApartFromCache = uint64_t{48} << 20;
  if (memory_bytes < 2 * kApartFromCache) return memory_bytes / 3;
  return (memory_bytes - kApartFromCache) / 3 * 2;
}

void DescribeData(CLI::App& app, ColdOptions* options) {
  app.add_option("--directory", options->directory,
                 "where the stores are made and removed; on the disk that matters (default: a "
                 "temporary directory)")
      ->check(CLI::ExistingDirectory);
  app.add_option("--data-bytes", options->data_bytes, "keys and values")
      ->check(CLI::Range(uint64_t{1} << 10, uint64_t{1} << 44))
      ->capture_default_str();
  app.add_option("--value-bytes", options->value_bytes)
      ->check(CLI::Range(uint64_t{kLeastValueBytes}, uint64_t{1} << 20))
      ->capture_default_str();
  app.add_option("--memory-bytes", options->memory_bytes,
                 "of a whole process, page cache included (default: an eighth of the data)");
  app.add_option(
      "--cache-bytes", options->cache_bytes,
      "of the cache an engine has of its own (default: two thirds of the memory less 48 MiB)");
  app.add_option("--seed", options->seed, "of keys, values and choices")->capture_default_str();
}

void DescribeRuns(CLI::App& app, ColdOptions* options, const std::vector<std::string>& engines,
                  const std::vector<std::string>& workloads) {
  app.add_option("--seconds", options->seconds,
                 "of each reading run; half as long before, uncounted")
      ->check(CLI::Range(0.001, 1e6))
      ->capture_default_str();
  app.add_option("--update-seconds", options->update_seconds,
                 "of updates, before their debt is paid")
      ->check(CLI::Range(0.001, 1e6))
      ->capture_default_str();
  app.add_option("--rounds", options->rounds, "turns of every engine, each with a load of its own")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--threads", options->threads, "of cold_get, comma separated")
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
  app.add_option("--fio", options->fio_program, "the program, when it is not in PATH")
      ->capture_default_str();
  app.add_option("--fio-engine", options->fio_engine, "its --ioengine")->capture_default_str();
  app.add_option("--fio-seconds", options->fio_seconds, "of each of its runs; 0: without fio")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  app.add_flag("--json", options->json, "one JSON line per run; the table goes to stderr");
  app.add_flag("--assert", options->assert_targets, "exit 1 unless every target is reached");
}

}  // namespace

bool ColdOptions::Wants(std::string_view workload) const {
  return std::find(workloads.begin(), workloads.end(), workload) != workloads.end();
}

ParsedColdCommand ParseCold(const std::vector<std::string>& arguments,
                            const std::vector<Contender>& contenders, ColdOptions* options,
                            std::ostream& out, std::ostream& err) {
  CLI::App app("moraine beside its peers, on data that do not fit into memory", "cold");
  for (const Contender& contender : contenders) options->engines.push_back(contender.name);
  for (const ColdWorkload workload :
       {ColdWorkload::kGet, ColdWorkload::kMultiGet, ColdWorkload::kScan, ColdWorkload::kUpdate}) {
    options->workloads.emplace_back(ColdWorkloadName(workload));
  }
  DescribeData(app, options);
  const std::vector<std::string> engines = options->engines;
  const std::vector<std::string> workloads = options->workloads;
  DescribeRuns(app, options, engines, workloads);
  // tidy: allow(exceptions): CLI11 reports a wrong command line by throwing, and only here
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // CLI11 pops the last
    app.parse(reversed);
    // tidy: allow(exceptions): the other half of it
  } catch (const CLI::ParseError& error) {
    return app.exit(error, out, err) == 0 ? ParsedColdCommand::kHelp : ParsedColdCommand::kWrong;
  }
  if (options->memory_bytes == 0) options->memory_bytes = options->data_bytes / 8;
  if (options->cache_bytes == 0) options->cache_bytes = DefaultCacheBytes(options->memory_bytes);
  return ParsedColdCommand::kRun;
}

}  // namespace moraine::bench
