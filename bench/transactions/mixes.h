// What the threads of each workload do, but for TPC-C: transactions of four reads and four writes,
// durable puts, a writer beside a full scan, and the six mixes of YCSB (B. Cooper et al.,
// "Benchmarking cloud serving systems with YCSB", SoCC 2010).
#ifndef MORAINE_BENCH_TRANSACTIONS_MIXES_H_
#define MORAINE_BENCH_TRANSACTIONS_MIXES_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "bench/record_set.h"
#include "bench/transactions/key_choice.h"
#include "bench/transactions/timed_run.h"

namespace moraine::bench {

// Borrowed by the steps.
struct MixData {
  const RecordSet* records = nullptr;
  const ZipfTable* keys = nullptr;
  uint64_t seed = 1;
};

// Four reads and four writes of other keys in one transaction.
Role TransactionRole(const std::string& name, const MixData& data, int threads);

// Overwrites of single keys, which return when they are durable if the store is.
Role PutRole(const std::string& name, const MixData& data, int threads);

// One thread overwrites at full speed, one walks over all records at one instant, again and again.
std::vector<Role> WriterBesideScan(const MixData& data);

// 'a' to 'f'.
Role YcsbRole(char mix, const MixData& data, int threads);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_TRANSACTIONS_MIXES_H_
