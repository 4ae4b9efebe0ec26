// LMDB behind the benchmark's interface: a memory map, one writer at a time. Each session keeps one
// read transaction and one cursor and renews them, which LMDB recommends over beginning anew; every
// single write is a write transaction of its own. Unsynced means MDB_NOSYNC and MDB_WRITEMAP:
// writes survive the process, and a crash of the machine may lose the file.
#ifndef MORAINE_BENCH_PEERS_LMDB_STORE_H_
#define MORAINE_BENCH_PEERS_LMDB_STORE_H_

#include <memory>

#include "absl/status/statusor.h"

#include "bench/peers/store.h"

namespace moraine::bench {

absl::StatusOr<std::unique_ptr<Store>> OpenLmdb(const StoreSettings& settings);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_PEERS_LMDB_STORE_H_
