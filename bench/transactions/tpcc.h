// TPC-C on any store with transactions: five kinds of transactions in the standard's proportions on
// a few warehouses, and its consistency conditions 1 to 4, which hold at the end if the store kept
// what it promised. Without think times and terminals, so its rates are nobody's tpmC.
#ifndef MORAINE_BENCH_TRANSACTIONS_TPCC_H_
#define MORAINE_BENCH_TRANSACTIONS_TPCC_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"

#include "bench/peers/store.h"
#include "bench/transactions/timed_run.h"

namespace moraine::bench {

// The standard's numbers, but for `warehouses`; smaller ones for tests.
struct TpccScale {
  uint32_t warehouses = 2;
  uint32_t districts = 10;
  uint32_t customers = 3000;  // of a district; as many orders, the last third of them not delivered
  uint32_t items = 100'000;

  uint64_t DataBytes() const;  // about, for stores that want to know
};

// Fills an empty store.
absl::Status LoadTpcc(Store& store, const TpccScale& scale, uint64_t seed);

// An operation is one transaction of the mix: 45 % new order, 43 % payment, 4 % each of order status,
// delivery and stock level. One new order in a hundred takes itself back, as the standard wants.
Role TpccRole(const TpccScale& scale, uint64_t seed, int threads);

// DataLoss that says which condition does not hold, and where.
absl::Status CheckTpcc(Store& store, const TpccScale& scale);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_TRANSACTIONS_TPCC_H_
