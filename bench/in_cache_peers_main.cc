// The program bench/in_cache_peers: the peers alone, to see what they do on a machine.
#include <iostream>
#include <string>
#include <vector>

#include "bench/in_cache.h"
#include "bench/peers/leveldb_store.h"
#include "bench/peers/lmdb_store.h"
#include "bench/peers/rocksdb_store.h"

int main(int argument_count, char** arguments) {
  namespace bench = moraine::bench;
  return bench::RunInCache(
      {arguments + 1, arguments + argument_count},
      {{"rocksdb", bench::OpenRocksdb}, {"lmdb", bench::OpenLmdb}, {"leveldb", bench::OpenLeveldb}},
      std::cout, std::cerr);
}
