// The whole benchmark at a tiny size: lines with the agreed fields, engines that fail or die leave a
// line and nothing else, and no file stays behind.
#include "bench/cold/cold.h"

#include <csignal>
#include <filesystem>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "bench/peers/leveldb_store.h"
#include "bench/peers/lmdb_store.h"
#include "bench/temporary_directory.h"
#include "nlohmann/json.hpp"
#include "tests/bench/map_store.h"

namespace moraine::bench {
namespace {

struct Outcome {
  int code;
  std::string out;
  std::string err;
};

Outcome RunTiny(std::vector<std::string> extra, const std::vector<Contender>& contenders) {
  // Memory is generous: a limit that is really tight is for real sizes.
  extra.insert(extra.begin(),
               {"--data-bytes=2000000", "--memory-bytes=268435456", "--seconds=0.02",
                "--update-seconds=0.05", "--fio-seconds=0.05", "--fio-engine=psync", "--seed=77"});
  std::ostringstream out;
  std::ostringstream err;
  const int code = RunColdBenchmark(extra, contenders, out, err);
  return {code, out.str(), err.str()};
}

std::vector<nlohmann::json> LinesOf(const Outcome& outcome) {
  std::vector<nlohmann::json> lines;
  std::istringstream text(outcome.out);
  for (std::string line; std::getline(text, line);) {
    lines.push_back(nlohmann::json::parse(line, nullptr, false));
    EXPECT_FALSE(lines.back().is_discarded()) << line;
  }
  return lines;
}

void ExpectSchema(const nlohmann::json& line) {
  for (const char* name : {"engine", "workload", "config_hash", "failed"}) {
    EXPECT_TRUE(line.at(name).is_string()) << name;
  }
  for (const char* name :
       {"schema", "threads", "round", "records", "value_bytes", "ops", "rss_bytes",
        "device_bytes_read", "device_bytes_written", "submissions", "fragments", "seed",
        "device_reads", "whole_device_bytes_read", "whole_device_bytes_written",
        "memory_limit_bytes", "memory_peak_bytes", "occupied_bytes"}) {
    EXPECT_TRUE(line.at(name).is_number_integer()) << name;
  }
  for (const char* name :
       {"seconds", "ops_per_s", "p50_us", "p99_us", "p999_us", "cpu_us_per_op", "max_us",
        "debt_seconds", "device_reads_per_op", "written_per_user_byte", "open_seconds"}) {
    EXPECT_TRUE(line.at(name).is_number_float()) << name;
  }
  EXPECT_EQ(line.at("seed"), 77);
  EXPECT_EQ(line.at("failed"), "") << line;
  EXPECT_GT(line.at("ops"), 0);
}

absl::StatusOr<std::unique_ptr<Store>> OpenRefusing(const StoreSettings&) {
  return absl::FailedPreconditionError("not today");
}
// Dies where a store that needs more memory than there is would.
absl::StatusOr<std::unique_ptr<Store>> OpenDying(const StoreSettings&) {
  raise(SIGKILL);
  return absl::InternalError("unreachable");
}
// Loses everything between processes, so that its reads fail.
absl::StatusOr<std::unique_ptr<Store>> OpenForgetful(const StoreSettings&) {
  return std::make_unique<MapStore>();
}

TEST(ColdTest, EveryEngineHasALinePerRun) {
  const auto parent = TemporaryDirectory::Create("");
  ASSERT_TRUE(parent.ok());
  const Outcome outcome = RunTiny({"--json", "--threads=1,2", "--directory=" + (*parent)->path()},
                                  {{"lmdb", OpenLmdb}, {"leveldb", OpenLeveldb}});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  std::map<std::string, int> runs;
  for (const nlohmann::json& line : LinesOf(outcome)) {
    ExpectSchema(line);
    if (line.at("engine") == "fio") continue;
    ++runs[line.at("engine").get<std::string>() + " " + line.at("workload").get<std::string>() +
           " " + line.at("threads").dump()];
  }
  for (const std::string engine : {"lmdb", "leveldb"}) {
    for (const char* run : {" cold_load 1", " cold_get 1", " cold_get 2", " cold_multi_get 1",
                            " cold_scan 1", " cold_update 1"}) {
      EXPECT_EQ(runs[engine + run], 1) << engine << run;
    }
  }
  EXPECT_EQ(runs.size(), 12U);
  EXPECT_NE(outcome.err.find("cold_get, 2 threads"), std::string::npos) << outcome.err;
  EXPECT_TRUE(std::filesystem::is_empty((*parent)->path()));
}

TEST(ColdTest, FailingEnginesLeaveALineAndTheOthersGoOn) {
  const Outcome outcome =
      RunTiny({"--json", "--workloads=cold_get", "--threads=1"}, {{"refusing", OpenRefusing},
                                                                  {"dying", OpenDying},
                                                                  {"forgetful", OpenForgetful},
                                                                  {"lmdb", OpenLmdb}});
  EXPECT_EQ(outcome.code, 5) << outcome.err;
  std::map<std::string, std::string> failures;
  for (const nlohmann::json& line : LinesOf(outcome)) {
    if (line.at("engine") == "fio") continue;
    failures[line.at("engine").get<std::string>() + " " + line.at("workload").get<std::string>()] =
        line.at("failed");
  }
  EXPECT_EQ(failures["refusing cold_load"], "not today");
  EXPECT_EQ(failures["dying cold_load"], "ended by signal 9");
  EXPECT_EQ(failures["forgetful cold_load"], "");
  EXPECT_NE(failures["forgetful cold_get"].find("missing"), std::string::npos);
  EXPECT_EQ(failures["lmdb cold_get"], "");
  EXPECT_EQ(failures.size(), 6U);
}

TEST(ColdTest, AssertFailsWhenNothingWasMeasured) {
  const Outcome outcome =
      RunTiny({"--assert", "--workloads=cold_get", "--threads=1"}, {{"lmdb", OpenLmdb}});
  EXPECT_EQ(outcome.code, 1) << outcome.err;
  EXPECT_NE(outcome.out.find("MISSED"), std::string::npos) << outcome.out;
}

TEST(ColdTest, WrongOptionsAreUsageErrors) {
  for (const char* wrong : {"--engines=oracle", "--workloads=sleep", "--threads=0", "--rounds=0",
                            "--value-bytes=8", "--nonsense", "--directory=/nonexistent"}) {
    EXPECT_EQ(RunTiny({wrong}, {{"lmdb", OpenLmdb}}).code, 2) << wrong;
  }
  EXPECT_EQ(RunTiny({"--help"}, {{"lmdb", OpenLmdb}}).code, 0);
}

}  // namespace
}  // namespace moraine::bench
