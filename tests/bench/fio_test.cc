// What is taken from fio's output, and what happens when there is no fio.
#include "bench/fio.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"

#include "bench/scatter_gather/extent_file.h"
#include "bench/temporary_directory.h"

namespace moraine::bench {
namespace {

constexpr const char* kOutput = R"(fio: a warning
{"fio version": "fio-3.33", "jobs": [{"jobname": "s", "job_runtime": 1000, "usr_cpu": 10.0,
 "sys_cpu": 30.0, "read": {"io_bytes": 409600, "iops": 200.5, "total_ios": 100,
  "lat_ns": {"percentile": {"50.000000": 61000, "90.000000": 72000, "99.000000": 83000,
                            "99.900000": 94000}}}}]})";

TEST(ParseFioTest, TakesRatePercentilesAndProcessorTime) {
  const auto result = ParseFio(kOutput);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->run.ops, 100U);
  EXPECT_DOUBLE_EQ(result->run.ops_per_s, 200.5);
  EXPECT_DOUBLE_EQ(result->run.p50_us, 61);
  EXPECT_DOUBLE_EQ(result->p90_us, 72);
  EXPECT_DOUBLE_EQ(result->run.p99_us, 83);
  EXPECT_DOUBLE_EQ(result->run.p999_us, 94);
  EXPECT_EQ(result->run.device_bytes_read, 409600U);
  EXPECT_DOUBLE_EQ(result->run.cpu_us_per_op, 4000);  // 0.4 s of processor time in 100 reads
}

TEST(ParseFioTest, OtherOutputIsAnError) {
  for (const char* wrong : {"", "fio: no", "{}", "[]", R"({"jobs": []})", R"({"jobs": [1]})",
                            R"({"jobs": [{"read": 3}]})", R"({"jobs": [{"read": {"iops": "x"}}]})",
                            R"({"jobs": [{"read": {"iops": 0, "total_ios": 0}}]})"}) {
    EXPECT_EQ(ParseFio(wrong).status().code(), absl::StatusCode::kInternal) << wrong;
  }
}

TEST(RunFioTest, ReadsTheFileOrSaysWhyNot) {
  const auto directory = TemporaryDirectory::Create("");
  ASSERT_TRUE(directory.ok());
  const auto file = ExtentFile::Create((*directory)->path(), uint64_t{1} << 20, 1);
  ASSERT_TRUE(file.ok()) << file.status();
  FioPlan plan = {.files = {(*file)->path()},
                  .direct = (*file)->direct(),
                  .depth = 2,
                  .jobs = 2,
                  .seconds = 0.05,
                  .seed = ~uint64_t{0}};
  plan.program = "no-fio-of-this-name";
  EXPECT_EQ(RunFio(plan).status().code(), absl::StatusCode::kNotFound);
  plan.program = "false";
  EXPECT_EQ(RunFio(plan).status().code(), absl::StatusCode::kUnavailable);
  plan.program = "fio";
  plan.engine = "psync";  // works wherever fio does
  const auto result = RunFio(plan);
  if (result.status().code() == absl::StatusCode::kNotFound) GTEST_SKIP() << result.status();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_GT(result->run.ops, 0U);
  EXPECT_GT(result->run.p50_us, 0);
  plan.files.resize(5000, (*file)->path());  // more names than fio takes
  const auto of_many = RunFio(plan);
  EXPECT_TRUE(of_many.ok()) << of_many.status();
}

}  // namespace
}  // namespace moraine::bench
