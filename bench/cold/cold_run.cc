// The timed loop of cold runs. Unlike the loops of data in cache it reads the clock around every
// operation: an operation that waits for a device can afford it, and the longest one of all is part
// of what is asked for.
#include "bench/cold/cold_run.h"

#include <algorithm>
#include <barrier>
#include <chrono>
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

// Reads 32 records in one call and checks them all.
class MultiGetStep {
 public:
  MultiGetStep(Session& session, const RecordSet& records, uint64_t seed)
      : session_(session), records_(records), random_(seed) {}
  absl::StatusOr<uint64_t> operator()() {
    for (uint64_t at = 0; at < kMultiGetKeys; ++at) {
      indexes_[at] = random_.Below(records_.count());
      keys_[at] = records_.Key(indexes_[at], &buffers_[at]);
    }
    MORAINE_RETURN_IF_ERROR(session_.MultiGet(keys_, &values_));
    if (values_.size() != kMultiGetKeys) {
      return absl::DataLossError("multi_get: " + std::to_string(values_.size()) + " values");
    }
    for (uint64_t at = 0; at < kMultiGetKeys; ++at) {
      if (!values_[at].has_value()) return WrongRecord("multi_get", keys_[at], "it is missing");
      if (!records_.CheckValue(indexes_[at], *values_[at])) {
        return WrongRecord("multi_get", keys_[at], "wrong value");
      }
    }
    return kMultiGetKeys;
  }

 private:
  Session& session_;
  const RecordSet& records_;
  RandomStream random_;
  uint64_t indexes_[kMultiGetKeys] = {};
  KeyBuffer buffers_[kMultiGetKeys];
  std::string_view keys_[kMultiGetKeys];
  std::vector<std::optional<std::string>> values_;
};

// What one thread did; written by it alone.
struct ThreadOutcome {
  absl::Status status;
  uint64_t ops = 0;
  uint64_t most_ns = 0;
  Clock::time_point end;
  Histogram latencies;
};

class Run {
 public:
  Run(Store& store, const RecordSet& records, const ColdPlan& plan)
      : store_(store),
        records_(records),
        plan_(plan),
        outcomes_(plan.threads),
        start_line_(plan.threads, StartLine{this}) {}

  absl::StatusOr<ColdResult> Execute() {
    std::vector<std::thread> threads;
    for (int number = 0; number < plan_.threads; ++number) {
      threads.emplace_back([this, number] { RunThread(number); });
    }
    for (std::thread& thread : threads) thread.join();
    for (const ThreadOutcome& outcome : outcomes_) MORAINE_RETURN_IF_ERROR(outcome.status);
    Clock::time_point last = begin_;
    for (const ThreadOutcome& outcome : outcomes_) last = std::max(last, outcome.end);
    Clock::time_point end = last;
    if (plan_.workload == ColdWorkload::kUpdate) {
      MORAINE_RETURN_IF_ERROR(store_.Settle());
      MORAINE_RETURN_IF_ERROR(SyncFileSystem(plan_.directory));
      end = Clock::now();
    }
    ColdResult result = Collect(end);
    result.debt_seconds = std::chrono::duration<double>(end - last).count();
    return result;
  }

 private:
  // Runs once, when all threads have warmed up.
  struct StartLine {
    Run* run;
    void operator()() noexcept {
      run->usage_before_ = ReadProcessUsage();
      run->device_before_ = ReadDeviceCounters(run->plan_.directory);
      run->begin_ = Clock::now();
    }
  };

  void RunThread(int number) {
    absl::StatusOr<std::unique_ptr<Session>> session = store_.NewSession();
    if (!session.ok()) {
      outcomes_[number].status = session.status();
      start_line_.arrive_and_wait();
      return;
    }
    const uint64_t seed = plan_.seed ^ Mix(static_cast<uint64_t>(plan_.workload) * 1000 + number);
    switch (plan_.workload) {
      case ColdWorkload::kGet:
        return Repeat(GetStep(**session, records_, seed), &outcomes_[number]);
      case ColdWorkload::kMultiGet:
        return Repeat(MultiGetStep(**session, records_, seed), &outcomes_[number]);
      case ColdWorkload::kScan:
        return Repeat(FullScanStep(**session, records_), &outcomes_[number]);
      case ColdWorkload::kUpdate:
        return Repeat(PutStep(**session, records_, seed), &outcomes_[number]);
    }
  }

  template <class Step>
  void Repeat(Step step, ThreadOutcome* outcome) {
    if (plan_.warm_up_seconds > 0) {
      auto ignored = std::make_unique<ThreadOutcome>();
      outcome->status = Loop(step, Clock::now(), plan_.warm_up_seconds, ignored.get());
    }
    start_line_.arrive_and_wait();
    if (!outcome->status.ok()) return;
    // A scan is one pass, however long it takes.
    const double seconds = plan_.workload == ColdWorkload::kScan ? 0 : plan_.seconds;
    outcome->status = Loop(step, begin_, seconds, outcome);
  }

  // At least one step.
  template <class Step>
  static absl::Status Loop(Step& step, Clock::time_point begin, double seconds,
                           ThreadOutcome* outcome) {
    const auto deadline =
        begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    Clock::time_point before = Clock::now();
    do {
      MORAINE_ASSIGN_OR_RETURN(const uint64_t ops, step());
      outcome->end = Clock::now();
      outcome->ops += ops;
      const auto took_ns = static_cast<uint64_t>((outcome->end - before).count());
      outcome->latencies.Record(took_ns);
      outcome->most_ns = std::max(outcome->most_ns, took_ns);
      before = outcome->end;
    } while (outcome->end < deadline);
    return absl::OkStatus();
  }

  ColdResult Collect(Clock::time_point end) const {
    const ProcessUsage usage = ReadProcessUsage();
    const DeviceCounters device = ReadDeviceCounters(plan_.directory);
    ColdResult result;
    Histogram latencies;
    uint64_t most_ns = 0;
    for (const ThreadOutcome& outcome : outcomes_) {
      result.run.ops += outcome.ops;
      latencies.Merge(outcome.latencies);
      most_ns = std::max(most_ns, outcome.most_ns);
    }
    const auto ops = static_cast<double>(std::max<uint64_t>(result.run.ops, 1));
    RunResult& run = result.run;
    run.seconds = std::max(std::chrono::duration<double>(end - begin_).count(), 1e-9);
    run.ops_per_s = static_cast<double>(run.ops) / run.seconds;
    run.p50_us = latencies.PercentileNs(0.5) / 1e3;
    run.p99_us = latencies.PercentileNs(0.99) / 1e3;
    run.p999_us = latencies.PercentileNs(0.999) / 1e3;
    run.cpu_us_per_op = (usage.cpu_seconds - usage_before_.cpu_seconds) * 1e6 / ops;
    run.rss_bytes = usage.rss_bytes;
    run.device_bytes_read = usage.read_bytes - usage_before_.read_bytes;
    run.device_bytes_written = usage.written_bytes - usage_before_.written_bytes;
    result.most_us = static_cast<double>(most_ns) / 1e3;
    result.device = {.reads = device.reads - device_before_.reads,
                     .read_bytes = device.read_bytes - device_before_.read_bytes,
                     .writes = device.writes - device_before_.writes,
                     .written_bytes = device.written_bytes - device_before_.written_bytes};
    return result;
  }

  Store& store_;
  const RecordSet& records_;
  const ColdPlan& plan_;
  std::vector<ThreadOutcome> outcomes_;
  std::barrier<StartLine> start_line_;
  // Written by StartLine.
  ProcessUsage usage_before_;
  DeviceCounters device_before_;
  Clock::time_point begin_;
};

}  // namespace

std::string_view ColdWorkloadName(ColdWorkload workload) {
  switch (workload) {
    case ColdWorkload::kGet:
      return "cold_get";
    case ColdWorkload::kMultiGet:
      return "cold_multi_get";
    case ColdWorkload::kScan:
      return "cold_scan";
    case ColdWorkload::kUpdate:
      return "cold_update";
  }
  return "";
}

absl::StatusOr<ColdResult> RunCold(Store& store, const RecordSet& records, const ColdPlan& plan) {
  return Run(store, records, plan).Execute();
}

}  // namespace moraine::bench
