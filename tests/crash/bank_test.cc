// Transfers between two trees under power cuts and kills: whatever survives, no transfer is half
// there, none that was acknowledged as durable is missing, and the books balance to the unit.
// Flags: --images=N, --kills=N, --seed=N.
#include "tests/crash/bank.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "storage/sync/atomic.h"
#include "tests/support/engine_harness.h"
#include "tests/support/seeds.h"
#include "tests/support/simulated_io.h"

namespace moraine {
namespace {

// What each teller knows to be durable, by count of transfers.
struct Acknowledged {
  StdPolicy::Atomic<uint64_t> durable[kTellers];
  StdPolicy::Atomic<uint64_t> ready;  // set with the first transfer
};

void Work(Bank bank, uint64_t teller, uint64_t begin, uint64_t end, uint64_t seed,
          Acknowledged& acknowledged) {
  Random random(seed);
  for (uint64_t number = begin; number < end; ++number) {
    auto durability = static_cast<Durability>(random.Below(3));
    absl::Status done = bank.Transfer(teller, number, random, durability);
    ASSERT_TRUE(done.ok()) << done;
    // order: relaxed: the kill comes some time later
    acknowledged.ready.store(1, std::memory_order_relaxed);
    // order: release -> Acknowledged::Read [V1]
    if (durability == Durability::kSync)
      acknowledged.durable[teller].store(number, std::memory_order_release);
  }
}

std::array<uint64_t, kTellers> Read(const Acknowledged& acknowledged) {
  std::array<uint64_t, kTellers> counts;
  // order: acquire <- Acknowledged::Read [V1]
  for (uint64_t t = 0; t < kTellers; ++t)
    counts[t] = acknowledged.durable[t].load(std::memory_order_acquire);
  return counts;
}

// Opens and audits; `*transfers` is what was found.
std::string Check(const std::string& path, EngineOptions options,
                  const std::array<uint64_t, kTellers>& durable, std::vector<uint64_t>* transfers) {
  absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open(path, options);
  if (!engine.ok()) return "open: " + engine.status().ToString();
  absl::StatusOr<Bank> bank = Bank::Open(**engine);
  if (!bank.ok()) return "bank: " + bank.status().ToString();
  std::string wrong = bank->Audit(transfers);
  for (uint64_t t = 0; t < kTellers && wrong.empty(); ++t) {
    if ((*transfers)[t] < durable[t])
      wrong = "teller " + std::to_string(t) + " has lost durable transfers";
  }
  absl::Status closed = (*engine)->Close();
  return wrong.empty() && !closed.ok() ? closed.ToString() : wrong;
}

TEST(BankTest, BooksBalanceAfterPowerCuts) {
  struct Image {
    SimulatedDisk disk;
    std::array<uint64_t, kTellers> durable;
  };
  Acknowledged acknowledged{};
  std::vector<Image> images;
  SimulatedIo io{{.seed = TestSeed()}};
  EngineOptions options = SmallEngineOptions(&io);
  auto engine = Engine::Open("/db", options).value();
  Bank bank = Bank::Open(*engine).value();
  io.OnBoundary([&](const SimulatedBoundary& boundary) {
    images.push_back({boundary.disk, Read(acknowledged)});
  });
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < kTellers; ++t) {
    threads.emplace_back(
        [&, t] { Work(bank, t, 1, 40, Random::Derive(TestSeed(), t), acknowledged); });
  }
  threads.emplace_back([&] { ASSERT_TRUE(engine->Checkpoint().ok()); });
  for (std::thread& thread : threads) thread.join();
  io.OnBoundary(nullptr);
  engine.reset();
  Random random(TestSeed());
  uint64_t count = TestFlag("images", 1500 / kSanitizerSlowdown);
  ASSERT_FALSE(images.empty());
  std::vector<uint64_t> transfers;
  for (uint64_t i = 0; i < count; ++i) {
    const Image& image = images[i * images.size() / count];
    uint64_t cut = random.Next();
    SimulatedIo left({}, image.disk.SurvivePowerCut(PowerCutPlan::FromSeed(cut)));
    ASSERT_EQ(Check("/db", SmallEngineOptions(&left), image.durable, &transfers), "")
        << "image " << i << " of " << count << ", cut " << cut;
  }
}

TEST(BankTest, BooksBalanceAfterKills) {
  std::string path = FreshDirectory("bank_test") + "/db";
  void* mapped = mmap(nullptr, sizeof(Acknowledged), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(mapped, MAP_FAILED);
  auto* acknowledged = static_cast<Acknowledged*>(mapped);
  Random random(TestSeed());
  std::vector<uint64_t> transfers(kTellers, 0);
  uint64_t kills = TestFlag("kills", 60 / kSanitizerSlowdown);
  for (uint64_t kill_number = 0; kill_number < kills; ++kill_number) {
    // order: relaxed: before the fork
    acknowledged->ready.store(0, std::memory_order_relaxed);
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto engine = Engine::Open(path, SmallEngineOptions(nullptr)).value();
      Bank bank = Bank::Open(*engine).value();
      std::vector<std::thread> threads;
      for (uint64_t t = 0; t < kTellers; ++t) {
        threads.emplace_back([&, t] {
          Work(bank, t, transfers[t] + 1, UINT64_MAX, Random::Derive(kill_number, t),
               *acknowledged);
        });
      }
      for (std::thread& thread : threads) thread.join();
      _exit(1);
    }
    // order: relaxed: as in Work
    while (acknowledged->ready.load(std::memory_order_relaxed) == 0 &&
           waitpid(child, nullptr, WNOHANG) == 0)
      usleep(200);
    usleep(static_cast<useconds_t>(random.Skewed(16)));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child failed by itself";
    ASSERT_EQ(Check(path, SmallEngineOptions(nullptr), Read(*acknowledged), &transfers), "")
        << "kill " << kill_number;
  }
  EXPECT_GT(transfers[0] + transfers[1] + transfers[2], kills);
  munmap(mapped, sizeof(Acknowledged));
}

}  // namespace
}  // namespace moraine
