// LevelDB behind the benchmark's interface. It has no transactions: an update is a get and a put
// under one mutex of the store, atomic against other updates but not against plain puts, which is
// less than the other engines promise. Unsynced writes are in the log file, so they survive the
// process, not the machine.
#ifndef MORAINE_BENCH_PEERS_LEVELDB_STORE_H_
#define MORAINE_BENCH_PEERS_LEVELDB_STORE_H_

#include <memory>

#include "absl/status/statusor.h"

#include "bench/peers/store.h"

namespace moraine::bench {

absl::StatusOr<std::unique_ptr<Store>> OpenLeveldb(const StoreSettings& settings);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_PEERS_LEVELDB_STORE_H_
