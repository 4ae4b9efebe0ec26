// The benchmark of transactions as a function, so that a test can run it at a tiny size.
#ifndef MORAINE_BENCH_TRANSACTIONS_TRANSACTIONS_H_
#define MORAINE_BENCH_TRANSACTIONS_TRANSACTIONS_H_

#include <ostream>
#include <string>
#include <vector>

#include "bench/peers/store.h"

namespace moraine::bench {

// Returns the exit code: 0 ok, 1 a target was missed or not run (--assert), 2 usage, 5 an engine
// failed or returned a wrong value.
int RunTransactions(const std::vector<std::string>& arguments,
                    const std::vector<Contender>& contenders, std::ostream& out, std::ostream& err);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_TRANSACTIONS_TRANSACTIONS_H_
