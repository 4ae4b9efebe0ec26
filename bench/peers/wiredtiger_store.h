// WiredTiger: a B-tree with a cache of its own, a log and checkpoints. Its transactions are snapshot
// isolated, which no rate says.
#ifndef MORAINE_BENCH_PEERS_WIREDTIGER_STORE_H_
#define MORAINE_BENCH_PEERS_WIREDTIGER_STORE_H_

#include <memory>

#include "absl/status/statusor.h"

#include "bench/peers/store.h"

namespace moraine::bench {

absl::StatusOr<std::unique_ptr<Store>> OpenWiredtiger(const StoreSettings& settings);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_PEERS_WIREDTIGER_STORE_H_
