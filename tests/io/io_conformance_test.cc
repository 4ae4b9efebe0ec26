// The contract of storage/io/io.h, held against every backend: whatever is written here is what the
// layers above may rely on, whether the device is real or simulated.
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"

#include "storage/io/io.h"
#include "tests/support/seeds.h"
#include "tests/support/simulated_io.h"

namespace moraine {
namespace {

struct Backend {
  std::string name;
  IoBackend backend;
  std::function<absl::StatusOr<std::unique_ptr<Io>>()> create;
};

// Completions late and in any order, and every write in two parts.
absl::StatusOr<std::unique_ptr<Io>> CreateDelayed() {
  auto io = std::make_unique<SimulatedIo>(
      SimulatedOptions{.seed = TestSeed(), .delay_completions = true});
  io->AddFault({.kind = FaultKind::kShort, .persistent = true});
  return io;
}

std::vector<Backend> Backends() {
  return {
      {"Uring", IoBackend::kUring, [] { return Io::Create({.preferred = IoBackend::kUring}); }},
      {"Pool", IoBackend::kThreadPool,
       [] { return Io::Create({.preferred = IoBackend::kThreadPool}); }},
      {"Simulated", IoBackend::kSimulated,
       [] { return std::make_unique<SimulatedIo>(SimulatedOptions{.seed = TestSeed()}); }},
      {"SimulatedDelayed", IoBackend::kSimulated, &CreateDelayed},
  };
}

// Memory that direct transfers accept.
class AlignedBuffer {
 public:
  AlignedBuffer(size_t size, char fill) : memory_(size + kIoAlignment, fill) {}
  char* data() {
    const size_t past = reinterpret_cast<uintptr_t>(memory_.data()) % kIoAlignment;
    return memory_.data() + (past == 0 ? 0 : kIoAlignment - past);
  }

 private:
  std::vector<char> memory_;
};

class IoConformanceTest : public testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<Io>> io = GetParam().create();
    ASSERT_TRUE(io.ok()) << io.status();
    io_ = *std::move(io);
    if (io_->backend() != GetParam().backend) GTEST_SKIP() << io_->fallback_reason();
    std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    std::replace(name.begin(), name.end(), '/', '_');
    path_ = "io_" + name;
    if (GetParam().backend != IoBackend::kSimulated) path_ = testing::TempDir() + "/" + path_;
    absl::StatusOr<std::unique_ptr<Directory>> directory = io_->OpenDirectory(path_, true);
    ASSERT_TRUE(directory.ok()) << directory.status();
    directory_ = *std::move(directory);
  }

  void TearDown() override {
    if (directory_ == nullptr) return;
    const std::vector<std::string> names = directory_->List().value();
    for (const std::string& name : names) {
      EXPECT_TRUE(directory_->Remove(name).ok());
    }
    directory_.reset();
    if (GetParam().backend != IoBackend::kSimulated) rmdir(path_.c_str());
  }

  std::unique_ptr<File> Open(std::string_view name, OpenFileOptions options = {.create = true}) {
    absl::StatusOr<std::unique_ptr<File>> file = directory_->OpenFile(name, options);
    EXPECT_TRUE(file.ok()) << file.status();
    return file.ok() ? *std::move(file) : nullptr;
  }

  std::unique_ptr<IoQueue> NewQueue(uint32_t depth) {
    absl::StatusOr<std::unique_ptr<IoQueue>> queue = io_->NewQueue(depth);
    EXPECT_TRUE(queue.ok()) << queue.status();
    return *std::move(queue);
  }

  std::string Contents(File& file) {
    std::string contents(file.Size().value(), '?');
    EXPECT_EQ(io_->ReadFully(file, 0, contents.data(), contents.size()), absl::OkStatus());
    return contents;
  }

  absl::Status Write(File& file, uint64_t offset, std::string_view text) {
    return io_->WriteFully(file, offset, text.data(), text.size());
  }

  std::unique_ptr<Io> io_;
  std::unique_ptr<Directory> directory_;
  std::string path_;
};

TEST_P(IoConformanceTest, WritesAreReadBack) {
  std::unique_ptr<File> file = Open("data");
  EXPECT_EQ(file->Size().value(), 0u);
  EXPECT_EQ(Write(*file, 0, "hello world"), absl::OkStatus());
  EXPECT_EQ(Write(*file, 6, "there"), absl::OkStatus());
  EXPECT_EQ(io_->SyncFile(*file), absl::OkStatus());
  EXPECT_EQ(Contents(*file), "hello there");
  file = Open("data", {});
  EXPECT_EQ(Contents(*file), "hello there");
}

// The whole point of batches: a page in many fragments costs one call into the kernel.
TEST_P(IoConformanceTest, BatchIsReadInOneSubmission) {
  constexpr size_t kFragments = 8;
  constexpr size_t kBytes = kIoAlignment;
  const std::unique_ptr<File> file = Open("data");
  ASSERT_EQ(Write(*file, 0, std::string(2 * kFragments * kBytes, 'x')), absl::OkStatus());
  const std::unique_ptr<IoQueue> queue = NewQueue(kFragments);
  EXPECT_EQ(queue->submissions(), 0u);
  std::string data(kFragments * kBytes, '\0');
  for (uint64_t page = 1; page <= 10; ++page) {
    for (size_t index = 0; index < kFragments; ++index) {
      queue->Add({.kind = IoKind::kRead,
                  .file = file.get(),
                  .offset = 2 * index * kBytes,
                  .data = data.data() + index * kBytes,
                  .size = kBytes,
                  .token = index});
    }
    std::vector<IoCompletion> completions;
    ASSERT_EQ(queue->SubmitAndWait(kFragments, &completions), absl::OkStatus());
    ASSERT_EQ(completions.size(), kFragments);
    if (io_->backend() == IoBackend::kUring) {
      EXPECT_EQ(queue->submissions(), page);
    }
    if (io_->backend() == IoBackend::kThreadPool) {
      EXPECT_EQ(queue->submissions(), page * kFragments);
    }
  }
  EXPECT_EQ(data, std::string(kFragments * kBytes, 'x'));
}

TEST_P(IoConformanceTest, GapsReadAsZero) {
  std::unique_ptr<File> file = Open("data");
  EXPECT_EQ(Write(*file, 10'000, "x"), absl::OkStatus());
  EXPECT_EQ(Contents(*file), std::string(10'000, '\0') + "x");
}

TEST_P(IoConformanceTest, ReadPastTheEndIsOutOfRange) {
  std::unique_ptr<File> file = Open("data");
  EXPECT_EQ(Write(*file, 0, "12345"), absl::OkStatus());
  char data[8] = {};
  for (uint64_t offset : {uint64_t{0}, uint64_t{4}, uint64_t{5}, uint64_t{9'000}}) {
    absl::Status status = io_->ReadFully(*file, offset, data, sizeof(data));
    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange) << offset;
    EXPECT_NE(status.message().find(file->path()), std::string::npos) << status;
  }
  EXPECT_EQ(io_->ReadFully(*file, 0, data, 5), absl::OkStatus());
  EXPECT_EQ(io_->ReadFully(*file, 5, data, 0), absl::OkStatus());
}

TEST_P(IoConformanceTest, BatchLargerThanTheDepthCompletesOnce) {
  constexpr size_t kRequests = 200;
  std::unique_ptr<File> file = Open("data");
  std::unique_ptr<IoQueue> queue = NewQueue(8);
  std::vector<std::string> texts;
  for (size_t index = 0; index < kRequests; ++index) {
    texts.push_back(std::string(100, static_cast<char>('a' + index % 26)));
  }
  for (size_t index = 0; index < kRequests; ++index) {
    queue->Add({.kind = IoKind::kWrite,
                .durable = index % 50 == 0,
                .file = file.get(),
                .offset = index * 100,
                .data = texts[index].data(),
                .size = 100,
                .token = index + 7});
  }
  EXPECT_EQ(queue->in_flight(), 0u);
  EXPECT_EQ(queue->Submit(), absl::OkStatus());
  EXPECT_EQ(queue->in_flight(), kRequests);
  std::vector<IoCompletion> completions;
  EXPECT_EQ(queue->SubmitAndWait(3, &completions), absl::OkStatus());
  EXPECT_GE(completions.size(), 3u);
  EXPECT_EQ(queue->in_flight(), kRequests - completions.size());
  EXPECT_EQ(queue->SubmitAndWait(SIZE_MAX, &completions), absl::OkStatus());
  EXPECT_EQ(queue->in_flight(), 0u);
  std::map<uint64_t, int> seen;
  for (const IoCompletion& completion : completions) {
    EXPECT_EQ(completion.status, absl::OkStatus());
    ++seen[completion.token];
  }
  EXPECT_EQ(seen.size(), kRequests);
  EXPECT_EQ(seen.begin()->first, 7u);
  EXPECT_EQ(seen.rbegin()->first, kRequests + 6);
  std::string expected;
  for (const std::string& text : texts) expected += text;
  EXPECT_EQ(Contents(*file), expected);
}

TEST_P(IoConformanceTest, MixedBatchAnswersEachRequest) {
  std::unique_ptr<File> file = Open("data");
  EXPECT_EQ(Write(*file, 0, "0123456789"), absl::OkStatus());
  std::unique_ptr<IoQueue> queue = NewQueue(4);
  char head[4] = {};
  char past[4] = {};
  std::string text = "abc";
  queue->Add({.kind = IoKind::kRead, .file = file.get(), .data = head, .size = 4, .token = 1});
  queue->Add({.kind = IoKind::kRead,
              .file = file.get(),
              .offset = 1 << 20,
              .data = past,
              .size = 4,
              .token = 2});
  queue->Add({.kind = IoKind::kWrite,
              .file = file.get(),
              .offset = 10,
              .data = text.data(),
              .size = 3,
              .token = 3});
  queue->Add({.kind = IoKind::kSync, .file = file.get(), .token = 4});
  std::vector<IoCompletion> completions;
  EXPECT_EQ(queue->SubmitAndWait(4, &completions), absl::OkStatus());
  ASSERT_EQ(completions.size(), 4u);
  for (const IoCompletion& completion : completions) {
    EXPECT_EQ(completion.status.code(),
              completion.token == 2 ? absl::StatusCode::kOutOfRange : absl::StatusCode::kOk)
        << completion.token;
  }
  EXPECT_EQ(std::string_view(head, 4), "0123");
  EXPECT_EQ(Contents(*file), "0123456789abc");
}

TEST_P(IoConformanceTest, WaitingForMoreThanIsInFlightReturns) {
  std::unique_ptr<IoQueue> queue = NewQueue(4);
  std::vector<IoCompletion> completions;
  EXPECT_EQ(queue->SubmitAndWait(5, &completions), absl::OkStatus());
  EXPECT_EQ(queue->Submit(), absl::OkStatus());
  EXPECT_TRUE(completions.empty());
}

TEST_P(IoConformanceTest, PollingFindsTheCompletion) {
  std::unique_ptr<File> file = Open("data");
  std::unique_ptr<IoQueue> queue = NewQueue(4);
  std::string text(100'000, 'x');
  queue->Add({.kind = IoKind::kWrite,
              .durable = true,
              .file = file.get(),
              .data = text.data(),
              .size = text.size(),
              .token = 5});
  std::vector<IoCompletion> completions;
  while (completions.empty()) EXPECT_EQ(queue->SubmitAndWait(0, &completions), absl::OkStatus());
  EXPECT_EQ(completions[0].token, 5u);
  EXPECT_EQ(completions[0].status, absl::OkStatus());
}

// Signals of a fast timer, which interrupt every system call of some length.
class SignalStorm {
 public:
  SignalStorm() {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    sigaction(SIGALRM, &action, &old_action_);
    const itimerval fast{.it_interval = {.tv_sec = 0, .tv_usec = 200},
                         .it_value = {.tv_sec = 0, .tv_usec = 200}};
    setitimer(ITIMER_REAL, &fast, nullptr);
  }
  ~SignalStorm() {
    const itimerval off{};
    setitimer(ITIMER_REAL, &off, nullptr);
    sigaction(SIGALRM, &old_action_, nullptr);
  }
  SignalStorm(const SignalStorm&) = delete;
  SignalStorm& operator=(const SignalStorm&) = delete;

 private:
  struct sigaction old_action_ {};
};

TEST_P(IoConformanceTest, SignalsNeitherEndWaitsNorBreakTransfers) {
  std::unique_ptr<File> file = Open("data");
  std::unique_ptr<IoQueue> queue = NewQueue(4);
  std::string text(1 << 20, 's');
  SignalStorm storm;
  for (uint64_t round = 0; round < 20; ++round) {
    queue->Add({.kind = IoKind::kWrite,
                .durable = true,
                .file = file.get(),
                .offset = round << 20,
                .data = text.data(),
                .size = text.size(),
                .token = round});
    std::vector<IoCompletion> completions;
    ASSERT_EQ(queue->SubmitAndWait(1, &completions), absl::OkStatus());
    ASSERT_EQ(completions.size(), 1u);
    EXPECT_EQ(completions[0].status, absl::OkStatus());
    EXPECT_EQ(completions[0].token, round);
  }
  EXPECT_TRUE(Contents(*file) == std::string(20 << 20, 's'));
}

TEST_P(IoConformanceTest, DestroyedQueueHasFinishedWhatWasSubmitted) {
  std::unique_ptr<File> file = Open("data");
  std::string text(1 << 20, 'y');
  {
    std::unique_ptr<IoQueue> queue = NewQueue(2);
    for (uint64_t index = 0; index < 8; ++index) {
      queue->Add({.kind = IoKind::kWrite,
                  .file = file.get(),
                  .offset = index << 20,
                  .data = text.data(),
                  .size = text.size()});
    }
    EXPECT_EQ(queue->Submit(), absl::OkStatus());
    queue->Add({.kind = IoKind::kWrite, .file = file.get(), .data = nullptr, .size = 1});
  }
  EXPECT_EQ(file->Size().value(), 8u << 20);
  EXPECT_EQ(Contents(*file), std::string(8 << 20, 'y'));
}

TEST_P(IoConformanceTest, QueueMayBeHandedToAnotherThread) {
  std::unique_ptr<File> file = Open("data");
  std::unique_ptr<IoQueue> queue = NewQueue(16);
  std::string text(4096, 'z');
  std::vector<IoCompletion> completions;
  size_t submitted = 0;
  for (int round = 0; round < 20; ++round) {
    // The submitting thread ends while its requests are in flight.
    std::thread([&] {
      for (int index = 0; index < 10; ++index) {
        queue->Add({.kind = IoKind::kWrite,
                    .durable = index % 3 == 0,
                    .file = file.get(),
                    .offset = (submitted++) * text.size(),
                    .data = text.data(),
                    .size = text.size()});
      }
      EXPECT_EQ(queue->Submit(), absl::OkStatus());
    }).join();
    EXPECT_EQ(queue->SubmitAndWait(5, &completions), absl::OkStatus());
  }
  EXPECT_EQ(queue->SubmitAndWait(SIZE_MAX, &completions), absl::OkStatus());
  EXPECT_EQ(completions.size(), submitted);
  for (const IoCompletion& completion : completions) EXPECT_EQ(completion.status, absl::OkStatus());
  EXPECT_EQ(Contents(*file), std::string(submitted * text.size(), 'z'));
}

TEST_P(IoConformanceTest, QueuesOfSeveralThreadsWorkAtOnce) {
  std::unique_ptr<File> file = Open("data");
  constexpr size_t kThreads = 4;
  constexpr size_t kRounds = 50;
  std::vector<std::thread> threads;
  for (size_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      std::unique_ptr<IoQueue> queue = NewQueue(4);
      for (size_t round = 0; round < kRounds; ++round) {
        const uint64_t offset = (round * kThreads + thread) * 8;
        std::string text = std::to_string(10'000'000 + offset);
        std::string found(8, '?');
        std::vector<IoCompletion> completions;
        queue->Add({.kind = IoKind::kWrite,
                    .file = file.get(),
                    .offset = offset,
                    .data = text.data(),
                    .size = 8});
        EXPECT_EQ(queue->SubmitAndWait(1, &completions), absl::OkStatus());
        queue->Add({.kind = IoKind::kRead,
                    .file = file.get(),
                    .offset = offset,
                    .data = found.data(),
                    .size = 8});
        EXPECT_EQ(queue->SubmitAndWait(1, &completions), absl::OkStatus());
        EXPECT_EQ(completions.size(), 2u);
        EXPECT_EQ(completions[0].status, absl::OkStatus());
        EXPECT_EQ(completions[1].status, absl::OkStatus());
        EXPECT_EQ(found, text);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(file->Size().value(), kThreads * kRounds * 8);
}

TEST_P(IoConformanceTest, AllocateExtendsWithZeroesAndKeepsContents) {
  std::unique_ptr<File> file = Open("data");
  EXPECT_EQ(Write(*file, 0, "abc"), absl::OkStatus());
  EXPECT_EQ(file->Allocate(10'000), absl::OkStatus());
  EXPECT_EQ(Contents(*file), "abc" + std::string(9'997, '\0'));
  EXPECT_EQ(file->Allocate(5'000), absl::OkStatus());
  EXPECT_EQ(file->Size().value(), 10'000u);
}

TEST_P(IoConformanceTest, TruncateCutsAndExtends) {
  std::unique_ptr<File> file = Open("data");
  EXPECT_EQ(Write(*file, 0, "abcdef"), absl::OkStatus());
  EXPECT_EQ(file->Truncate(2), absl::OkStatus());
  EXPECT_EQ(Contents(*file), "ab");
  EXPECT_EQ(file->Truncate(5), absl::OkStatus());
  EXPECT_EQ(Contents(*file), std::string("ab\0\0\0", 5));
}

TEST_P(IoConformanceTest, DirectTransfersNeedAlignment) {
  std::unique_ptr<File> file = Open("data", {.create = true, .direct = true});
  AlignedBuffer memory(3 * kIoAlignment, 'd');
  char* data = memory.data();
  EXPECT_EQ(file->Allocate(8 * kIoAlignment), absl::OkStatus());
  EXPECT_EQ(io_->WriteFully(*file, kIoAlignment, data, 2 * kIoAlignment), absl::OkStatus());
  EXPECT_EQ(io_->SyncFile(*file), absl::OkStatus());
  memset(data, 0, 3 * kIoAlignment);
  EXPECT_EQ(io_->ReadFully(*file, kIoAlignment, data, 2 * kIoAlignment), absl::OkStatus());
  EXPECT_EQ(std::string_view(data, 2 * kIoAlignment), std::string(2 * kIoAlignment, 'd'));
  EXPECT_EQ(io_->ReadFully(*file, 8 * kIoAlignment, data, kIoAlignment).code(),
            absl::StatusCode::kOutOfRange);
  if (!file->direct()) GTEST_SKIP() << "no direct I/O in " << path_;
  for (auto [offset, shift, size] : {std::tuple<uint64_t, size_t, size_t>{512, 0, kIoAlignment},
                                     {0, 512, kIoAlignment},
                                     {0, 0, kIoAlignment - 512}}) {
    EXPECT_EQ(io_->WriteFully(*file, offset, data + shift, size).code(),
              absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(io_->ReadFully(*file, offset, data + shift, size).code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST_P(IoConformanceTest, DirectFileMayEndInsideABlock) {
  std::unique_ptr<File> file = Open("data", {.create = true, .direct = true});
  EXPECT_EQ(file->Truncate(kIoAlignment + 100), absl::OkStatus());
  AlignedBuffer memory(2 * kIoAlignment, '?');
  EXPECT_EQ(io_->ReadFully(*file, 0, memory.data(), kIoAlignment), absl::OkStatus());
  EXPECT_EQ(io_->ReadFully(*file, 0, memory.data(), 2 * kIoAlignment).code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(file->Allocate(3 * kIoAlignment + 5), absl::OkStatus());
  EXPECT_EQ(file->Size().value(), 3 * kIoAlignment + 5);
}

TEST_P(IoConformanceTest, ReadOnlyFileRefusesWrites) {
  Open("data");
  std::unique_ptr<File> file = Open("data", {.write = false});
  EXPECT_EQ(Write(*file, 0, "x").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(file->Truncate(1).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(file->Allocate(1).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(file->Size().value(), 0u);
}

TEST_P(IoConformanceTest, OpenCreatesOnlyWhenAsked) {
  EXPECT_EQ(directory_->OpenFile("none", {}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(directory_->OpenFile("none", {.create = true, .exclusive = true}).status(),
            absl::OkStatus());
  EXPECT_EQ(directory_->OpenFile("none", {.create = true, .exclusive = true}).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(directory_->OpenFile("none", {.create = true}).status(), absl::OkStatus());
}

TEST_P(IoConformanceTest, NamesStayInsideTheDirectory) {
  for (std::string_view name : {"", ".", "..", "a/b", "/etc/passwd", "../x"}) {
    EXPECT_EQ(directory_->OpenFile(name, {.create = true}).status().code(),
              absl::StatusCode::kInvalidArgument)
        << name;
    EXPECT_EQ(directory_->Remove(name).code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_EQ(directory_->Rename(name, "x").code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_EQ(directory_->Rename("x", name).code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_EQ(directory_->Lock(name).status().code(), absl::StatusCode::kInvalidArgument) << name;
  }
}

TEST_P(IoConformanceTest, RenameReplacesAndListIsSorted) {
  std::unique_ptr<File> first = Open("first");
  std::unique_ptr<File> second = Open("second");
  Open("aaa");
  EXPECT_EQ(Write(*first, 0, "one"), absl::OkStatus());
  EXPECT_EQ(Write(*second, 0, "two"), absl::OkStatus());
  EXPECT_EQ(directory_->List().value(), (std::vector<std::string>{"aaa", "first", "second"}));
  EXPECT_EQ(directory_->Rename("first", "second"), absl::OkStatus());
  EXPECT_EQ(directory_->Sync(), absl::OkStatus());
  EXPECT_EQ(directory_->List().value(), (std::vector<std::string>{"aaa", "second"}));
  EXPECT_EQ(Contents(*Open("second", {})), "one");
  EXPECT_EQ(directory_->Rename("first", "x").code(), absl::StatusCode::kNotFound);
  // Handles follow their file, not its name.
  EXPECT_EQ(Contents(*first), "one");
  EXPECT_EQ(Contents(*second), "two");
}

TEST_P(IoConformanceTest, RemovedFileLivesOnInItsHandle) {
  std::unique_ptr<File> file = Open("data");
  EXPECT_EQ(Write(*file, 0, "still here"), absl::OkStatus());
  EXPECT_EQ(directory_->Remove("data"), absl::OkStatus());
  EXPECT_EQ(directory_->Remove("data").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(directory_->OpenFile("data", {}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Write(*file, 10, "!"), absl::OkStatus());
  EXPECT_EQ(Contents(*file), "still here!");
  EXPECT_EQ(Contents(*Open("data")), "");
}

TEST_P(IoConformanceTest, LockExcludesASecondHandleAndNamesTheHolder) {
  absl::StatusOr<std::unique_ptr<File>> lock = directory_->Lock("LOCK");
  ASSERT_TRUE(lock.ok()) << lock.status();
  std::unique_ptr<Directory> other = io_->OpenDirectory(path_, false).value();
  absl::StatusOr<std::unique_ptr<File>> refused = other->Lock("LOCK");
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(refused.status().message().find("process " + std::to_string(getpid())),
            std::string::npos)
      << refused.status();
  lock->reset();
  EXPECT_EQ(other->Lock("LOCK").status(), absl::OkStatus());
}

TEST_P(IoConformanceTest, DirectoryMustExistUnlessCreated) {
  EXPECT_EQ(io_->OpenDirectory(path_ + "_none", false).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(io_->OpenDirectory(path_ + "_none/below", true).status().code(),
            absl::StatusCode::kNotFound);
  Open("file");
  EXPECT_EQ(io_->OpenDirectory(path_ + "/file", true).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

INSTANTIATE_TEST_SUITE_P(Backends, IoConformanceTest, testing::ValuesIn(Backends()),
                         [](const testing::TestParamInfo<Backend>& backend) {
                           return backend.param.name;
                         });

}  // namespace
}  // namespace moraine
