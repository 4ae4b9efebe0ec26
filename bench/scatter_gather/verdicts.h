// What gathering has to reach, as numbers, and whether a run says that it does.
#ifndef MORAINE_BENCH_SCATTER_GATHER_VERDICTS_H_
#define MORAINE_BENCH_SCATTER_GATHER_VERDICTS_H_

#include <string>
#include <vector>

#include "bench/scatter_gather/results.h"

namespace moraine::bench {

// A page of eight fragments, read by one reader.
inline constexpr Setting kJudgedSetting = {.fragment_count = 8, .readers = 1};
inline constexpr double kMostSubmissionsPerPage = 1.0;
inline constexpr double kMostOfBare = 1.15;            // moraine's median latency / bare io_uring's
inline constexpr double kLeastFasterThanSerial = 3.2;  // pread's median latency / moraine's

struct GatherVerdict {
  bool met = false;
  std::string text;  // a line for people
};

// A target whose methods did not run, or ran through the page cache, is not met: a check that
// looked at nothing must not pass.
std::vector<GatherVerdict> JudgeGathering(const Results& results, const RunFacts& facts);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_SCATTER_GATHER_VERDICTS_H_
