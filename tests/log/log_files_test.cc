// The log on real files, through each backend: direct I/O from the doubly mapped ring, many laps,
// segments recycled, reopened.
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/log/log.h"
#include "tests/support/seeds.h"

namespace moraine {
namespace {

class LogFilesTest : public testing::TestWithParam<IoBackend> {};

TEST_P(LogFilesTest, WritesManyLapsAndReadsThemBack) {
  std::unique_ptr<Io> io = *Io::Create({.preferred = GetParam()});
  std::unique_ptr<Directory> directory = *io->OpenDirectory(
      FreshDirectory("log_files_" + std::to_string(static_cast<int>(GetParam()))), true);
  LogOptions options{.database_id = {7, 8}, .ring_bytes = 256 << 10, .segment_bytes = 1 << 20};
  MemoryBudget budget(uint64_t{64} << 20);
  Random random(TestSeed());
  Lsn begin = kFirstLsn;
  Lsn checkpoint = kFirstLsn;
  for (int life = 0; life < 3; ++life) {
    auto log = Log::Open(*io, *directory, options, begin, &budget);
    ASSERT_TRUE(log.ok()) << log.status();
    std::vector<std::string> written;
    LogCredit credit;
    for (int i = 0; i < 2000; ++i) {
      if (i == 1000) {
        checkpoint = (*log)->Tail();
        written.clear();
        ASSERT_TRUE((*log)->Flush().ok());
        ASSERT_TRUE((*log)->Truncate(checkpoint).ok());
      }
      written.push_back(random.Bytes(random.Skewed(13)));
      ASSERT_TRUE((*log)->Admit(credit, written.back().size(), 1).ok());
      LogSlot slot = (*log)->Reserve(credit, static_cast<uint32_t>(written.back().size()));
      std::memcpy(slot.payload, written.back().data(), written.back().size());
      (*log)->Publish(slot, RecordType::kOne, Crc32c(written.back()));
      if (random.OneIn(100)) {
        ASSERT_TRUE((*log)->WaitStable(slot.end()).ok());
      }
    }
    (*log)->ReturnCredit(credit);
    EXPECT_LE((*log)->stats().segments, 5u);
    log->reset();
    auto reader = LogReader::Open(*io, *directory, options, checkpoint);
    ASSERT_TRUE(reader.ok()) << reader.status();
    LogReader::Record record;
    for (const std::string& payload : written) {
      absl::StatusOr<bool> more = (*reader)->Next(&record);
      ASSERT_TRUE(more.ok() && *more) << more.status();
      ASSERT_EQ(record.payload, payload);
    }
    absl::StatusOr<bool> more = (*reader)->Next(&record);
    ASSERT_TRUE(more.ok() && !*more) << more.status();
    begin = (*reader)->end();
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, LogFilesTest,
                         testing::Values(IoBackend::kUring, IoBackend::kThreadPool),
                         [](const auto& backend) {
                           return backend.param == IoBackend::kUring ? "Uring" : "ThreadPool";
                         });

}  // namespace
}  // namespace moraine
