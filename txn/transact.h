// Runs a function in a transaction and commits it, again and again while it loses to others. The
// clock, the pause and the dice are parameters, so that tests need no time and repeat exactly.
#ifndef MORAINE_TXN_TRANSACT_H_
#define MORAINE_TXN_TRANSACT_H_

#include <chrono>
#include <cstdint>
#include <functional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/engine.h"
#include "txn/transaction.h"

namespace moraine {

struct RetryOptions {
  uint32_t most_tries = 100;
  // No try begins later than this after the call; zero: no limit.
  std::chrono::nanoseconds deadline{0};
  // Before try n + 1 it pauses for a random time below first_pause * 2^n, at most most_pause. The
  // first few tries follow at once: who lost to a short transaction has a free way now.
  uint32_t tries_without_pause = 3;
  std::chrono::nanoseconds first_pause{2'000};
  std::chrono::nanoseconds most_pause{1'000'000};
};

// What Transact needs of the world. Empty members: the steady clock, a thread's sleep, a generator
// of its own.
struct RetryEnvironment {
  std::function<std::chrono::nanoseconds()> now;
  std::function<void(std::chrono::nanoseconds)> pause;
  std::function<uint64_t()> random;
};

// `body` runs once per try, each on a transaction of its own that begins anew; it must have no
// effects but on the transaction. An error of `body` that carries no conflict ends it, with nothing
// written, and is returned. Aborted with the last conflict: the tries are used up. DeadlineExceeded:
// the time is. Otherwise as Transaction::Commit.
absl::StatusOr<Lsn> Transact(Engine& engine, TransactionOptions options, const RetryOptions& retry,
                             const RetryEnvironment& environment, Durability durability,
                             absl::FunctionRef<absl::Status(Transaction&)> body);

}  // namespace moraine

#endif  // MORAINE_TXN_TRANSACT_H_
