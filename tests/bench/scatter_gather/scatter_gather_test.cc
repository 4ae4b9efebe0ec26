// The whole tool on a tiny file: its lines have the agreed fields, its picture has its lines, a
// wrong byte ends it, a refusal does not, and it leaves nothing behind.
#include "bench/scatter_gather/scatter_gather.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "bench/scatter_gather/methods.h"
#include "bench/temporary_directory.h"
#include "nlohmann/json.hpp"
#include "tests/bench/scatter_gather/xml_check.h"

namespace moraine::bench {
namespace {

struct Outcome {
  int code;
  std::string out;
  std::string err;
};

Outcome RunTiny(std::vector<std::string> extra, std::span<const ReadMethodRow> methods) {
  extra.insert(extra.begin(), {"--file-bytes=2097152", "--seconds=0.01", "--rounds=2",
                               "--readers=1,2", "--fragments=1,8", "--seed=77"});
  std::ostringstream out;
  std::ostringstream err;
  const int code = RunScatterGather(extra, methods, out, err);
  return {code, out.str(), err.str()};
}

// A reader that does what `Kind` says instead of reading.
enum class Kind { kNothing, kRefuse, kFail };
template <Kind kKind>
class FakeMethod : public ReadMethod {
 public:
  class Reader : public PageReader {
   public:
    using PageReader::PageReader;
    absl::Status Read(std::span<const uint64_t>) override {
      return kKind == Kind::kFail ? absl::UnavailableError("broken disk") : absl::OkStatus();
    }
    uint64_t submissions() const override { return 0; }
  };
  explicit FakeMethod(const ReadSettings& settings) : settings_(settings) {}
  absl::StatusOr<std::unique_ptr<PageReader>> NewReader() override {
    if (kKind == Kind::kRefuse) return absl::UnimplementedError("not on this device");
    return std::make_unique<Reader>(settings_);
  }
  static absl::StatusOr<std::unique_ptr<ReadMethod>> Open(const ReadSettings& settings) {
    return std::make_unique<FakeMethod>(settings);
  }

 private:
  const ReadSettings settings_;
};

void ExpectSchema(const nlohmann::json& line) {
  for (const char* name : {"engine", "workload", "config_hash", "refused"}) {
    EXPECT_TRUE(line.at(name).is_string()) << name;
  }
  for (const char* name : {"schema", "threads", "round", "records", "value_bytes", "ops",
                           "rss_bytes", "device_bytes_read", "device_bytes_written", "submissions",
                           "fragments", "seed", "fragments_per_page", "fragment_bytes"}) {
    EXPECT_TRUE(line.at(name).is_number_integer()) << name;
  }
  for (const char* name : {"seconds", "ops_per_s", "p50_us", "p90_us", "p99_us", "p999_us",
                           "cpu_us_per_op", "reads_per_s", "submissions_per_page"}) {
    EXPECT_TRUE(line.at(name).is_number_float()) << name;
  }
  EXPECT_TRUE(line.at("direct").is_boolean());
  EXPECT_EQ(line.at("workload"), "scatter_gather");
  EXPECT_EQ(line.at("records"), 512);
  EXPECT_EQ(line.at("seed"), 77);
  if (line.at("refused").get<std::string>().empty()) {
    EXPECT_GT(line.at("ops"), 0);
    EXPECT_GT(line.at("p50_us"), 0);
  }
}

TEST(ScatterGatherTest, JsonHasOneLinePerSlice) {
  const auto parent = TemporaryDirectory::Create("");
  ASSERT_TRUE(parent.ok());
  const Outcome outcome = RunTiny({"--json", "--directory=" + (*parent)->path()}, AllReadMethods());
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  std::map<std::string, int> slices;
  std::istringstream lines(outcome.out);
  for (std::string text; std::getline(lines, text);) {
    const nlohmann::json line = nlohmann::json::parse(text, nullptr, false);
    ASSERT_FALSE(line.is_discarded()) << text;
    ExpectSchema(line);
    ++slices[line.at("engine").get<std::string>() + " " + line.at("threads").dump() + " " +
             line.at("fragments_per_page").dump()];
  }
  EXPECT_EQ(slices.size(), (AllReadMethods().size() + 1) * 4);
  for (const auto& [slice, count] : slices) EXPECT_EQ(count, 2) << slice;
  EXPECT_NE(outcome.err.find("8 fragments of 4096 bytes, 2 readers"), std::string::npos);
  EXPECT_TRUE(std::filesystem::is_empty((*parent)->path()));
}

TEST(ScatterGatherTest, PictureHasALinePerMethodAndPanel) {
  const auto directory = TemporaryDirectory::Create("");
  ASSERT_TRUE(directory.ok());
  const std::string path = (*directory)->path() + "/picture.svg";
  const Outcome outcome = RunTiny({"--methods=pread,pool", "--picture=" + path}, AllReadMethods());
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  std::stringstream svg;
  svg << std::ifstream(path).rdbuf();
  EXPECT_EQ(XmlError(svg.str()), "");
  for (const char* part : {"class=\"line\"", ">pread</text>", ">pool</text>", ">2 readers</text>",
                           "median latency", "fragments of the page"}) {
    EXPECT_NE(svg.str().find(part), std::string::npos) << part;
  }
  EXPECT_EQ(
      RunTiny({"--methods=pread", "--picture=/nonexistent/picture.svg"}, AllReadMethods()).code, 5);
}

TEST(ScatterGatherTest, WrongBytesAndFailuresEndTheRun) {
  const std::vector<ReadMethodRow> lazy = {{"lazy", "", FakeMethod<Kind::kNothing>::Open}};
  const Outcome wrong = RunTiny({"--methods=lazy"}, lazy);
  EXPECT_EQ(wrong.code, 5);
  EXPECT_NE(wrong.err.find("lazy: "), std::string::npos) << wrong.err;
  EXPECT_NE(wrong.err.find("wrong bytes at offset"), std::string::npos) << wrong.err;
  const std::vector<ReadMethodRow> broken = {{"broken", "", FakeMethod<Kind::kFail>::Open}};
  EXPECT_EQ(RunTiny({"--methods=broken"}, broken).code, 5);
}

TEST(ScatterGatherTest, RefusalsAreSaidOnceAndTheRunGoesOn) {
  const std::vector<ReadMethodRow> methods = {AllReadMethods()[0],
                                              {"poll", "", FakeMethod<Kind::kRefuse>::Open}};
  const Outcome outcome = RunTiny({"--fio=no-fio-of-this-name"}, methods);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const size_t told = outcome.err.find("poll: refused: not on this device");
  ASSERT_NE(told, std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.err.find("poll: refused", told + 1), std::string::npos);
  EXPECT_NE(outcome.err.find("fio: refused: no-fio-of-this-name"), std::string::npos);
  EXPECT_NE(outcome.out.find("poll             refused: not on this device"), std::string::npos)
      << outcome.out;
}

TEST(ScatterGatherTest, AssertFailsWhenNothingWasMeasured) {
  const Outcome outcome = RunTiny({"--assert", "--methods=pread"}, AllReadMethods());
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.out.find("MISSED"), std::string::npos) << outcome.out;
}

TEST(ScatterGatherTest, WrongOptionsAreUsageErrors) {
  for (const char* wrong : {"--methods=mmap", "--readers=0", "--fragments=0", "--nonsense",
                            "--fragment-bytes=5000", "--directory=/nonexistent", "--rounds=0"}) {
    EXPECT_EQ(RunTiny({wrong}, AllReadMethods()).code, 2) << wrong;
  }
  const Outcome help = RunTiny({"--help"}, AllReadMethods());
  EXPECT_EQ(help.code, 0);
  EXPECT_NE(help.out.find("uring_sqpoll"), std::string::npos);
}

}  // namespace
}  // namespace moraine::bench
