// The conformance suite of adapters over RocksDB, LMDB, LevelDB and WiredTiger.
#include "bench/peers/leveldb_store.h"
#include "bench/peers/lmdb_store.h"
#include "bench/peers/rocksdb_store.h"
#include "bench/peers/wiredtiger_store.h"
#include "tests/bench/store_conformance.h"

namespace moraine::bench {
namespace {

INSTANTIATE_TEST_SUITE_P(Peers, StoreConformanceTest,
                         testing::Values(StoreCase{{"rocksdb", OpenRocksdb}, false},
                                         StoreCase{{"rocksdb", OpenRocksdb}, true},
                                         StoreCase{{"lmdb", OpenLmdb}, false},
                                         StoreCase{{"lmdb", OpenLmdb}, true},
                                         StoreCase{{"leveldb", OpenLeveldb}, false},
                                         StoreCase{{"leveldb", OpenLeveldb}, true},
                                         StoreCase{{"wiredtiger", OpenWiredtiger}, false},
                                         StoreCase{{"wiredtiger", OpenWiredtiger}, true},
                                         StoreCase{{"rocksdb", OpenRocksdb}, false, true},
                                         StoreCase{{"lmdb", OpenLmdb}, false, true},
                                         StoreCase{{"leveldb", OpenLeveldb}, false, true},
                                         StoreCase{{"wiredtiger", OpenWiredtiger}, false, true}),
                         [](const auto& chosen) { return chosen.param.Name(); });

}  // namespace
}  // namespace moraine::bench
