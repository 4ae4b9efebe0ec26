// The log as its users see it: records come back in order, waiters share device writes, space is
// given out fairly, errors stick, and an idle log does nothing.
#include "storage/log/log.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/log/log_fixture.h"

namespace moraine {
namespace {

using LogTest = LogFixture;

TEST_F(LogTest, RecordsComeBackInOrder) {
  OpenLog();
  std::vector<std::string> written;
  for (size_t size : {0, 1, 7, 8, 9, 100, 4072, 4096, 5000}) {
    written.push_back(std::string(size, static_cast<char>('a' + size % 26)));
    Append(written.back());
  }
  CloseLog();
  EXPECT_EQ(ReadAll(), written);
}

TEST_F(LogTest, LargestRecordFits) {
  OpenLog();
  std::string large(log_->max_payload_bytes(), 'x');
  for (int i = 0; i < 20; ++i) Append(large);
  EXPECT_TRUE(log_->Flush().ok());
  LogCredit credit;
  EXPECT_TRUE(absl::IsInvalidArgument(log_->Admit(credit, log_->max_payload_bytes() + 1, 1)));
  CloseLog();
  EXPECT_EQ(ReadAll(), std::vector<std::string>(20, large));
}

}  // namespace
}  // namespace moraine
