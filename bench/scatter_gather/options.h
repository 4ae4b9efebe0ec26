// The command line of the scatter-gather tool.
#ifndef MORAINE_BENCH_SCATTER_GATHER_OPTIONS_H_
#define MORAINE_BENCH_SCATTER_GATHER_OPTIONS_H_

#include <cstdint>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/scatter_gather/page_reader.h"

namespace moraine::bench {

struct ScatterGatherOptions {
  std::string directory;
  uint64_t file_bytes = uint64_t{4} << 30;
  uint64_t fragment_bytes = kBlockBytes;
  std::vector<size_t> fragments = {1, 2, 4, 8, 16, 32};
  std::vector<int> readers = {1, 8};
  std::vector<std::string> methods;  // and "fio"
  double seconds = 0.15;
  int rounds = 5;
  uint32_t pool_threads = 32;
  uint64_t seed = 1;
  std::string fio_program = "fio";
  std::string fio_engine = "io_uring";
  bool full = false;
  bool json = false;
  bool assert_targets = false;
  std::string picture;

  bool Wants(std::string_view method) const;
  bool WithFio() const;
};

enum class ParsedCommand : uint8_t { kRun, kHelp, kWrong };

// Says what is wrong on `err`, or prints the help to `out`.
ParsedCommand ParseScatterGather(const std::vector<std::string>& arguments,
                                 std::span<const ReadMethodRow> methods,
                                 ScatterGatherOptions* options, std::ostream& out,
                                 std::ostream& err);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_SCATTER_GATHER_OPTIONS_H_
