// The conformance suite of adapters over RocksDB, LMDB and LevelDB.
#include "bench/peers/leveldb_store.h"
#include "bench/peers/lmdb_store.h"
#include "bench/peers/rocksdb_store.h"
#include "tests/bench/store_conformance.h"

namespace moraine::bench {
namespace {

INSTANTIATE_TEST_SUITE_P(Peers, StoreConformanceTest,
                         testing::Values(StoreCase{{"rocksdb", OpenRocksdb}, false},
                                         StoreCase{{"rocksdb", OpenRocksdb}, true},
                                         StoreCase{{"lmdb", OpenLmdb}, false},
                                         StoreCase{{"lmdb", OpenLmdb}, true},
                                         StoreCase{{"leveldb", OpenLeveldb}, false},
                                         StoreCase{{"leveldb", OpenLeveldb}, true}),
                         [](const auto& chosen) { return chosen.param.Name(); });

}  // namespace
}  // namespace moraine::bench
