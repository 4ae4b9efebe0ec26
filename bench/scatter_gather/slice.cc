// Readers on a thread each: they open, read a few pages uncounted, meet, and start together. Every
// fragment is checked, outside of the time that counts as latency and inside of the time that
// counts as rate.
#include "bench/scatter_gather/slice.h"

#include <algorithm>
#include <barrier>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "bench/process_usage.h"
#include "bench/record_set.h"
#include "storage/base/status_macros.h"

namespace moraine::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kWarmUpPages = 2;  // faults the buffers in; the device has nothing to warm up

// What one reader did; written by its thread alone.
struct ReaderOutcome {
  absl::Status status;
  uint64_t pages = 0;
  uint64_t submissions = 0;
  Clock::time_point end;
  Histogram latencies;
};

class Slice {
 public:
  Slice(const SlicePlan& plan, ReadMethod& method)
      : plan_(plan),
        method_(method),
        outcomes_(plan.readers),
        start_line_(plan.readers, StartLine{this}) {}

  absl::StatusOr<SliceResult> Execute() {
    std::vector<std::thread> threads;
    for (int number = 0; number < plan_.readers; ++number) {
      threads.emplace_back([this, number] { RunReader(number); });
    }
    for (std::thread& thread : threads) thread.join();
    for (const ReaderOutcome& outcome : outcomes_) MORAINE_RETURN_IF_ERROR(outcome.status);
    return Collect();
  }

 private:
  // Runs once, when the last reader is ready.
  struct StartLine {
    Slice* slice;
    void operator()() noexcept {
      slice->usage_before_ = ReadProcessUsage();
      slice->begin_ = Clock::now();
    }
  };

  void RunReader(int number) {
    ReaderOutcome& outcome = outcomes_[number];
    RandomStream random(plan_.seed ^ Mix(static_cast<uint64_t>(number) + 1));
    absl::StatusOr<std::unique_ptr<PageReader>> reader = method_.NewReader();
    outcome.status = reader.status();
    for (int page = 0; page < kWarmUpPages && outcome.status.ok(); ++page) {
      outcome.status = ReadPage(**reader, random, nullptr);
    }
    start_line_.arrive_and_wait();
    if (!outcome.status.ok()) return;
    const uint64_t submissions_before = (*reader)->submissions();
    const auto deadline = begin_ + std::chrono::duration_cast<Clock::duration>(
                                       std::chrono::duration<double>(plan_.seconds));
    do {
      outcome.status = ReadPage(**reader, random, &outcome);
    } while (outcome.status.ok() && outcome.end < deadline);
    outcome.submissions = (*reader)->submissions() - submissions_before;
  }

  // Reads and checks a page of uniformly scattered fragments; counts it unless `outcome` is null.
  absl::Status ReadPage(PageReader& reader, RandomStream& random, ReaderOutcome* outcome) const {
    const ReadSettings& settings = plan_.settings;
    const uint64_t places = settings.file->bytes() / settings.fragment_bytes;
    std::vector<uint64_t> offsets(settings.fragment_count);
    for (uint64_t& offset : offsets) offset = random.Below(places) * settings.fragment_bytes;
    const Clock::time_point before = Clock::now();
    MORAINE_RETURN_IF_ERROR(reader.Read(offsets));
    const Clock::time_point after = Clock::now();
    for (size_t index = 0; index < offsets.size(); ++index) {
      char* fragment = reader.fragment(index);
      MORAINE_RETURN_IF_ERROR(
          settings.file->Check(offsets[index], fragment, settings.fragment_bytes));
      fragment[0] = static_cast<char>(~fragment[0]);  // a later read that does nothing is noticed
    }
    if (outcome == nullptr) return absl::OkStatus();
    ++outcome->pages;
    outcome->latencies.Record(static_cast<uint64_t>((after - before).count()));
    outcome->end = after;
    return absl::OkStatus();
  }

  SliceResult Collect() const {
    const ProcessUsage usage = ReadProcessUsage();
    SliceResult result;
    Clock::time_point end = begin_;
    for (const ReaderOutcome& outcome : outcomes_) {
      result.pages += outcome.pages;
      result.submissions += outcome.submissions;
      result.latencies.Merge(outcome.latencies);
      end = std::max(end, outcome.end);
    }
    result.seconds = std::max(std::chrono::duration<double>(end - begin_).count(), 1e-9);
    result.cpu_seconds = usage.cpu_seconds - usage_before_.cpu_seconds;
    result.rss_bytes = usage.rss_bytes;
    result.device_bytes_read = usage.read_bytes - usage_before_.read_bytes;
    return result;
  }

  const SlicePlan& plan_;
  ReadMethod& method_;
  std::vector<ReaderOutcome> outcomes_;
  std::barrier<StartLine> start_line_;
  // Written by StartLine.
  ProcessUsage usage_before_;
  Clock::time_point begin_;
};

}  // namespace

absl::StatusOr<SliceResult> RunSlice(const SlicePlan& plan) {
  MORAINE_ASSIGN_OR_RETURN(const std::unique_ptr<ReadMethod> method,
                           plan.method->open(plan.settings));
  return Slice(plan, *method).Execute();
}

}  // namespace moraine::bench
