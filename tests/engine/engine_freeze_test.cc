// A thread that stops for ever does not stop the others. One thread works and is frozen at a random
// instruction by a signal whose handler does not return; three others, on the same keys, must each go
// on to commit, unsynced, all the while. Then it is let go, must finish what it was at, and the next
// point is drawn.
//
// What may hold the others up is known, and nothing else is allowed: a frozen thread that holds one
// of the few locks of cold paths (kColdPaths; storage/tree/README.md says which and why) or the C
// library's. Its stack tells. Everything else counts as a failure.
// Flags: --points=N, --seed=N.
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/debugging/symbolize.h"
#include "gtest/gtest.h"

#include "storage/engine.h"
#include "storage/sync/atomic.h"
#include "tests/support/engine_harness.h"
#include "tests/support/simulated_io.h"
#include "txn/transact.h"

namespace moraine {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kFreezeSignal = SIGUSR2;
constexpr uint64_t kOthers = 3;
// Each of the others commits this much while one is frozen.
constexpr uint64_t kCommitsEach = 20;
constexpr milliseconds kPatience(20'000);

// Functions that hold a lock while they run: refilling a thread's memory, taking a new page, telling
// the eviction queue about it, and what allocates below them.
constexpr const char* kColdPaths[] = {"Heap::AcquireSpan",
                                      "Heap::MakeRoom",
                                      "PageTable::Allocate",
                                      "PageTable::Free",
                                      "EvictionQueue",
                                      "Heap::Trim",
                                      "malloc",
                                      "free",
                                      "operator new",
                                      "Pager::",
                                      "Heap::PutRegion",
                                      "Log::WaitForSpace"};

// Where the frozen thread waits. A handler may use nothing but system calls.
struct Freezer {
  int frozen[2];
  int go_on[2];
  void* stack[64];
  int depth = 0;
};
Freezer* freezer = nullptr;

void StandStill(int) {
  int saved = errno;
  freezer->depth = backtrace(freezer->stack, 64);
  char byte = 0;
  while (write(freezer->frozen[1], &byte, 1) < 0) {
  }
  while (read(freezer->go_on[0], &byte, 1) < 0) {
  }
  errno = saved;
}

std::string StackOfFrozen() {
  std::string text;
  for (int i = 0; i < freezer->depth; ++i) {
    char name[256] = "?";
    absl::Symbolize(freezer->stack[i], name, sizeof(name));
    text.append("  ").append(name).append("\n");
  }
  return text;
}

bool OnColdPath(const std::string& stack) {
  for (const char* name : kColdPaths) {
    if (stack.find(name) != std::string::npos) return true;
  }
  return false;
}

enum class Work : uint8_t { kPuts, kSplits, kTransactions };

class EngineFreezeTest : public testing::TestWithParam<Work> {
 protected:
  void SetUp() override {
    ASSERT_EQ(pipe(own_.frozen), 0);
    ASSERT_EQ(pipe(own_.go_on), 0);
    freezer = &own_;
    freezer->depth = backtrace(freezer->stack, 64);  // loads what the handler must not load
    struct sigaction action {};
    action.sa_handler = StandStill;
    action.sa_flags = SA_RESTART;
    ASSERT_EQ(sigaction(kFreezeSignal, &action, nullptr), 0);
    EngineOptions options = SmallEngineOptions(&io_);
    // The log must not fill up while a slot of it is held open.
    options.log_ring_bytes = uint64_t{16} << 20;
    options.log_segment_bytes = uint64_t{16} << 20;
    options.memory_bytes = uint64_t{512} << 20;
    engine_ = Engine::Open("/db", options).value();
    tree_ = engine_->CreateTree("tree", {}).value();
    for (uint64_t key = 0; key < kKeys; ++key)
      ASSERT_TRUE(engine_->Write({WriteKind::kPut, tree_, Key(key), "0"}, Durability::kNone).ok());
  }
  void TearDown() override {
    signal(kFreezeSignal, SIG_DFL);
    for (int descriptor : {own_.frozen[0], own_.frozen[1], own_.go_on[0], own_.go_on[1]})
      close(descriptor);
  }

  static constexpr uint64_t kKeys = 8;  // few: everybody is in everybody's way

  static std::string Key(uint64_t number) { return "key" + std::to_string(number); }

  // One operation, which commits.
  void CommitOne(Work work, uint64_t thread, uint64_t number, Random& random) {
    absl::Status status;
    if (work == Work::kPuts) {
      std::string key = Key(random.Below(kKeys));
      status = engine_->Write({WriteKind::kPut, tree_, key, "1"}, Durability::kNone).status();
    } else if (work == Work::kSplits) {
      // New keys, side by side with those of the others: leaves fill and split.
      std::string key = "new" + std::to_string(random.Next());
      std::string value(200, static_cast<char>('a' + thread));
      status = engine_->Write({WriteKind::kPut, tree_, key, value}, Durability::kNone).status();
      if (number % 64 == 63) {
        std::string old = Key(random.Below(kKeys));
        status = engine_->Write({WriteKind::kPut, tree_, old, "1"}, Durability::kNone).status();
      }
    } else {
      auto body = [&](Transaction& transaction) -> absl::Status {
        for (int i = 0; i < 2; ++i) {
          absl::Status read =
              transaction.Get(*tree_, Key(random.Below(kKeys)), [](std::string_view) {}).status();
          if (!read.ok()) return read;
          absl::Status put = transaction.Put(*tree_, Key(random.Below(kKeys)), "2");
          if (!put.ok()) return put;
        }
        return absl::OkStatus();
      };
      RetryOptions retry;
      retry.most_tries = 1'000'000;
      status = Transact(*engine_, {}, retry, {}, Durability::kNone, body).status();
    }
    EXPECT_TRUE(status.ok()) << status;
  }

  // Whether each of the others commits kCommitsEach times from now on.
  bool OthersGoOn(milliseconds patience) {
    std::array<uint64_t, kOthers> before;
    for (uint64_t i = 0; i < kOthers; ++i) before[i] = CommitsOf(i);
    auto give_up = steady_clock::now() + patience;
    for (;;) {
      bool all = true;
      for (uint64_t i = 0; i < kOthers; ++i) all = all && CommitsOf(i) >= before[i] + kCommitsEach;
      if (all) return true;
      if (steady_clock::now() > give_up) return false;
      std::this_thread::sleep_for(milliseconds(1));
    }
  }
  uint64_t CommitsOf(uint64_t other) const {
    // order: relaxed: a count
    return commits_[other].load(std::memory_order_relaxed);
  }

  Freezer own_;
  SimulatedIo io_{{}};
  std::unique_ptr<Engine> engine_;
  Tree* tree_ = nullptr;
  Atomic<uint64_t> stop_{0};
  std::array<Atomic<uint64_t>, kOthers> commits_;
};

TEST_P(EngineFreezeTest, OthersCommitWhileOneThreadStandsStill) {
  uint64_t points = TestFlag("points", 100);
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i <= kOthers; ++i) {
    threads.emplace_back([this, i] {
      Random random(Random::Derive(TestSeed(), i));
      // order: relaxed: any time soon
      for (uint64_t n = 0; stop_.load(std::memory_order_relaxed) == 0; ++n) {
        CommitOne(GetParam(), i, n, random);
        // order: relaxed: a count
        if (i < kOthers) commits_[i].fetch_add(1, std::memory_order_relaxed);
      }
    });
  }
  pthread_t victim = threads.back().native_handle();
  Random random(TestSeed());
  uint64_t on_cold_paths = 0;
  auto longest = milliseconds(0);
  for (uint64_t point = 0; point < points && !HasFatalFailure(); ++point) {
    std::this_thread::sleep_for(std::chrono::microseconds(500 + random.Below(1500)));
    ASSERT_EQ(pthread_kill(victim, kFreezeSignal), 0);
    char byte = 0;
    ASSERT_EQ(read(own_.frozen[0], &byte, 1), 1);
    std::string stack = StackOfFrozen();
    bool cold = OnColdPath(stack);
    auto begin = steady_clock::now();
    bool go_on = OthersGoOn(cold ? milliseconds(2'000) : kPatience);
    longest =
        std::max(longest, std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin));
    ASSERT_EQ(write(own_.go_on[1], &byte, 1), 1);
    EXPECT_TRUE(go_on || cold) << "point " << point << ", frozen in\n" << stack;
    if (!go_on && ++on_cold_paths <= 3) std::printf("held up by\n%s", stack.c_str());
  }
  // order: relaxed: any time soon
  stop_.store(1, std::memory_order_relaxed);
  for (std::thread& thread : threads) thread.join();
  std::printf(
      "%llu points, %llu held the others up, at most %lld ms until all others "
      "had committed\n",
      static_cast<unsigned long long>(points), static_cast<unsigned long long>(on_cold_paths),
      static_cast<long long>(longest.count()));
  EXPECT_LE(on_cold_paths, points / 10);
  auto report = engine_->Verify();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->findings.empty());
}

std::string NameOf(const testing::TestParamInfo<Work>& chosen) {
  switch (chosen.param) {
    case Work::kPuts:
      return "Puts";
    case Work::kSplits:
      return "Splits";
    case Work::kTransactions:
      return "Transactions";
  }
  return "";
}

INSTANTIATE_TEST_SUITE_P(Everywhere, EngineFreezeTest,
                         testing::Values(Work::kPuts, Work::kSplits, Work::kTransactions), NameOf);

}  // namespace
}  // namespace moraine
