// The result lines of the cold benchmark. They are written in the child that measured and read by
// the parent that compares, so the line is also what the two speak.
#ifndef MORAINE_BENCH_COLD_COLD_LINE_H_
#define MORAINE_BENCH_COLD_COLD_LINE_H_

#include <cstdint>
#include <string>

#include "bench/cold/cold_run.h"
#include "bench/json_line.h"

namespace moraine::bench {

// What the child knows beside the result itself.
struct ColdFacts {
  double open_seconds = 0;          // opening the store, cold
  uint64_t memory_limit_bytes = 0;  // of the cgroup; 0: there was none
  uint64_t memory_peak_bytes = 0;   // page cache included
  uint64_t occupied_bytes = 0;      // by the store's files, before the run
};

// One line without its end; the fields are listed in bench/README.md.
std::string ColdLine(const LineHead& head, const ColdResult& result, const ColdFacts& facts);

// The line of a run that did not come to a result.
std::string FailureLine(const LineHead& head, const std::string& reason);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_COLD_COLD_LINE_H_
