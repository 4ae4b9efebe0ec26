// What only the thread pool can get wrong: that a request wakes one thread, not all of them. With 32
// threads and one reader, waking all took as long as reading twice in turn.
#include "storage/io/pool_io.h"

#include <filesystem>
#include <memory>
#include <vector>

#include "gtest/gtest.h"

#include "storage/io/aligned_buffer.h"
#include "tests/support/seeds.h"

namespace moraine {
namespace {

constexpr uint32_t kThreads = 32;
constexpr uint64_t kBlocks = 64;

class PoolIoTest : public testing::Test {
 protected:
  PoolIoTest() : directory_path_(FreshDirectory("pool_io")), io_(CreatePoolIo(kThreads, "")) {
    directory_ = *io_->OpenDirectory(directory_path_, /*create=*/true);
    file_ = *directory_->OpenFile("file", {.create = true});
    const std::vector<char> block(kIoAlignment, 'x');
    for (uint64_t i = 0; i < kBlocks; ++i) {
      EXPECT_TRUE(io_->WriteFully(*file_, i * kIoAlignment, block.data(), block.size()).ok());
    }
  }
  ~PoolIoTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_path_, ignored);
  }

  // Reads `count` blocks together, all of them by the pool.
  void ReadTogether(IoQueue& queue, uint64_t count) {
    std::vector<AlignedBuffer> buffers;
    for (uint64_t i = 0; i < count; ++i) buffers.emplace_back(kIoAlignment);
    for (uint64_t i = 0; i < count; ++i) {
      IoRequest request;
      request.kind = IoKind::kRead;
      request.file = file_.get();
      request.offset = i * kIoAlignment;
      request.data = buffers[i].data();
      request.size = kIoAlignment;
      queue.Add(request);
    }
    // Handed over first: who waits for all of a batch does the last one itself.
    ASSERT_TRUE(queue.Submit().ok());
    std::vector<IoCompletion> completions;
    ASSERT_TRUE(queue.SubmitAndWait(count, &completions).ok());
    ASSERT_EQ(completions.size(), count);
    for (const IoCompletion& completion : completions) {
      EXPECT_TRUE(completion.status.ok()) << completion.status;
    }
  }

  const std::string directory_path_;
  std::unique_ptr<Io> io_;
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<File> file_;
};

TEST_F(PoolIoTest, AsManyThreadsWakeUpAsThereAreRequests) {
  const std::unique_ptr<IoQueue> queue = *io_->NewQueue(kBlocks);
  for (const uint64_t count : {uint64_t{1}, uint64_t{2}, uint64_t{4}}) {
    constexpr uint64_t kRounds = 200;
    const uint64_t before = PoolWakeUps(*io_);
    for (uint64_t round = 0; round < kRounds; ++round) ReadTogether(*queue, count);
    // Threads that were about to sleep for the first time look once more.
    EXPECT_LE(PoolWakeUps(*io_) - before, 2 * count * kRounds + kThreads) << count;
  }
}

TEST_F(PoolIoTest, ALargeBatchIsServedWhole) {
  const std::unique_ptr<IoQueue> queue = *io_->NewQueue(kBlocks);
  for (int round = 0; round < 50; ++round) ReadTogether(*queue, kBlocks);
}

}  // namespace
}  // namespace moraine
