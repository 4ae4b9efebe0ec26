// The main job of a first run: loads Debian's packages (or the tree of life) from several threads
// while readers check every snapshot they take, shows a conflict and its retry, kills a loading
// process and checks what it left behind. Exits with 1 when any check fails.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "fmt/format.h"
#include "storage/base/status_macros.h"
#include "tools/first_run/checker.h"
#include "tools/first_run/crash.h"
#include "tools/first_run/dataset.h"
#include "tools/first_run/loader.h"
#include "tools/first_run/report.h"
#include <moraine/database.h>

namespace moraine::first_run {
namespace {

constexpr size_t kReaders = 2;
constexpr size_t kShown = 10;

struct Arguments {
  std::string data = "packages";
  std::string file;  // packages: read this instead of running apt-cache; taxonomy: its directory
  std::string directory;
  size_t writers = 4;
  uint64_t cache_bytes = uint64_t{4} << 30;
  std::string child_path;  // not empty: this is the process that will be killed
};

std::string DefaultDirectory() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0') {
    return std::string(cache) + "/moraine/first-run";
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    return std::string(home) + "/.cache/moraine/first-run";
  }
  return std::filesystem::temp_directory_path().string() + "/moraine-first-run";
}

absl::StatusOr<std::unique_ptr<Dataset>> LoadData(const Arguments& arguments) {
  if (arguments.data == "packages") return LoadPackages(arguments.file);
  return LoadTaxonomy(arguments.file.empty() ? "/usr/share/EMBOSS/data/TAXONOMY" : arguments.file);
}

Options DatabaseOptions(const Arguments& arguments) {
  Options options;
  options.create_if_missing = true;
  options.memory_bytes = arguments.cache_bytes;
  return options;
}

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// A path below the directory with nothing at it, whatever an earlier run left.
absl::StatusOr<std::string> FreshPath(const Arguments& arguments, std::string_view name) {
  std::error_code error;
  std::filesystem::create_directories(arguments.directory, error);
  const std::string path = fmt::format("{}/{}-{}", arguments.directory, arguments.data, name);
  if (!error) std::filesystem::remove_all(path, error);
  if (error) return absl::UnavailableError(fmt::format("{}: {}", path, error.message()));
  return path;
}

absl::Status LoadBesideReaders(Database& database, const Dataset& dataset,
                               const Arguments& arguments, Report& report) {
  report.Step(fmt::format("Loading {} {}: {} writers, {} snapshot readers",
                          Grouped(dataset.items().size()), dataset.plural(), arguments.writers,
                          kReaders));
  const auto start = std::chrono::steady_clock::now();
  Loader loader(database, dataset, {});
  SnapshotReaders readers(database, dataset, loader);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kReaders; ++i) threads.emplace_back([&readers] { readers.Run(); });
  const absl::Status loaded = loader.Run(arguments.writers, [&](const LoadCounts& counts) {
    report.Passing(fmt::format("{} of {} {}, {}", Grouped(counts.items),
                               Grouped(dataset.items().size()), dataset.plural(),
                               Rate(counts.items, dataset.plural(), SecondsSince(start))));
  });
  const double seconds = SecondsSince(start);
  for (std::thread& thread : threads) thread.join();
  MORAINE_RETURN_IF_ERROR(loaded);
  const LoadCounts counts = loader.counts();
  report.Fact("written", fmt::format("{} keys, {}, in {}", Grouped(counts.keys),
                                     Bytes(counts.bytes), Duration(seconds)));
  report.Fact("rate", fmt::format("{}, {}", Rate(counts.items, "batches", seconds),
                                  Rate(counts.keys, "keys", seconds)));
  report.Fact(
      "read meanwhile",
      fmt::format("{} snapshots, {} keys, {}", Grouped(readers.snapshots()),
                  Grouped(readers.keys_read()), Rate(readers.keys_read(), "keys", seconds)));
  report.Check(readers.problems().empty(),
               "in every snapshot each index key had its item, and each item all of them",
               readers.problems());
  return absl::OkStatus();
}

absl::Status ShowContents(Database& database, const Dataset& dataset, Report& report) {
  MORAINE_ASSIGN_OR_RETURN(const Snapshot snapshot, database.TakeSnapshot());
  const Tree tree = database.default_tree();
  report.Step("What is there now, read from one snapshot");
  auto start = std::chrono::steady_clock::now();
  MORAINE_ASSIGN_OR_RETURN(const StateCheck check, CheckState(snapshot, tree, dataset));
  const double seconds = SecondsSince(start);
  report.Fact("read", fmt::format("{} {} and {} index keys in {}, {}", Grouped(check.items),
                                  dataset.plural(), Grouped(check.index_keys), Duration(seconds),
                                  Rate(check.items * 2 + check.index_keys, "keys", seconds)));
  report.Check(check.problems.empty() && check.items == dataset.items().size(),
               fmt::format("all {} are there with all their index keys", dataset.plural()),
               check.problems);
  std::vector<std::pair<std::string, uint64_t>> groups(check.groups.begin(), check.groups.end());
  std::sort(groups.begin(), groups.end(),
            [](const auto& a, const auto& b) { return a.second > b.second; });
  report.Line("");
  report.Line(fmt::format("The largest of {} {}:", groups.size(), dataset.group_plural()));
  report.Bars(std::span(groups).first(std::min(kShown, groups.size())));
  start = std::chrono::steady_clock::now();
  MORAINE_ASSIGN_OR_RETURN(const auto popular,
                           MostFrequent(snapshot, tree, dataset.popular_prefix(), kShown));
  report.Line("");
  report.Line(
      fmt::format("The {}, found in {}:", dataset.popular_title(), Duration(SecondsSince(start))));
  report.Bars(popular);
  return absl::OkStatus();
}

// Two clients change one counter: the second finds that the first was faster, and tries again.
absl::Status ShowConflict(Database& database, Report& report) {
  report.Step("A conflict and its retry");
  const Tree tree = database.default_tree();
  constexpr char kKey[] = "meta/visits";
  MORAINE_RETURN_IF_ERROR(database.Put(tree, kKey, "41"));
  report.Line("Ada and Ben both read meta/visits = 41; both want to add one.");
  MORAINE_ASSIGN_OR_RETURN(const CompareAndSwapResult ada,
                           database.CompareAndSwap(tree, kKey, "41", "42"));
  report.Line(fmt::format("Ada: 41 -> 42   {}", ada.swapped ? "swapped" : "refused"));
  MORAINE_ASSIGN_OR_RETURN(const CompareAndSwapResult ben,
                           database.CompareAndSwap(tree, kKey, "41", "42"));
  const std::string actual = ben.actual.has_value() ? ben.actual->ToString() : "(absent)";
  report.Line(
      fmt::format("Ben: 41 -> 42   {}: it holds {}", ben.swapped ? "swapped" : "refused", actual));
  MORAINE_ASSIGN_OR_RETURN(const CompareAndSwapResult again,
                           database.CompareAndSwap(tree, kKey, actual, "43"));
  report.Line(fmt::format("Ben: {} -> 43   {}", actual, again.swapped ? "swapped" : "refused"));
  MORAINE_ASSIGN_OR_RETURN(const std::optional<Value> end, database.Get(tree, kKey));
  report.Check(ada.swapped && !ben.swapped && again.swapped && end && *end == "43",
               "no visit was lost");
  return database.Delete(tree, kKey);
}

absl::Status LoadAndShow(const Dataset& dataset, const Arguments& arguments,
                         const std::string& path, Report& report) {
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<Database> database,
                           Database::Open(path, DatabaseOptions(arguments)));
  MORAINE_RETURN_IF_ERROR(LoadBesideReaders(*database, dataset, arguments, report));
  MORAINE_RETURN_IF_ERROR(ShowContents(*database, dataset, report));
  MORAINE_RETURN_IF_ERROR(ShowConflict(*database, report));
  MORAINE_ASSIGN_OR_RETURN(const Stats stats, database->Stats());
  report.Step("Closing and opening again");
  const auto start = std::chrono::steady_clock::now();
  MORAINE_RETURN_IF_ERROR(database->Close());
  const double close_seconds = SecondsSince(start);
  const auto open_start = std::chrono::steady_clock::now();
  database.reset();
  MORAINE_ASSIGN_OR_RETURN(database, Database::Open(path, DatabaseOptions(arguments)));
  report.Fact(
      "input and output",
      stats.io_backend + (stats.io_fallback_reason.empty() ? "" : ": " + stats.io_fallback_reason));
  report.Fact("memory",
              fmt::format("{} of {}", Bytes(stats.memory_bytes), Bytes(stats.memory_limit_bytes)));
  report.Fact("on disk", Bytes(stats.bytes_on_disk));
  report.Fact("closed in", Duration(close_seconds) + " with a checkpoint");
  report.Fact("opened in", Duration(SecondsSince(open_start)));
  MORAINE_ASSIGN_OR_RETURN(const Stats reopened, database->Stats());
  report.Check(reopened.records == stats.records, "every record is there again");
  return database->Close();
}

absl::Status CrashAndRecover(const Dataset& dataset, const Arguments& arguments, Report& report) {
  report.Step("Killing a process in the middle of loading (SIGKILL), and recovering");
  MORAINE_ASSIGN_OR_RETURN(const std::string path, FreshPath(arguments, "crash"));
  std::vector<std::string> command = {"/proc/self/exe",
                                      "--data",
                                      arguments.data,
                                      "--child",
                                      path,
                                      "--writers",
                                      std::to_string(arguments.writers),
                                      "--cache",
                                      std::to_string(arguments.cache_bytes)};
  if (!arguments.file.empty()) command.insert(command.end(), {"--file", arguments.file});
  MORAINE_ASSIGN_OR_RETURN(
      const std::vector<uint32_t> acknowledged,
      KillInMidLoad(command, dataset.items().size(), [&](uint64_t count) {
        report.Passing(fmt::format("{} of {} {} acknowledged", Grouped(count),
                                   Grouped(dataset.items().size()), dataset.plural()));
      }));
  MORAINE_ASSIGN_OR_RETURN(const CrashCheck check, CheckAfterCrash(path, DatabaseOptions(arguments),
                                                                   dataset, acknowledged));
  report.Fact("killed after",
              fmt::format("{} of {} {} were acknowledged durable", Grouped(check.acknowledged),
                          Grouped(dataset.items().size()), dataset.plural()));
  report.Fact(
      "opened in",
      fmt::format("{}, of that {} recovery: {} log records replayed", Duration(check.open_seconds),
                  Duration(check.stats.recovery_seconds), Grouped(check.stats.recovered_records)));
  report.Fact("found", fmt::format("{} {}, {} index keys", Grouped(check.state.items),
                                   dataset.plural(), Grouped(check.state.index_keys)));
  report.Check(check.lost == 0, fmt::format("all {} acknowledged {} survived, with the same bytes",
                                            Grouped(check.acknowledged), dataset.plural()));
  report.Check(check.state.problems.empty(),
               "nothing is torn: each is there with all its index keys, or not at all",
               check.state.problems);
  std::error_code ignored;
  if (report.all_passed()) std::filesystem::remove_all(path, ignored);
  return absl::OkStatus();
}

absl::Status RunChild(const Arguments& arguments) {
  MORAINE_ASSIGN_OR_RETURN(const std::unique_ptr<Dataset> dataset, LoadData(arguments));
  MORAINE_ASSIGN_OR_RETURN(const std::unique_ptr<Database> database,
                           Database::Open(arguments.child_path, DatabaseOptions(arguments)));
  Loader loader(*database, *dataset, ReportAcknowledged);
  return loader.Run(arguments.writers, [](const LoadCounts&) {});
}

absl::Status RunAll(const Arguments& arguments, Report& report) {
  report.Title("moraine: the first run");
  report.Step("Reading the data");
  const auto start = std::chrono::steady_clock::now();
  MORAINE_ASSIGN_OR_RETURN(const std::unique_ptr<Dataset> dataset, LoadData(arguments));
  report.Fact("read",
              fmt::format("{} {} from {} in {}", Grouped(dataset->items().size()),
                          dataset->plural(), dataset->source(), Duration(SecondsSince(start))));
  MORAINE_ASSIGN_OR_RETURN(const std::string path, FreshPath(arguments, "loaded"));
  report.Fact("database", path);
  MORAINE_RETURN_IF_ERROR(LoadAndShow(*dataset, arguments, path, report));
  MORAINE_RETURN_IF_ERROR(CrashAndRecover(*dataset, arguments, report));
  report.End(fmt::format("Look around: bazel-bin/tools/cli/moraine scan {} --prefix {} --limit 3",
                         path, dataset->popular_prefix()));
  return absl::OkStatus();
}

int Main(int argument_count, char** argument_values) {
  Arguments arguments;
  arguments.directory = DefaultDirectory();
  CLI::App app("Loads data into a new moraine database and checks everything about it",
               "load_packages");
  app.add_option("--data", arguments.data, "packages of Debian, or the taxonomy of all life")
      ->check(CLI::IsMember({"packages", "taxonomy"}))
      ->capture_default_str();
  app.add_option("--file", arguments.file, "read the data from here");
  app.add_option("--directory", arguments.directory, "where to put the databases")
      ->capture_default_str();
  app.add_option("--writers", arguments.writers, "writer threads")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--cache", arguments.cache_bytes, "memory to use, such as 2G")
      ->transform(CLI::AsSizeValue(false));
  app.add_option("--child", arguments.child_path)->group("");
  CLI11_PARSE(app, argument_count, argument_values);

  if (!arguments.child_path.empty()) return PrintAndExit(RunChild(arguments));
  Report report;
  const absl::Status run = RunAll(arguments, report);
  if (!run.ok()) return PrintAndExit(run);
  return report.all_passed() ? 0 : 1;
}

}  // namespace
}  // namespace moraine::first_run

int main(int argument_count, char** arguments) {
  return moraine::first_run::Main(argument_count, arguments);
}
