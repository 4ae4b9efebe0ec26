// The program bench/cold: moraine, as a library, and its peers.
#include <iostream>
#include <string>
#include <vector>

#include "bench/cold/cold.h"
#include "bench/peers/database_store.h"
#include "bench/peers/leveldb_store.h"
#include "bench/peers/lmdb_store.h"
#include "bench/peers/rocksdb_store.h"
#include "bench/peers/wiredtiger_store.h"

int main(int argument_count, char** arguments) {
  namespace bench = moraine::bench;
  return bench::RunColdBenchmark({arguments + 1, arguments + argument_count},
                                 {{"moraine", bench::OpenDatabase},
                                  {"rocksdb", bench::OpenRocksdb},
                                  {"lmdb", bench::OpenLmdb},
                                  {"leveldb", bench::OpenLeveldb},
                                  {"wiredtiger", bench::OpenWiredtiger}},
                                 std::cout, std::cerr);
}
