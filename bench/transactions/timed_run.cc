// Threads, the start line, and the sums at the end.
#include "bench/transactions/timed_run.h"

#include <algorithm>
#include <barrier>
#include <chrono>
#include <thread>

#include "bench/histogram.h"
#include "bench/process_usage.h"
#include "storage/base/status_macros.h"

namespace moraine::bench {
namespace {

using Clock = std::chrono::steady_clock;

// Every operation is timed: a reading of the clock is small beside a transaction.
struct ThreadOutcome {
  absl::Status status;
  size_t role = 0;
  uint64_t ops = 0;
  uint64_t retries = 0;
  Clock::time_point end;
  Histogram latencies;
};

absl::Status Loop(Step& step, double seconds, ThreadOutcome* outcome) {
  const Clock::time_point deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                                        std::chrono::duration<double>(seconds));
  Clock::time_point before = Clock::now();
  do {
    MORAINE_ASSIGN_OR_RETURN(const uint64_t ops, step());
    outcome->ops += ops;
    const Clock::time_point after = Clock::now();
    outcome->latencies.Record(static_cast<uint64_t>((after - before).count()));
    before = after;
  } while (before < deadline);
  return absl::OkStatus();
}

class Run {
 public:
  Run(Store& store, const std::vector<Role>& roles, const TimedPlan& plan)
      : store_(store),
        roles_(roles),
        plan_(plan),
        outcomes_(ThreadsOf(roles)),
        start_line_(static_cast<ptrdiff_t>(outcomes_.size()), StartLine{this}) {}

  absl::StatusOr<std::vector<RoleResult>> Execute() {
    std::vector<std::thread> threads;
    size_t at = 0;
    for (size_t role = 0; role < roles_.size(); ++role) {
      for (int number = 0; number < roles_[role].threads; ++number, ++at) {
        outcomes_[at].role = role;
        threads.emplace_back([this, at, number] { RunThread(number, &outcomes_[at]); });
      }
    }
    for (std::thread& thread : threads) thread.join();
    for (const ThreadOutcome& outcome : outcomes_) MORAINE_RETURN_IF_ERROR(outcome.status);
    std::vector<RoleResult> results;
    for (size_t role = 0; role < roles_.size(); ++role) results.push_back(Collect(role));
    AddUsage(&results.front().result);
    return results;
  }

 private:
  struct StartLine {
    Run* run;
    void operator()() noexcept {
      run->usage_before_ = ReadProcessUsage();
      run->begin_ = Clock::now();
    }
  };

  static size_t ThreadsOf(const std::vector<Role>& roles) {
    size_t threads = 0;
    for (const Role& role : roles) threads += static_cast<size_t>(role.threads);
    return threads;
  }

  void RunThread(int number, ThreadOutcome* outcome) {
    absl::StatusOr<std::unique_ptr<Session>> session = store_.NewSession();
    std::unique_ptr<Step> step;
    outcome->status = session.status();
    if (session.ok()) {
      step = roles_[outcome->role].make(**session, number);
      ThreadOutcome ignored;
      outcome->status = Loop(*step, plan_.warm_up_seconds, &ignored);
    }
    start_line_.arrive_and_wait();
    if (!outcome->status.ok()) return;
    const uint64_t retries_before = (*session)->retries();
    outcome->status = Loop(*step, plan_.seconds, outcome);
    outcome->end = Clock::now();
    outcome->retries = (*session)->retries() - retries_before;
  }

  RoleResult Collect(size_t role) const {
    RoleResult collected;
    collected.workload = roles_[role].workload;
    collected.threads = roles_[role].threads;
    RunResult& result = collected.result;
    Histogram latencies;
    Clock::time_point end = begin_;
    for (const ThreadOutcome& outcome : outcomes_) {
      if (outcome.role != role) continue;
      result.ops += outcome.ops;
      collected.retries += outcome.retries;
      latencies.Merge(outcome.latencies);
      end = std::max(end, outcome.end);
    }
    result.seconds = std::max(std::chrono::duration<double>(end - begin_).count(), 1e-9);
    result.ops_per_s = static_cast<double>(result.ops) / result.seconds;
    result.p50_us = latencies.PercentileNs(0.5) / 1e3;
    result.p99_us = latencies.PercentileNs(0.99) / 1e3;
    result.p999_us = latencies.PercentileNs(0.999) / 1e3;
    return collected;
  }

  void AddUsage(RunResult* result) const {
    const ProcessUsage usage = ReadProcessUsage();
    result->cpu_us_per_op = (usage.cpu_seconds - usage_before_.cpu_seconds) * 1e6 /
                            static_cast<double>(std::max<uint64_t>(result->ops, 1));
    result->rss_bytes = usage.rss_bytes;
    result->device_bytes_read = usage.read_bytes - usage_before_.read_bytes;
    result->device_bytes_written = usage.written_bytes - usage_before_.written_bytes;
  }

  Store& store_;
  const std::vector<Role>& roles_;
  const TimedPlan plan_;
  std::vector<ThreadOutcome> outcomes_;  // one per thread, which alone writes it
  std::barrier<StartLine> start_line_;
  ProcessUsage usage_before_;  // by StartLine
  Clock::time_point begin_;
};

}  // namespace

absl::StatusOr<std::vector<RoleResult>> RunRoles(Store& store, const std::vector<Role>& roles,
                                                 const TimedPlan& plan) {
  return Run(store, roles, plan).Execute();
}

}  // namespace moraine::bench
