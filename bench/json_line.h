// The one shape of a result line: whatever a benchmark measures, scripts find the same fields (the
// list is in bench/README.md), to which a benchmark may add its own.
#ifndef MORAINE_BENCH_JSON_LINE_H_
#define MORAINE_BENCH_JSON_LINE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "bench/run_result.h"
#include "nlohmann/json_fwd.hpp"

namespace moraine::bench {

// What was run, in the words of the line.
struct LineHead {
  std::string engine;
  std::string workload;
  int threads = 1;
  int round = 0;
  uint64_t records = 0;
  uint64_t value_bytes = 0;
  std::string config_hash;
  uint64_t seed = 0;
};

// 16 hexadecimal digits that name a configuration (FNV-1a of its description).
std::string ConfigHash(std::string_view description);

// The object of one line, without what only one benchmark has.
nlohmann::ordered_json ResultLine(const LineHead& head, const RunResult& result);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_JSON_LINE_H_
