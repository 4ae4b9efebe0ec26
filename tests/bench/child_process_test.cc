// Running other work in a process of its own: what it prints and how it ends comes back.
#include "bench/child_process.h"

#include <unistd.h>

#include <csignal>
#include <string>

#include "gtest/gtest.h"

namespace moraine::bench {
namespace {

TEST(RunProgramTest, BringsOutputAndExitCode) {
  const auto output = RunProgram({"sh", "-c", "echo one; echo two; exit 3"});
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(output->text, "one\ntwo\n");
  EXPECT_EQ(output->exit_code, 3);
}

TEST(RunProgramTest, MissingProgramIsNotFound) {
  const auto output = RunProgram({"no-program-has-this-name"});
  EXPECT_EQ(output.status().code(), absl::StatusCode::kNotFound) << output.status();
}

TEST(RunInChildTest, BringsWhatTheChildWrote) {
  const std::string large(300'000, 'x');  // more than a pipe holds
  const auto output = RunInChild([&large](int pipe) {
    size_t done = 0;
    while (done < large.size()) {
      const ssize_t wrote = write(pipe, large.data() + done, large.size() - done);
      if (wrote <= 0) return 1;
      done += static_cast<size_t>(wrote);
    }
    return 7;
  });
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(output->text, large);
  EXPECT_EQ(output->exit_code, 7);
}

TEST(RunInChildTest, LeavesTheMemoryOfItsParentAlone) {
  int value = 1;
  const auto output = RunInChild([&value](int) { return value = 2; });
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(output->exit_code, 2);
  EXPECT_EQ(value, 1);
}

TEST(RunInChildTest, DeathBySignalIsToldApart) {
  const auto output = RunInChild([](int) { return raise(SIGKILL); });
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(output->exit_code, 128 + SIGKILL);
}

}  // namespace
}  // namespace moraine::bench
