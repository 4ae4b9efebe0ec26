// Order of the phases and output.
//
// A turn is one engine on one fresh directory: loaded without a limit, then, each in a child below a
// new limit and with nothing in the page cache, reads, and updates; then fio on the same files; then
// all is removed. An engine that fails leaves a line that says so, and the next one has its turn.
#include "bench/cold/cold.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"

#include "bench/cold/cold_line.h"
#include "bench/cold/cold_results.h"
#include "bench/cold/data_files.h"
#include "bench/cold/options.h"
#include "bench/cold/phase.h"
#include "bench/fio.h"
#include "bench/temporary_directory.h"
#include "nlohmann/json.hpp"
#include "storage/base/status_macros.h"

namespace moraine::bench {
namespace {

constexpr int kExitOk = 0;
constexpr int kExitMissed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitFailed = 5;

// Smaller files of a store are not where its data lie.
constexpr uint64_t kLeastFioFileBytes = uint64_t{1} << 20;

// For an engine that keeps all its memory within one budget; the rest is for the program around it.
uint64_t BudgetOf(uint64_t memory_bytes) {
  constexpr uint64_t kProgramBytes = uint64_t{64} << 20;
  const uint64_t rest = std::max(memory_bytes / 4, std::min(memory_bytes / 2, kProgramBytes));
  return memory_bytes - rest;
}

class ColdBenchmark {
 public:
  ColdBenchmark(const ColdOptions& options, const std::vector<Contender>& contenders,
                std::ostream& out, std::ostream& err)
      : options_(options), out_(out), err_(err) {
    for (const Contender& contender : contenders) {
      if (std::find(options.engines.begin(), options.engines.end(), contender.name) !=
          options.engines.end()) {
        contenders_.push_back(contender);
      }
    }
  }

  absl::Status RunAll() {
    err_ << absl::StrFormat("%u records, %u MiB of keys and values, %u MiB of memory\n", Records(),
                            options_.data_bytes >> 20, options_.memory_bytes >> 20)
         << std::flush;
    for (int round = 0; round < options_.rounds; ++round) {
      for (size_t turn = 0; turn < contenders_.size(); ++turn) {
        const Contender& contender =
            contenders_[(turn + static_cast<size_t>(round)) % contenders_.size()];
        MORAINE_RETURN_IF_ERROR(RunTurn(contender, round));
      }
    }
    return absl::OkStatus();
  }

  const ColdResults& results() const { return results_; }
  bool some_failed() const { return some_failed_; }

 private:
  uint64_t Records() const {
    return std::max<uint64_t>(options_.data_bytes / (kKeyBytes + options_.value_bytes), 1);
  }

  absl::Status RunTurn(const Contender& contender, int round) {
    MORAINE_ASSIGN_OR_RETURN(const std::unique_ptr<TemporaryDirectory> directory,
                             TemporaryDirectory::Create(options_.directory));
    Phase phase;
    phase.contender = contender;
    phase.settings.directory = directory->path();
    phase.settings.data_bytes = options_.data_bytes;
    phase.settings.cold = true;
    phase.records = Records();
    phase.value_bytes = options_.value_bytes;
    phase.seed = options_.seed;
    phase.round = round;
    phase.load = true;
    // Room for an engine that would keep everything in memory.
    phase.settings.cache_bytes = 2 * options_.data_bytes + (uint64_t{256} << 20);
    phase.settings.budget_bytes = 4 * options_.data_bytes + (uint64_t{1} << 30);
    if (!Keep(RunPhase(phase))) return absl::OkStatus();
    phase.load = false;
    phase.settings.cache_bytes = options_.cache_bytes;
    phase.settings.budget_bytes = BudgetOf(options_.memory_bytes);
    MORAINE_RETURN_IF_ERROR(RunLimited(&phase, ReadRuns()));
    if (options_.fio_seconds > 0) RunFioOn(contender.name, directory->path(), round);
    return RunLimited(&phase, UpdateRuns());
  }

  std::vector<PhaseRun> ReadRuns() const {
    std::vector<PhaseRun> runs;
    if (options_.Wants(ColdWorkloadName(ColdWorkload::kGet))) {
      for (const int threads : options_.threads) {
        runs.push_back({ColdWorkload::kGet, threads, options_.seconds});
      }
    }
    if (options_.Wants(ColdWorkloadName(ColdWorkload::kMultiGet))) {
      runs.push_back({ColdWorkload::kMultiGet, 1, options_.seconds});
    }
    if (options_.Wants(ColdWorkloadName(ColdWorkload::kScan))) {
      runs.push_back({ColdWorkload::kScan, 1, 0});
    }
    return runs;
  }

  std::vector<PhaseRun> UpdateRuns() const {
    if (!options_.Wants(ColdWorkloadName(ColdWorkload::kUpdate))) return {};
    return {{ColdWorkload::kUpdate, 1, options_.update_seconds}};
  }

  // A phase below the limit that begins with nothing in the page cache.
  absl::Status RunLimited(Phase* phase, std::vector<PhaseRun> runs) {
    if (runs.empty()) return absl::OkStatus();
    phase->runs = std::move(runs);
    MORAINE_RETURN_IF_ERROR(DropPageCache(phase->settings.directory));
    const absl::StatusOr<std::unique_ptr<MemoryLimit>> limit =
        MemoryLimit::Create(options_.memory_bytes);
    if (!limit.ok() && !refusal_told_) {
      err_ << "warning: no cgroup limits memory here (" << limit.status().message()
           << "): only the engines' own cache sizes do, and the page cache, dropped before each "
              "phase, grows without bound\n";
      refusal_told_ = true;
    }
    phase->limit = limit.ok() ? limit->get() : nullptr;
    phase->limit_bytes = options_.memory_bytes;
    Keep(RunPhase(*phase));
    return absl::OkStatus();
  }

  // Whether all of them are results.
  bool Keep(const std::vector<std::string>& lines) {
    bool all_ok = !lines.empty();
    for (const std::string& line : lines) {
      if (!results_.Add(line)) continue;
      if (options_.json) out_ << line << "\n" << std::flush;
      const nlohmann::json parsed = nlohmann::json::parse(line);
      const std::string failure = parsed["failed"];
      err_ << absl::StrFormat("round %d  %-10s %-15s %2d thread(s)  ",
                              parsed["round"].get<int>() + 1, parsed["engine"].get<std::string>(),
                              parsed["workload"].get<std::string>(), parsed["threads"].get<int>());
      if (failure.empty()) {
        err_ << absl::StrFormat("%12.0f ops/s\n", parsed["ops_per_s"].get<double>());
      } else {
        err_ << "FAILED: " << failure << "\n";
        all_ok = false;
        some_failed_ = true;
      }
      err_ << std::flush;
    }
    return all_ok;
  }

  // What the device gives on the very files that the engine was reading.
  void RunFioOn(const std::string& engine, const std::string& directory, int round) {
    FioPlan plan;
    plan.files = FilesOfAtLeast(directory, kLeastFioFileBytes);
    if (plan.files.empty()) return;
    plan.seconds = options_.fio_seconds;
    plan.seed = Mix(options_.seed + static_cast<uint64_t>(round));
    plan.program = options_.fio_program;
    plan.engine = options_.fio_engine;
    plan.depth = 8;
    RunFioOnce(engine, kFioDepth8, plan, round);
    plan.depth = 32;
    RunFioOnce(engine, kFioDepth32, plan, round);
    plan.pattern = "read";
    plan.block_bytes = uint64_t{1} << 20;
    plan.depth = 8;
    RunFioOnce(engine, kFioSequential, plan, round);
  }

  void RunFioOnce(const std::string& engine, std::string_view workload, const FioPlan& plan,
                  int round) {
    const absl::StatusOr<FioResult> found = RunFio(plan);
    if (!found.ok()) {
      if (!fio_refusal_told_) err_ << "fio: " << found.status().message() << "; going on without\n";
      fio_refusal_told_ = true;
      return;
    }
    const LineHead head = {.engine = "fio",
                           .workload = std::string(workload),
                           .round = round,
                           .value_bytes = plan.block_bytes,
                           .seed = options_.seed};
    nlohmann::ordered_json line =
        nlohmann::ordered_json::parse(ColdLine(head, {.run = found->run}, {}));
    line["on"] = engine;
    line["bytes_per_s"] = found->run.ops_per_s * static_cast<double>(plan.block_bytes);
    const std::string text = line.dump();
    results_.Add(text);
    if (options_.json) out_ << text << "\n" << std::flush;
  }

  const ColdOptions options_;
  std::ostream& out_;
  std::ostream& err_;
  std::vector<Contender> contenders_;
  ColdResults results_;
  bool some_failed_ = false;
  bool refusal_told_ = false;
  bool fio_refusal_told_ = false;
};

}  // namespace

int RunColdBenchmark(const std::vector<std::string>& arguments,
                     const std::vector<Contender>& contenders, std::ostream& out,
                     std::ostream& err) {
  ColdOptions options;
  if (const ParsedColdCommand parsed = ParseCold(arguments, contenders, &options, out, err);
      parsed != ParsedColdCommand::kRun) {
    return parsed == ParsedColdCommand::kHelp ? kExitOk : kExitUsage;
  }
#ifndef NDEBUG
  err << "warning: not built with -c opt; the rates mean nothing\n";
#endif
  ColdBenchmark benchmark(options, contenders, out, err);
  const absl::Status status = benchmark.RunAll();
  std::ostream& table = options.json ? err : out;
  table << benchmark.results().Table();
  bool all_met = true;
  if (options.assert_targets) {
    for (const ColdVerdict& verdict : benchmark.results().Judge()) {
      table << verdict.text << "\n";
      all_met = all_met && verdict.met;
    }
  }
  if (!status.ok()) {
    err << "cold: " << status.ToString() << "\n";
    return kExitFailed;
  }
  if (benchmark.some_failed()) return kExitFailed;
  return all_met ? kExitOk : kExitMissed;
}

}  // namespace moraine::bench
