// The cold benchmark as a function of its command line: data far larger than memory, every engine
// below the same memory limit, in processes of its own.
#ifndef MORAINE_BENCH_COLD_COLD_H_
#define MORAINE_BENCH_COLD_COLD_H_

#include <ostream>
#include <string>
#include <vector>

#include "bench/peers/store.h"

namespace moraine::bench {

// Returns the exit code: 0 ok, 1 a target was missed (--assert), 2 usage, 5 an engine failed or the
// file system did; the engines after it ran. `arguments` are without the program's name. Results go
// to `out`, progress and complaints to `err`. Call it from a process of one thread.
int RunColdBenchmark(const std::vector<std::string>& arguments,
                     const std::vector<Contender>& contenders, std::ostream& out,
                     std::ostream& err);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_COLD_COLD_H_
