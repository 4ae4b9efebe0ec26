// Runs the whole benchmark at a tiny size: its JSON lines have the agreed fields, its table and its
// exit codes say what happened, and it leaves no files behind.
#include "bench/in_cache.h"

#include <filesystem>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "bench/peers/leveldb_store.h"
#include "bench/peers/lmdb_store.h"
#include "bench/peers/rocksdb_store.h"
#include "bench/temporary_directory.h"
#include "nlohmann/json.hpp"
#include "tests/bench/map_store.h"

namespace moraine::bench {
namespace {

constexpr const char* kTiny[] = {"--records=2000", "--seconds=0.01", "--rounds=2", "--threads=1,2",
                                 "--seed=77"};

absl::StatusOr<std::unique_ptr<Store>> OpenMap(const StoreSettings&) {
  return std::make_unique<MapStore>();
}
absl::StatusOr<std::unique_ptr<Store>> OpenLossyMap(const StoreSettings&) {
  return std::make_unique<MapStore>(MapStoreFaults{.loses_a_record = true});
}

struct Outcome {
  int code;
  std::string out;
  std::string err;
};

Outcome RunTiny(std::vector<std::string> extra, const std::vector<Contender>& contenders) {
  extra.insert(extra.begin(), std::begin(kTiny), std::end(kTiny));
  std::ostringstream out;
  std::ostringstream err;
  const int code = RunInCache(extra, contenders, out, err);
  return {code, out.str(), err.str()};
}

void ExpectSchema(const nlohmann::json& line) {
  for (const char* name : {"engine", "workload", "config_hash"}) {
    EXPECT_TRUE(line.at(name).is_string()) << name;
  }
  for (const char* name :
       {"schema", "threads", "records", "value_bytes", "ops", "rss_bytes", "device_bytes_read",
        "device_bytes_written", "submissions", "fragments", "seed"}) {
    EXPECT_TRUE(line.at(name).is_number_unsigned() || line.at(name).is_number_integer()) << name;
  }
  for (const char* name :
       {"seconds", "ops_per_s", "p50_us", "p99_us", "p999_us", "cpu_us_per_op"}) {
    EXPECT_TRUE(line.at(name).is_number_float()) << name;
  }
  EXPECT_EQ(line.at("schema"), 1);
  EXPECT_EQ(line.at("records"), 2000);
  EXPECT_EQ(line.at("value_bytes"), 100);
  EXPECT_EQ(line.at("seed"), 77);
  EXPECT_GT(line.at("ops"), 0);
}

TEST(InCacheTest, JsonHasOneLinePerRunOfEveryPeer) {
  const auto parent = TemporaryDirectory::Create("");
  ASSERT_TRUE(parent.ok());
  const Outcome outcome =
      RunTiny({"--json", "--perf", "--directory=" + (*parent)->path()},
              {{"rocksdb", OpenRocksdb}, {"lmdb", OpenLmdb}, {"leveldb", OpenLeveldb}});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  std::map<std::string, int> runs;
  std::istringstream lines(outcome.out);
  for (std::string text; std::getline(lines, text);) {
    const nlohmann::json line = nlohmann::json::parse(text, nullptr, false);
    ASSERT_FALSE(line.is_discarded()) << text;
    ExpectSchema(line);
    ++runs[line.at("engine").get<std::string>() + " " + line.at("workload").get<std::string>() +
           " " + line.at("threads").dump()];
  }
  EXPECT_EQ(runs.size(), (7U + 7U + 6U) * 2U);  // LevelDB has no transactions
  for (const auto& [run, count] : runs) EXPECT_EQ(count, 2) << run;
  EXPECT_NE(outcome.err.find("ops/s median"), std::string::npos);
  EXPECT_TRUE(std::filesystem::is_empty((*parent)->path()));
}

TEST(InCacheTest, TableShowsTheRatioOfMoraineToItsPeers) {
  const Outcome outcome = RunTiny({"--workloads=get"}, {{"moraine", OpenMap}, {"lmdb", OpenMap}});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("get, 2 threads\n"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("x\n"), std::string::npos) << outcome.out;
  EXPECT_EQ(outcome.out.find("put"), std::string::npos) << outcome.out;
}

TEST(InCacheTest, CheckFailsWhenTargetsAreMissedOrNotRun) {
  const std::vector<Contender> equal = {
      {"moraine", OpenMap}, {"rocksdb", OpenMap}, {"lmdb", OpenMap}};
  const Outcome missed = RunTiny({"--check"}, equal);
  EXPECT_EQ(missed.code, 1) << missed.err;
  EXPECT_NE(missed.out.find("MISSED"), std::string::npos) << missed.out;
  const Outcome not_run = RunTiny({"--check", "--engines=lmdb", "--workloads=get"}, equal);
  EXPECT_EQ(not_run.code, 1) << not_run.err;
  EXPECT_NE(not_run.out.find("not run"), std::string::npos) << not_run.out;
}

TEST(InCacheTest, EngineThatLosesARecordFailsTheRun) {
  const Outcome outcome = RunTiny({}, {{"moraine", OpenLossyMap}});
  EXPECT_EQ(outcome.code, 5);
  EXPECT_NE(outcome.err.find("moraine: "), std::string::npos) << outcome.err;
}

TEST(InCacheTest, WrongOptionsAreUsageErrors) {
  const std::vector<Contender> contenders = {{"moraine", OpenMap}};
  for (const char* wrong : {"--engines=oracle", "--workloads=sleep", "--threads=0", "--rounds=0",
                            "--value-bytes=8", "--nonsense", "--directory=/nonexistent"}) {
    EXPECT_EQ(RunTiny({wrong}, contenders).code, 2) << wrong;
  }
  EXPECT_EQ(RunTiny({"--help"}, contenders).code, 0);
}

}  // namespace
}  // namespace moraine::bench
