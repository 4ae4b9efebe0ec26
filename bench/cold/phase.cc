// What the child does, and what the parent makes of how it ended.
#include "bench/cold/phase.h"

#include <malloc.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_split.h"

#include "bench/child_process.h"
#include "bench/cold/cold_line.h"
#include "bench/json_line.h"
#include "bench/process_usage.h"
#include "bench/workload.h"
#include "storage/base/status_macros.h"

namespace moraine::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPhaseFailed = 5;
constexpr int kMallocArenas = 2;

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

class Child {
 public:
  Child(const Phase& phase, int pipe)
      : phase_(phase), pipe_(pipe), records_(phase.seed, phase.records, phase.value_bytes) {
    head_ = {.engine = phase.contender.name,
             .workload = phase.load || phase.runs.empty()
                             ? kLoadWorkload
                             : std::string(ColdWorkloadName(phase.runs.front().workload)),
             .threads = phase.load || phase.runs.empty() ? 1 : phase.runs.front().threads,
             .round = phase.round,
             .records = phase.records,
             .value_bytes = phase.value_bytes,
             .seed = phase.seed};
  }

  int Run() {
    const absl::Status status = RunAll();
    if (status.ok()) return 0;
    Write(FailureLine(head_, std::string(status.message())));
    return kPhaseFailed;
  }

 private:
  absl::Status RunAll() {
    if (phase_.limit != nullptr) MORAINE_RETURN_IF_ERROR(phase_.limit->Enter());
    // The same for all engines: with an arena per thread the C library keeps free what others need.
    mallopt(M_ARENA_MAX, kMallocArenas);
    facts_.memory_limit_bytes = phase_.limit != nullptr ? phase_.limit_bytes : 0;
    facts_.occupied_bytes = OccupiedBytes(phase_.settings.directory);
    const Clock::time_point begin = Clock::now();
    MORAINE_ASSIGN_OR_RETURN(const std::unique_ptr<Store> store,
                             phase_.contender.open(phase_.settings));
    facts_.open_seconds = SecondsSince(begin);
    head_.config_hash =
        ConfigHash(store->Description() + " limit=" + std::to_string(facts_.memory_limit_bytes));
    if (phase_.load) MORAINE_RETURN_IF_ERROR(Load(*store));
    for (const PhaseRun& run : phase_.runs) MORAINE_RETURN_IF_ERROR(RunOne(*store, run));
    return store->Close();
  }

  absl::Status Load(Store& store) {
    const ProcessUsage before = ReadProcessUsage();
    const DeviceCounters device_before = ReadDeviceCounters(phase_.settings.directory);
    const Clock::time_point begin = Clock::now();
    MORAINE_RETURN_IF_ERROR(LoadRecords(store, records_));
    MORAINE_RETURN_IF_ERROR(store.Settle());
    MORAINE_RETURN_IF_ERROR(SyncFileSystem(phase_.settings.directory));
    ColdResult result;
    result.run.seconds = SecondsSince(begin);
    result.run.ops = phase_.records;
    result.run.ops_per_s = static_cast<double>(phase_.records) / result.run.seconds;
    const ProcessUsage after = ReadProcessUsage();
    const DeviceCounters device = ReadDeviceCounters(phase_.settings.directory);
    result.run.rss_bytes = after.rss_bytes;
    result.run.device_bytes_read = after.read_bytes - before.read_bytes;
    result.run.device_bytes_written = after.written_bytes - before.written_bytes;
    result.run.cpu_us_per_op =
        (after.cpu_seconds - before.cpu_seconds) * 1e6 / static_cast<double>(phase_.records);
    result.device.written_bytes = device.written_bytes - device_before.written_bytes;
    result.device.read_bytes = device.read_bytes - device_before.read_bytes;
    result.device.reads = device.reads - device_before.reads;
    facts_.occupied_bytes = OccupiedBytes(phase_.settings.directory);
    Write(ColdLine(head_, result, facts_));
    return absl::OkStatus();
  }

  absl::Status RunOne(Store& store, const PhaseRun& run) {
    head_.workload = std::string(ColdWorkloadName(run.workload));
    head_.threads = run.threads;
    const bool reads_points =
        run.workload == ColdWorkload::kGet || run.workload == ColdWorkload::kMultiGet;
    MORAINE_ASSIGN_OR_RETURN(
        const ColdResult result,
        RunCold(store, records_,
                {.workload = run.workload,
                 .threads = run.threads,
                 .seconds = run.seconds,
                 .warm_up_seconds = reads_points ? run.seconds / 2 : 0,
                 .seed = Mix(phase_.seed + static_cast<uint64_t>(phase_.round) * 1000003),
                 .directory = phase_.settings.directory}));
    facts_.memory_peak_bytes = phase_.limit != nullptr ? phase_.limit->PeakBytes() : 0;
    Write(ColdLine(head_, result, facts_));
    return absl::OkStatus();
  }

  void Write(std::string line) const {
    line += '\n';
    size_t done = 0;
    while (done < line.size()) {
      const ssize_t wrote = write(pipe_, line.data() + done, line.size() - done);
      if (wrote <= 0) return;  // the parent is gone
      done += static_cast<size_t>(wrote);
    }
  }

  const Phase& phase_;
  const int pipe_;
  const RecordSet records_;
  LineHead head_;
  ColdFacts facts_;
};

// Of a child that could not say itself why it ended.
std::string SilentEnd(const Phase& phase, int exit_code) {
  if (exit_code == 128 + SIGKILL && phase.limit != nullptr) {
    return "killed, most likely because the memory limit was not enough for it";
  }
  if (exit_code > 128) return "ended by signal " + std::to_string(exit_code - 128);
  return "ended with exit code " + std::to_string(exit_code);
}

}  // namespace

std::vector<std::string> RunPhase(const Phase& phase) {
  const absl::StatusOr<ChildOutput> output =
      RunInChild([&phase](int pipe) { return Child(phase, pipe).Run(); });
  const std::string text = output.ok() ? output->text : "";
  std::vector<std::string> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  if (output.ok() && (output->exit_code == 0 || output->exit_code == kPhaseFailed)) return lines;
  // The lines so far stand for what was done, so the run after them is the one that failed.
  const size_t done = lines.size();
  const size_t index = phase.load ? done - 1 : done;
  const bool loading = phase.load && done == 0;
  const bool known = !loading && index < phase.runs.size();
  lines.push_back(FailureLine(
      {.engine = phase.contender.name,
       .workload = known ? std::string(ColdWorkloadName(phase.runs[index].workload))
                         : std::string(kLoadWorkload),
       .threads = known ? phase.runs[index].threads : 1,
       .round = phase.round,
       .records = phase.records,
       .value_bytes = phase.value_bytes,
       .seed = phase.seed},
      output.ok() ? SilentEnd(phase, output->exit_code) : std::string(output.status().message())));
  return lines;
}

}  // namespace moraine::bench
