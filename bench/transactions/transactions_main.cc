// The program bench/transactions: moraine and its peers.
#include <iostream>
#include <string>
#include <vector>

#include "bench/peers/leveldb_store.h"
#include "bench/peers/lmdb_store.h"
#include "bench/peers/moraine_store.h"
#include "bench/peers/rocksdb_store.h"
#include "bench/peers/wiredtiger_store.h"
#include "bench/transactions/transactions.h"

int main(int argument_count, char** arguments) {
  namespace bench = moraine::bench;
  return bench::RunTransactions({arguments + 1, arguments + argument_count},
                                {{"moraine", bench::OpenMoraine},
                                 {"rocksdb", bench::OpenRocksdb},
                                 {"lmdb", bench::OpenLmdb},
                                 {"wiredtiger", bench::OpenWiredtiger},
                                 {"leveldb", bench::OpenLeveldb}},
                                std::cout, std::cerr);
}
