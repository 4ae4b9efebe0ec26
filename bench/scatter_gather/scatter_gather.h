// The scatter-gather tool as a function of its command line: makes the file, lets the methods take
// turns, prints what they found.
#ifndef MORAINE_BENCH_SCATTER_GATHER_SCATTER_GATHER_H_
#define MORAINE_BENCH_SCATTER_GATHER_SCATTER_GATHER_H_

#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "bench/scatter_gather/page_reader.h"

namespace moraine::bench {

// Returns the exit code: 0 ok, 1 a target was missed (--assert), 2 usage, 5 a read failed or
// brought wrong bytes. `arguments` are without the program's name. Results go to `out`, progress
// and complaints to `err`.
int RunScatterGather(const std::vector<std::string>& arguments,
                     std::span<const ReadMethodRow> methods, std::ostream& out, std::ostream& err);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_SCATTER_GATHER_SCATTER_GATHER_H_
