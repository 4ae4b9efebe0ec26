// The whole benchmark at a tiny size, with every engine: each workload has its lines, TPC-C is
// consistent, and the exit codes say what happened.
#include "bench/transactions/transactions.h"

#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "bench/peers/leveldb_store.h"
#include "bench/peers/lmdb_store.h"
#include "bench/peers/moraine_store.h"
#include "bench/peers/rocksdb_store.h"
#include "bench/peers/wiredtiger_store.h"
#include "bench/temporary_directory.h"
#include "nlohmann/json.hpp"
#include "tests/bench/map_store.h"

namespace moraine::bench {
namespace {

const std::vector<std::string> kTiny = {
    "--records=2000",       "--seconds=0.02",         "--rounds=1",
    "--synced-threads=1,3", "--tpcc-customers=30",    "--tpcc-items=100",
    "--warehouses=1",       "--cache-bytes=67108864", "--seed=5"};

struct Outcome {
  int code;
  std::string out;
  std::string err;
};

Outcome RunTiny(const std::vector<std::string>& extra, const std::vector<Contender>& contenders) {
  std::vector<std::string> arguments = kTiny;
  arguments.insert(arguments.end(), extra.begin(), extra.end());
  std::ostringstream out;
  std::ostringstream err;
  const int code = RunTransactions(arguments, contenders, out, err);
  return {code, out.str(), err.str()};
}

absl::StatusOr<std::unique_ptr<Store>> OpenMap(const StoreSettings&) {
  return std::make_unique<MapStore>();
}

TEST(TransactionsTest, EveryEngineHasALineForEveryWorkload) {
  const auto parent = TemporaryDirectory::Create("");
  ASSERT_TRUE(parent.ok());
  const Outcome outcome =
      RunTiny({"--json", "--directory=" + (*parent)->path()}, {{"moraine", OpenMoraine},
                                                               {"rocksdb", OpenRocksdb},
                                                               {"lmdb", OpenLmdb},
                                                               {"wiredtiger", OpenWiredtiger},
                                                               {"leveldb", OpenLeveldb}});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  std::map<std::string, int> lines_of;
  std::istringstream lines(outcome.out);
  for (std::string text; std::getline(lines, text);) {
    const nlohmann::json line = nlohmann::json::parse(text, nullptr, false);
    ASSERT_FALSE(line.is_discarded()) << text;
    ++lines_of[line.at("engine").get<std::string>()];
    EXPECT_GT(line.at("ops").get<uint64_t>(), 0U) << text;
    EXPECT_EQ(line.at("seed"), 5);
    EXPECT_GE(line.at("abort_rate").get<double>(), 0) << text;
    EXPECT_LT(line.at("abort_rate").get<double>(), 1) << text;
    EXPECT_TRUE(line.at("retries").is_number_unsigned()) << text;
  }
  // Two mixes at two numbers of threads, writer and scan, YCSB, puts at two numbers, TPC-C.
  for (const char* engine : {"moraine", "rocksdb", "lmdb", "wiredtiger"})
    EXPECT_EQ(lines_of[engine], 4 + 2 + 6 + 2 + 1) << engine;
  EXPECT_EQ(lines_of["leveldb"], 2 + 6 + 2);  // it has no transactions
  EXPECT_NE(outcome.err.find("aborted"), std::string::npos);
  EXPECT_TRUE(std::filesystem::is_empty((*parent)->path()));
}

TEST(TransactionsTest, AssertFailsWhenTargetsAreMissedOrNotRun) {
  const Outcome missed = RunTiny({"--assert", "--workloads=txn_uniform"},
                                 {{"moraine", OpenMap}, {"rocksdb", OpenMap}});
  EXPECT_EQ(missed.code, 1) << missed.err;
  EXPECT_NE(missed.out.find("MISSED"), std::string::npos) << missed.out;
  EXPECT_NE(missed.out.find("not run"), std::string::npos) << missed.out;
}

TEST(TransactionsTest, AnEngineThatLosesARecordFailsTheRun) {
  auto open = [](const StoreSettings&) -> absl::StatusOr<std::unique_ptr<Store>> {
    return std::make_unique<MapStore>(MapStoreFaults{.loses_a_record = true});
  };
  const Outcome outcome = RunTiny({"--workloads=ycsb_c"}, {{"moraine", open}});
  EXPECT_EQ(outcome.code, 5);
  EXPECT_NE(outcome.err.find("moraine: "), std::string::npos) << outcome.err;
}

TEST(TransactionsTest, WrongOptionsAreUsageErrors) {
  const std::vector<Contender> contenders = {{"moraine", OpenMap}};
  for (const char* wrong : {"--engines=oracle", "--workloads=sleep", "--threads=0", "--nonsense",
                            "--tpcc-items=5", "--directory=/nonexistent"}) {
    EXPECT_EQ(RunTiny({wrong}, contenders).code, 2) << wrong;
  }
  EXPECT_EQ(RunTiny({"--help"}, contenders).code, 0);
}

}  // namespace
}  // namespace moraine::bench
