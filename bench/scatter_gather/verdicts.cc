// The targets on medians over the rounds.
#include "bench/scatter_gather/verdicts.h"

#include "absl/strings/str_format.h"

#include "bench/scatter_gather/methods.h"

namespace moraine::bench {
namespace {

GatherVerdict Judge(bool met, const std::string& goal, const std::string& found) {
  return {.met = met, .text = (met ? "met      " : "MISSED   ") + goal + ": " + found};
}

GatherVerdict JudgeRatio(const std::optional<RatioSpread>& ratio, double bound, bool at_most,
                         const std::string& goal) {
  if (!ratio.has_value()) return Judge(false, goal, "not run");
  const bool met = at_most ? ratio->median <= bound : ratio->median >= bound;
  return Judge(
      met, goal,
      absl::StrFormat("%.2f, by round %.2f to %.2f", ratio->median, ratio->least, ratio->most));
}

}  // namespace

std::vector<GatherVerdict> JudgeGathering(const Results& results, const RunFacts& facts) {
  const std::optional<MethodSummary> own = results.Summarize(kOwnMethod, kJudgedSetting);
  const std::string one_call = "8 fragments, 1 reader: one submission per page";
  std::vector<GatherVerdict> verdicts;
  if (!own.has_value() || !own->refusal.empty()) {
    verdicts.push_back(Judge(false, one_call, "not run"));
  } else {
    const double calls = own->submissions_per_page;
    verdicts.push_back(Judge(calls > 0 && calls <= kMostSubmissionsPerPage, one_call,
                             absl::StrFormat("%.3f", calls)));
  }
  verdicts.push_back(JudgeRatio(
      results.Ratio(kOwnMethod, kBareMethod, kJudgedSetting), kMostOfBare, true,
      absl::StrFormat("median latency of moraine / bare io_uring at most %.2f", kMostOfBare)));
  verdicts.push_back(JudgeRatio(
      results.Ratio(kSerialMethod, kOwnMethod, kJudgedSetting), kLeastFasterThanSerial, false,
      absl::StrFormat("median latency of pread / moraine at least %.2f", kLeastFasterThanSerial)));
  if (!facts.direct) {
    verdicts.push_back(Judge(false, "reads bypass the page cache",
                             "this file system has no direct reads; choose --directory on a disk"));
  }
  return verdicts;
}

}  // namespace moraine::bench
