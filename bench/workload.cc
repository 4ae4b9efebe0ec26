// The timed loops. Each operation has its own loop body (steps.h), compiled into the loop; the clock
// is read around every n-th operation only, which gives latencies without distorting the rate, and
// the same reading ends the run.
#include "bench/workload.h"

#include <algorithm>
#include <barrier>
#include <chrono>
#include <limits>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "bench/histogram.h"
#include "bench/process_usage.h"
#include "bench/steps.h"
#include "storage/base/status_macros.h"

namespace moraine::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kLoadBatch = 1000;

struct WorkloadRow {
  Workload workload;
  std::string_view name;
  bool is_write;
  uint32_t sample_every;  // operations per reading of the clock, so that it costs below 1 %
};
constexpr WorkloadRow kRows[] = {
    {Workload::kInsert, "insert", true, 16},
    {Workload::kGet, "get", false, 16},
    {Workload::kScan100, "scan100", false, 4},
    {Workload::kFullScan, "full_scan", false, 1},
    {Workload::kCas, "cas", true, 16},
    {Workload::kPut, "put", true, 16},
    {Workload::kTransaction, "transaction", true, 4},
};

const WorkloadRow& RowOf(Workload workload) { return kRows[static_cast<size_t>(workload)]; }

// What one thread did.
struct ThreadOutcome {
  absl::Status status;
  uint64_t ops = 0;
  Clock::time_point end;
  Histogram latencies;
  HardwareCounts hardware;
  std::string hardware_refusal;
};

// Where a loop ends: after `steps` steps, or at the first reading of the clock after `seconds`.
struct Limits {
  double seconds = std::numeric_limits<double>::infinity();
  uint64_t steps = std::numeric_limits<uint64_t>::max();
};

Clock::time_point DeadlineAfter(double seconds) {
  constexpr double kMostSeconds = 1e8;  // far beyond any run, and representable
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(
                            std::chrono::duration<double>(std::min(seconds, kMostSeconds)));
}

template <class Step>
absl::Status Loop(Step& step, const Limits& limits, uint32_t sample_every, ThreadOutcome* outcome) {
  const Clock::time_point deadline = DeadlineAfter(limits.seconds);
  uint32_t until_sample = 0;
  for (uint64_t done = 0; done < limits.steps; ++done) {
    if (until_sample > 0) {
      --until_sample;
      MORAINE_ASSIGN_OR_RETURN(const uint64_t ops, step());
      outcome->ops += ops;
      continue;
    }
    until_sample = sample_every - 1;
    const Clock::time_point before = Clock::now();
    MORAINE_ASSIGN_OR_RETURN(const uint64_t ops, step());
    outcome->ops += ops;
    const Clock::time_point after = Clock::now();
    outcome->latencies.Record(static_cast<uint64_t>((after - before).count()));
    if (after >= deadline) break;
  }
  return absl::OkStatus();
}

// All threads of one run: they warm up, meet, and start counting together.
class Run {
 public:
  Run(Store& store, const RecordSet& records, const RunPlan& plan)
      : store_(store),
        records_(records),
        plan_(plan),
        outcomes_(plan.threads),
        start_line_(plan.threads, StartLine{this}) {}

  absl::StatusOr<RunResult> Execute() {
    std::vector<std::thread> threads;
    for (int number = 0; number < plan_.threads; ++number) {
      threads.emplace_back([this, number] { RunThread(number); });
    }
    for (std::thread& thread : threads) thread.join();
    MORAINE_RETURN_IF_ERROR(counters_status_);
    for (const ThreadOutcome& outcome : outcomes_) MORAINE_RETURN_IF_ERROR(outcome.status);
    Clock::time_point end = begin_;
    for (const ThreadOutcome& outcome : outcomes_) end = std::max(end, outcome.end);
    if (plan_.count_debt && IsWrite(plan_.workload)) {
      MORAINE_RETURN_IF_ERROR(store_.Settle());
      end = Clock::now();
    }
    return Collect(end);
  }

 private:
  // Runs once, when the last thread has warmed up and before any counts.
  struct StartLine {
    Run* run;
    void operator()() noexcept {
      absl::StatusOr<StoreCounters> counters = run->store_.Counters();
      run->counters_status_ = counters.status();
      if (counters.ok()) run->counters_before_ = *counters;
      run->usage_before_ = ReadProcessUsage();
      run->begin_ = Clock::now();
    }
  };

  void RunThread(int number) {
    ThreadOutcome& outcome = outcomes_[number];
    absl::StatusOr<std::unique_ptr<Session>> session = store_.NewSession();
    if (!session.ok()) {
      outcome.status = session.status();
      start_line_.arrive_and_wait();
      return;
    }
    Session& mine = **session;
    const uint64_t seed = plan_.seed ^ Mix(static_cast<uint64_t>(plan_.workload) * 1000 + number);
    switch (plan_.workload) {
      case Workload::kInsert:
        return Repeat(InsertStep(mine, records_, number, plan_.threads), &outcome,
                      {.steps = ShareOf(number)});
      case Workload::kGet:
        return Repeat(GetStep(mine, records_, seed), &outcome, {.seconds = plan_.seconds});
      case Workload::kScan100:
        return Repeat(ScanStep(mine, records_, seed), &outcome, {.seconds = plan_.seconds});
      case Workload::kFullScan:
        return Repeat(FullScanStep(mine, records_), &outcome, {.seconds = plan_.seconds});
      case Workload::kCas:
        return Repeat(CasStep(mine, records_, seed), &outcome, {.seconds = plan_.seconds});
      case Workload::kPut:
        return Repeat(PutStep(mine, records_, seed), &outcome, {.seconds = plan_.seconds});
      case Workload::kTransaction:
        return Repeat(TransactionStep(mine, records_, seed), &outcome, {.seconds = plan_.seconds});
    }
  }

  // How many records thread `number` inserts.
  uint64_t ShareOf(int number) const {
    return (records_.count() + plan_.threads - 1 - number) / plan_.threads;
  }

  template <class Step>
  void Repeat(Step step, ThreadOutcome* outcome, const Limits& limits) {
    const uint32_t sample_every = RowOf(plan_.workload).sample_every;
    if (plan_.workload != Workload::kInsert && plan_.warm_up_seconds > 0) {
      auto ignored = std::make_unique<ThreadOutcome>();
      outcome->status = Loop(step, {.seconds = plan_.warm_up_seconds}, sample_every, ignored.get());
    }
    std::unique_ptr<HardwareCounters> hardware;
    if (plan_.hardware_counters) hardware = std::make_unique<HardwareCounters>();
    start_line_.arrive_and_wait();
    if (!outcome->status.ok()) return;
    if (hardware != nullptr) hardware->Start();
    outcome->status = Loop(step, limits, sample_every, outcome);
    outcome->end = Clock::now();
    if (hardware == nullptr) return;
    outcome->hardware = hardware->Read();
    outcome->hardware_refusal = hardware->refusal();
  }

  absl::StatusOr<RunResult> Collect(Clock::time_point end) {
    const ProcessUsage usage = ReadProcessUsage();
    RunResult result;
    Histogram latencies;
    for (const ThreadOutcome& outcome : outcomes_) {
      result.ops += outcome.ops;
      latencies.Merge(outcome.latencies);
      result.hardware.Add(outcome.hardware);
      result.hardware_refusal = outcome.hardware_refusal;
    }
    const auto ops = static_cast<double>(std::max<uint64_t>(result.ops, 1));
    result.seconds = std::max(std::chrono::duration<double>(end - begin_).count(), 1e-9);
    result.ops_per_s = static_cast<double>(result.ops) / result.seconds;
    result.p50_us = latencies.PercentileNs(0.5) / 1e3;
    result.p99_us = latencies.PercentileNs(0.99) / 1e3;
    result.p999_us = latencies.PercentileNs(0.999) / 1e3;
    result.cpu_us_per_op = (usage.cpu_seconds - usage_before_.cpu_seconds) * 1e6 / ops;
    result.rss_bytes = usage.rss_bytes;
    result.device_bytes_read = usage.read_bytes - usage_before_.read_bytes;
    result.device_bytes_written = usage.written_bytes - usage_before_.written_bytes;
    MORAINE_ASSIGN_OR_RETURN(const StoreCounters counters, store_.Counters());
    result.submissions = counters.submissions - counters_before_.submissions;
    result.fragments = counters.fragments - counters_before_.fragments;
    return result;
  }

  Store& store_;
  const RecordSet& records_;
  const RunPlan plan_;
  std::vector<ThreadOutcome> outcomes_;  // one per thread, which alone writes it
  std::barrier<StartLine> start_line_;
  // Written by StartLine.
  absl::Status counters_status_;
  StoreCounters counters_before_;
  ProcessUsage usage_before_;
  Clock::time_point begin_;
};

}  // namespace

std::string_view WorkloadName(Workload workload) { return RowOf(workload).name; }

std::optional<Workload> WorkloadByName(std::string_view name) {
  for (const WorkloadRow& row : kRows) {
    if (row.name == name) return row.workload;
  }
  return std::nullopt;
}

bool IsWrite(Workload workload) { return RowOf(workload).is_write; }

absl::StatusOr<RunResult> RunWorkload(Store& store, const RecordSet& records, const RunPlan& plan) {
  if (plan.threads < 1) return absl::InvalidArgumentError("a run needs at least one thread");
  return Run(store, records, plan).Execute();
}

absl::Status LoadRecords(Store& store, const RecordSet& records) {
  MORAINE_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, store.NewSession());
  std::vector<KeyBuffer> keys(kLoadBatch);
  std::vector<std::string> values(kLoadBatch);
  std::vector<KeyValue> batch;
  for (uint64_t begin = 0; begin < records.count(); begin += kLoadBatch) {
    const uint64_t size = std::min(kLoadBatch, records.count() - begin);
    batch.clear();
    for (uint64_t at = 0; at < size; ++at) {
      records.FillValue(begin + at, 0, &values[at]);
      batch.push_back({records.Key(begin + at, &keys[at]), values[at]});
    }
    MORAINE_RETURN_IF_ERROR(session->PutMany(batch));
  }
  return absl::OkStatus();
}

absl::Status TouchAllRecords(Store& store, const RecordSet& records) {
  MORAINE_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, store.NewSession());
  return FullScanStep(*session, records)().status();
}

}  // namespace moraine::bench
