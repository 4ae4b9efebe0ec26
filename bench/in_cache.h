// The in-cache benchmark as a function of its command line: every engine in turn, in rounds, each
// on a fresh directory with data that fits its cache.
#ifndef MORAINE_BENCH_IN_CACHE_H_
#define MORAINE_BENCH_IN_CACHE_H_

#include <ostream>
#include <string>
#include <vector>

#include "bench/peers/store.h"

namespace moraine::bench {

// Returns the exit code: 0 ok, 1 a target was missed or could not be checked, 2 usage, 5 an engine
// or the file system failed. `arguments` are without the program's name. Results go to `out`,
// progress and complaints to `err`.
int RunInCache(const std::vector<std::string>& arguments, const std::vector<Contender>& contenders,
               std::ostream& out, std::ostream& err);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_IN_CACHE_H_
