// Options by CLI11, and what the help says about the methods.
#include "bench/scatter_gather/options.h"

#include <algorithm>

#include "absl/strings/str_format.h"

#include "CLI/CLI.hpp"
#include "bench/scatter_gather/results.h"

namespace moraine::bench {
namespace {

constexpr uint64_t kMostFragmentBytes = uint64_t{1} << 20;

// What --full runs.
const std::vector<int> kAllReaders = {1, 2, 4, 8, 16, 32, 64};

void DescribeMeasuring(CLI::App& app, ScatterGatherOptions* options) {
  app.add_option("--directory", options->directory,
                 "where the file is made and removed; on the disk that matters (default: a "
                 "temporary directory)")
      ->check(CLI::ExistingDirectory);
  app.add_option("--file-bytes", options->file_bytes, "at most a quarter of the free space is used")
      ->check(CLI::Range(uint64_t{1} << 20, uint64_t{1} << 44))
      ->capture_default_str();
  app.add_option("--fragment-bytes", options->fragment_bytes, "a multiple of 4096")
      ->check(CLI::Range(kBlockBytes, kMostFragmentBytes))
      ->capture_default_str();
  app.add_option("--fragments", options->fragments, "of a page, comma separated")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--readers", options->readers, "numbers of threads, comma separated")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_flag("--full", options->full, "1, 2, 4, 8, 16, 32 and 64 readers");
  app.add_option("--seconds", options->seconds, "of each slice")
      ->check(CLI::Range(0.001, 1e4))
      ->capture_default_str();
  app.add_option("--rounds", options->rounds, "slices of every method; medians are over them")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--pool-threads", options->pool_threads, "of the thread pool")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--seed", options->seed, "of the file and of the places that are read")
      ->capture_default_str();
}

void DescribeOutput(CLI::App& app, ScatterGatherOptions* options) {
  app.add_option("--fio", options->fio_program, "the program, when it is not in PATH")
      ->capture_default_str();
  app.add_option("--fio-engine", options->fio_engine, "its --ioengine")->capture_default_str();
  app.add_flag("--json", options->json, "one JSON line per slice; the table goes to stderr");
  app.add_option("--picture", options->picture, "write the latencies as an SVG file");
  app.add_flag("--assert", options->assert_targets,
               "exit 1 unless 8 fragments take one submission, at most 1.15x bare io_uring and a "
               "3.2nd of serial reads");
}

std::string MethodHelp(std::span<const ReadMethodRow> methods) {
  std::string help = "methods:\n";
  for (const ReadMethodRow& row : methods) {
    help += absl::StrFormat("  %-17s %s\n", row.name, row.description);
  }
  return help +
         absl::StrFormat("  %-17s %s\n", kFio, "the fio program, random reads at that depth");
}

}  // namespace

bool ScatterGatherOptions::Wants(std::string_view method) const {
  return std::find(methods.begin(), methods.end(), method) != methods.end();
}

bool ScatterGatherOptions::WithFio() const { return Wants(kFio); }

ParsedCommand ParseScatterGather(const std::vector<std::string>& arguments,
                                 std::span<const ReadMethodRow> methods,
                                 ScatterGatherOptions* options, std::ostream& out,
                                 std::ostream& err) {
  CLI::App app("what one io_uring submission gains over reading the fragments of a page serially",
               "scatter_gather");
  app.footer(MethodHelp(methods));
  for (const ReadMethodRow& row : methods) options->methods.emplace_back(row.name);
  options->methods.emplace_back(kFio);
  const std::vector<std::string> known = options->methods;
  DescribeMeasuring(app, options);
  DescribeOutput(app, options);
  app.add_option("--methods", options->methods, "comma separated")
      ->delimiter(',')
      ->check(CLI::IsMember(known))
      ->capture_default_str();
  // tidy: allow(exceptions): CLI11 reports a wrong command line by throwing, and only here
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // CLI11 pops the last
    app.parse(reversed);
    // tidy: allow(exceptions): the other half of it
  } catch (const CLI::ParseError& error) {
    return app.exit(error, out, err) == 0 ? ParsedCommand::kHelp : ParsedCommand::kWrong;
  }
  if (options->fragment_bytes % kBlockBytes != 0) {
    err << "--fragment-bytes: not a multiple of 4096\n";
    return ParsedCommand::kWrong;
  }
  if (options->full) options->readers = kAllReaders;
  return ParsedCommand::kRun;
}

}  // namespace moraine::bench
