// RocksDB behind the benchmark's interface, opened as OptimisticTransactionDB: single gets and puts
// go straight to its base database, an update is a transaction with a snapshot and GetForUpdate,
// retried on conflict. Unsynced writes are in the write-ahead log file, so they survive the
// process, not the machine.
#ifndef MORAINE_BENCH_PEERS_ROCKSDB_STORE_H_
#define MORAINE_BENCH_PEERS_ROCKSDB_STORE_H_

#include <memory>

#include "absl/status/statusor.h"

#include "bench/peers/store.h"

namespace moraine::bench {

absl::StatusOr<std::unique_ptr<Store>> OpenRocksdb(const StoreSettings& settings);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_PEERS_ROCKSDB_STORE_H_
