// Real files only: what is refused at opening, permissions, locks between processes.
#include "storage/io/file_set.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"

#include "tests/io/child_process.h"
#include "tests/support/seeds.h"

namespace moraine {
namespace {

class FileSetTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = FreshDirectory("file_set");
    directory_ = OpenSystemDirectory(path_, false).value();
  }

  std::string PathOf(const char* name) const { return path_ + "/" + name; }

  mode_t ModeOf(const std::string& path) const {
    struct stat status {};
    EXPECT_EQ(lstat(path.c_str(), &status), 0);
    return status.st_mode & 07777;
  }

  void ExpectRefused(const char* name) {
    for (const OpenFileOptions& options :
         {OpenFileOptions{}, OpenFileOptions{.create = true},
          OpenFileOptions{.create = true, .direct = true}, OpenFileOptions{.write = false}}) {
      const absl::Status status = directory_->OpenFile(name, options).status();
      EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    }
    EXPECT_EQ(directory_->Lock(name).status().code(), absl::StatusCode::kFailedPrecondition);
  }

  std::string path_;
  std::unique_ptr<Directory> directory_;
};

TEST_F(FileSetTest, NobodyElseMayReadWhatIsCreated) {
  const mode_t old_mask = umask(0);
  ASSERT_TRUE(directory_->OpenFile("data", {.create = true}).ok());
  ASSERT_TRUE(directory_->Lock("LOCK").ok());
  ASSERT_TRUE(OpenSystemDirectory(PathOf("below"), true).ok());
  umask(old_mask);
  EXPECT_EQ(ModeOf(PathOf("data")), 0600u);
  EXPECT_EQ(ModeOf(PathOf("LOCK")), 0600u);
  EXPECT_EQ(ModeOf(PathOf("below")), 0700u);
}

TEST_F(FileSetTest, SymbolicLinksAreNotFollowed) {
  ASSERT_TRUE(directory_->OpenFile("data", {.create = true}).ok());
  ASSERT_EQ(symlink("data", PathOf("link").c_str()), 0);
  ExpectRefused("link");
  ASSERT_EQ(symlink(PathOf("victim").c_str(), PathOf("dangling").c_str()), 0);
  ExpectRefused("dangling");
  EXPECT_NE(access(PathOf("victim").c_str(), F_OK), 0);
}

TEST_F(FileSetTest, OnlyRegularFilesWithOneLinkAreOpened) {
  ASSERT_TRUE(directory_->OpenFile("data", {.create = true}).ok());
  ASSERT_EQ(link(PathOf("data").c_str(), PathOf("second").c_str()), 0);
  ExpectRefused("data");
  ExpectRefused("second");
  ASSERT_EQ(mkfifo(PathOf("fifo").c_str(), 0600), 0);
  ExpectRefused("fifo");
  ASSERT_EQ(mkdir(PathOf("folder").c_str(), 0700), 0);
  ExpectRefused("folder");
}

TEST_F(FileSetTest, RefusedLinkIsNotChanged) {
  ASSERT_TRUE(directory_->OpenFile("data", {.create = true}).ok());
  std::unique_ptr<File> file = directory_->OpenFile("data", {}).value();
  ASSERT_EQ(file->Truncate(7), absl::OkStatus());
  ASSERT_EQ(link(PathOf("data").c_str(), PathOf("LOCK").c_str()), 0);
  EXPECT_FALSE(directory_->Lock("LOCK").ok());
  EXPECT_EQ(file->Size().value(), 7u);
}

TEST_F(FileSetTest, HeldDirectoryIsUsedWhereverItIsMoved) {
  const std::string moved = path_ + "_moved";
  ASSERT_EQ(rename(path_.c_str(), moved.c_str()), 0);
  EXPECT_TRUE(directory_->OpenFile("data", {.create = true}).ok());
  EXPECT_EQ(directory_->Rename("data", "renamed"), absl::OkStatus());
  EXPECT_EQ(access((moved + "/renamed").c_str(), F_OK), 0);
  EXPECT_EQ(rename(moved.c_str(), path_.c_str()), 0);
}

TEST_F(FileSetTest, DescriptorsAreClosedOnExecution) {
  std::unique_ptr<File> file = directory_->OpenFile("data", {.create = true}).value();
  const int descriptor = static_cast<SystemFile&>(*file).descriptor();
  EXPECT_NE(fcntl(descriptor, F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(fcntl(descriptor, F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(FileSetTest, DirectTellsTheTruth) {
  for (bool wanted : {false, true}) {
    std::unique_ptr<File> file =
        directory_->OpenFile("data", {.create = true, .direct = wanted}).value();
    const int flags = fcntl(static_cast<SystemFile&>(*file).descriptor(), F_GETFL);
    EXPECT_EQ(file->direct(), (flags & O_DIRECT) != 0);
    EXPECT_TRUE(wanted || !file->direct());
  }
}

TEST_F(FileSetTest, AllocatedFileHasAllItsBlocks) {
  std::unique_ptr<File> file =
      directory_->OpenFile("data", {.create = true, .direct = true}).value();
  ASSERT_EQ(file->Allocate(3 << 20), absl::OkStatus());
  struct stat status {};
  ASSERT_EQ(stat(PathOf("data").c_str(), &status), 0);
  EXPECT_GE(status.st_blocks * 512, 3 << 20);
}

TEST_F(FileSetTest, LockOfAnotherProcessIsRefusedUntilItDies) {
  int ready[2];
  int end[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(end), 0);
  const pid_t holder = fork();
  if (holder == 0) {
    absl::StatusOr<std::unique_ptr<File>> lock = directory_->Lock("LOCK");
    char byte = lock.ok() ? 'y' : 'n';
    if (write(ready[1], &byte, 1) != 1 || read(end[0], &byte, 1) != 1) _exit(1);
    _exit(0);  // without giving the lock back
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  const absl::Status refused = directory_->Lock("LOCK").status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(refused.message().find("process " + std::to_string(holder)), std::string::npos)
      << refused;
  ASSERT_EQ(write(end[1], &byte, 1), 1);
  int status = 0;
  ASSERT_EQ(waitpid(holder, &status, 0), holder);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(directory_->Lock("LOCK").ok());
  for (int descriptor : {ready[0], ready[1], end[0], end[1]}) close(descriptor);
}

}  // namespace
}  // namespace moraine
