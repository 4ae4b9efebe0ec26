// The picture of a run: median latency of a page by its number of fragments, a line per method, a
// panel per number of readers.
#ifndef MORAINE_BENCH_SCATTER_GATHER_PICTURE_H_
#define MORAINE_BENCH_SCATTER_GATHER_PICTURE_H_

#include <string>

#include "bench/scatter_gather/results.h"

namespace moraine::bench {

std::string LatencyPicture(const Results& results, const RunFacts& facts);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_SCATTER_GATHER_PICTURE_H_
