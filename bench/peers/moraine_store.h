// moraine behind the benchmark's interface, one level below its public API: storage/engine.h.
// Unsynced means Durability::kNone: the commit is in memory and reaches the device when the log
// ring is written, so a killed process loses the newest ones, and what survives is a prefix of the
// commit order.
#ifndef MORAINE_BENCH_PEERS_MORAINE_STORE_H_
#define MORAINE_BENCH_PEERS_MORAINE_STORE_H_

#include <memory>

#include "absl/status/statusor.h"

#include "bench/peers/store.h"

namespace moraine::bench {

absl::StatusOr<std::unique_ptr<Store>> OpenMoraine(const StoreSettings& settings);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_PEERS_MORAINE_STORE_H_
