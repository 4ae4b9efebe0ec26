// The command line of the cold benchmark.
#ifndef MORAINE_BENCH_COLD_OPTIONS_H_
#define MORAINE_BENCH_COLD_OPTIONS_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "bench/peers/store.h"

namespace moraine::bench {

struct ColdOptions {
  std::string directory;
  uint64_t data_bytes = uint64_t{1} << 30;
  uint64_t value_bytes = 100;
  uint64_t memory_bytes = 0;  // of the whole process; 0: an eighth of the data
  uint64_t cache_bytes = 0;   // of an engine's own cache; 0: two thirds of the memory less 48 MiB
  double seconds = 5;
  double update_seconds = 20;
  int rounds = 1;
  std::vector<int> threads = {1, 8};
  std::vector<std::string> engines;
  std::vector<std::string> workloads;
  uint64_t seed = 1;
  std::string fio_program = "fio";
  std::string fio_engine = "io_uring";
  double fio_seconds = 2;  // 0: without fio
  bool json = false;
  bool assert_targets = false;

  bool Wants(std::string_view workload) const;
};

enum class ParsedColdCommand : uint8_t { kRun, kHelp, kWrong };

// Fills in what depends on other options. Says what is wrong on `err`, or prints the help to `out`.
ParsedColdCommand ParseCold(const std::vector<std::string>& arguments,
                            const std::vector<Contender>& contenders, ColdOptions* options,
                            std::ostream& out, std::ostream& err);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_COLD_OPTIONS_H_
