// The choice of a backend, and real refusals that no simulation vouches for: a system call filter
// that forbids io_uring, a limit on the size of files, a file system that is full.
#include "storage/io/io.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"

#include "tests/io/child_process.h"
#include "tests/support/seeds.h"

namespace moraine {
namespace {

constexpr IoBackend kRealBackends[] = {IoBackend::kUring, IoBackend::kThreadPool};

// Makes io_uring_setup fail with `error_number` in this process from now on, as containers do.
bool ForbidUring(uint32_t error_number) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error_number),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program{.len = std::size(filter), .filter = filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool WriteText(const char* path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  return static_cast<bool>(file.flush());
}

// A file system of 64 KiB at `path`, seen by this process alone (in a user namespace, where anybody
// may mount).
bool MountSmallFileSystem(const std::string& path) {
  const std::string user = std::to_string(getuid());
  const std::string group = std::to_string(getgid());
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  return WriteText("/proc/self/setgroups", "deny") &&
         WriteText("/proc/self/uid_map", user + " " + user + " 1") &&
         WriteText("/proc/self/gid_map", group + " " + group + " 1") &&
         mount("none", path.c_str(), "tmpfs", 0, "size=64k") == 0;
}

// Whether an Io works: a write, a sync and a read through a queue.
bool Works(Io& io, const std::string& path) {
  absl::StatusOr<std::unique_ptr<Directory>> directory = io.OpenDirectory(path, false);
  if (!directory.ok()) return false;
  absl::StatusOr<std::unique_ptr<File>> file = (*directory)->OpenFile("data", {.create = true});
  absl::StatusOr<std::unique_ptr<IoQueue>> queue = io.NewQueue(2);
  if (!file.ok() || !queue.ok()) return false;
  std::string text = "text";
  std::vector<IoCompletion> completions;
  (*queue)->Add({.kind = IoKind::kWrite,
                 .durable = true,
                 .file = file->get(),
                 .data = text.data(),
                 .size = text.size()});
  if (!(*queue)->SubmitAndWait(1, &completions).ok()) return false;
  char found[4] = {};
  return completions.at(0).status.ok() && io.ReadFully(**file, 0, found, 4).ok() &&
         std::string_view(found, 4) == text;
}

TEST(IoTest, BackendsHaveNames) {
  EXPECT_EQ(IoBackendName(IoBackend::kUring), "io_uring");
  EXPECT_EQ(IoBackendName(IoBackend::kThreadPool), "thread pool");
  EXPECT_EQ(IoBackendName(IoBackend::kSimulated), "simulated");
}

TEST(IoTest, PoolAskedForIsNoFallback) {
  std::unique_ptr<Io> io = Io::Create({.preferred = IoBackend::kThreadPool}).value();
  EXPECT_EQ(io->backend(), IoBackend::kThreadPool);
  EXPECT_EQ(io->fallback_reason(), "");
}

TEST(IoTest, RefusedUringFallsBackToThePool) {
  std::unique_ptr<Io> io = Io::Create({.refuse_uring = true}).value();
  EXPECT_EQ(io->backend(), IoBackend::kThreadPool);
  EXPECT_NE(io->fallback_reason(), "");
  EXPECT_TRUE(Works(*io, FreshDirectory("refused")));
}

TEST(IoTest, SimulatedDeviceIsNotMadeHere) {
  EXPECT_EQ(Io::Create({.preferred = IoBackend::kSimulated}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(IoTest, FilteredSystemCallFallsBackToThePool) {
  const std::string path = FreshDirectory("filtered");
  for (uint32_t error_number : {EPERM, ENOSYS}) {
    const int result = RunInChild([&] {
      if (!ForbidUring(error_number)) return kChildSkipped;
      absl::StatusOr<std::unique_ptr<Io>> io = Io::Create({});
      if (!io.ok()) return 1;
      std::printf("reason: %s\n", (*io)->fallback_reason().c_str());
      std::fflush(stdout);
      if ((*io)->backend() != IoBackend::kThreadPool) return 2;
      if ((*io)->fallback_reason().find("io_uring_setup") == std::string::npos) return 3;
      return Works(**io, path) ? 0 : 4;
    });
    if (result == kChildSkipped) GTEST_SKIP() << "no system call filters here";
    EXPECT_EQ(result, 0) << error_number;
  }
}

// The kernel moves the bytes up to the limit, a short transfer, and refuses the rest.
TEST(IoTest, ShortWriteIsContinuedAndNamesWhereTheDiskEnded) {
  const std::string path = FreshDirectory("limited");
  for (IoBackend backend : kRealBackends) {
    const int result = RunInChild([&] {
      signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{.rlim_cur = 10'000, .rlim_max = 10'000};
      if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return kChildSkipped;
      absl::StatusOr<std::unique_ptr<Io>> io = Io::Create({.preferred = backend});
      if (!io.ok()) return 1;
      std::unique_ptr<Directory> directory = (*io)->OpenDirectory(path, false).value();
      std::unique_ptr<File> file = directory->OpenFile("data", {.create = true}).value();
      std::unique_ptr<IoQueue> queue = (*io)->NewQueue(2).value();
      std::string text(20'000, 'x');
      queue->Add({.kind = IoKind::kWrite, .file = file.get(), .data = text.data(), .size = 20'000});
      std::vector<IoCompletion> completions;
      if (!queue->SubmitAndWait(1, &completions).ok()) return 2;
      const absl::Status status = completions.at(0).status;
      if (status.code() != absl::StatusCode::kResourceExhausted) return 3;
      if (status.message().find("offset 10000") == std::string::npos) return 4;
      if (file->Size().value() != 10'000) return 5;
      if (file->Allocate(20'000).code() != absl::StatusCode::kResourceExhausted) return 6;
      return file->Size().value() == 10'000 ? 0 : 7;
    });
    if (result == kChildSkipped) GTEST_SKIP() << "file sizes cannot be limited here";
    EXPECT_EQ(result, 0) << IoBackendName(backend);
  }
}

TEST(IoTest, FullFileSystemIsResourceExhausted) {
  const std::string path = FreshDirectory("full");
  for (IoBackend backend : kRealBackends) {
    const int result = RunInChild([&] {
      if (!MountSmallFileSystem(path)) return kChildSkipped;
      absl::StatusOr<std::unique_ptr<Io>> io = Io::Create({.preferred = backend});
      if (!io.ok()) return 1;
      std::unique_ptr<Directory> directory = (*io)->OpenDirectory(path, false).value();
      std::unique_ptr<File> file = directory->OpenFile("data", {.create = true}).value();
      const std::string text(1 << 20, 'x');
      if ((*io)->WriteFully(*file, 0, text.data(), text.size()).code() !=
          absl::StatusCode::kResourceExhausted) {
        return 2;
      }
      if (!file->Truncate(0).ok()) return 3;
      if (file->Allocate(1 << 20).code() != absl::StatusCode::kResourceExhausted) return 4;
      if (file->Size().value() != 0) return 5;
      return (*io)->WriteFully(*file, 0, text.data(), 32'768).ok() ? 0 : 6;
    });
    if (result == kChildSkipped) GTEST_SKIP() << "no file system can be mounted here";
    EXPECT_EQ(result, 0) << IoBackendName(backend);
  }
}

}  // namespace
}  // namespace moraine
