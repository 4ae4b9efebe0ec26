// Batches move amounts between keys of two trees and keep their sum. Every snapshot must show that
// sum, forward, backward and again later, while pages split under it; and the scans of one snapshot
// must be equal. Flags: --seconds=N, --seed=N.
#include <charconv>
#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/engine_harness.h"
#include "tests/support/schedule.h"
#include "tests/support/simulated_io.h"

namespace moraine {
namespace {

constexpr uint64_t kAccounts = 200;
constexpr int64_t kStart = 1'000'000;

std::string Account(uint64_t index) { return "account" + std::to_string(1000 + index); }

class EngineSnapshotTest : public testing::Test {
 protected:
  void SetUp() override {
    EngineOptions options = SmallEngineOptions(&io_);
    options.memory_bytes = uint64_t{256} << 20;
    absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open("/db", options);
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
    for (Tree*& tree : trees_) {
      const std::string name = &tree == &trees_[0] ? "left" : "right";
      absl::StatusOr<Tree*> created = engine_->CreateTree(name, {.merge_operator = "add"});
      ASSERT_TRUE(created.ok()) << created.status();
      tree = *created;
      for (uint64_t i = 0; i < kAccounts; ++i) {
        ASSERT_TRUE(engine_
                        ->Write({WriteKind::kPut, tree, Account(i), std::to_string(kStart)},
                                Durability::kNone)
                        .ok());
      }
    }
  }

  // One transfer: two merges in one batch, in different trees or not.
  void Transfer(Random& random) {
    const std::string amount = std::to_string(1 + random.Below(100));
    const std::string minus = "-" + amount;
    const std::string from = Account(random.Below(kAccounts));
    const std::string to = Account(random.Below(kAccounts));
    const WriteOperation batch[] = {{WriteKind::kMerge, trees_[random.Below(2)], from, minus},
                                    {WriteKind::kMerge, trees_[random.Below(2)], to, amount}};
    const absl::StatusOr<Lsn> position = engine_->Apply(batch, Durability::kNone);
    ASSERT_TRUE(position.ok()) << position.status();
  }

  // Keys between the accounts, of no amount, that make pages split and vanish.
  void Churn(Random& random) {
    const std::string key = Account(random.Below(kAccounts)) + "/" + random.Bytes(2);
    const WriteKind kind = random.OneIn(3) ? WriteKind::kDelete : WriteKind::kPut;
    const std::string value = kind == WriteKind::kPut ? "0" : "";
    ASSERT_TRUE(
        engine_->Write({kind, trees_[random.Below(2)], key, value}, Durability::kNone).ok());
  }

  using Records = std::vector<ModelRecord>;
  Records Read(size_t tree, const EngineSnapshot* snapshot, bool backward) {
    const auto records = ReadAll(*engine_, *trees_[tree], snapshot, backward);
    EXPECT_TRUE(records.ok()) << records.status();
    return records.value_or(Records());
  }

  static int64_t Sum(const Records& records) {
    int64_t sum = 0;
    for (const auto& [key, value] : records) {
      int64_t number = 0;
      std::from_chars(value.data(), value.data() + value.size(), number);
      sum += number;
    }
    return sum;
  }

  void CheckSnapshot(Random& random) {
    const absl::StatusOr<EngineSnapshot> snapshot = engine_->TakeSnapshot();
    ASSERT_TRUE(snapshot.ok()) << snapshot.status();
    const bool backward = random.OneIn(2);
    Records first[2];
    for (size_t tree : {0, 1}) first[tree] = Read(tree, &*snapshot, backward);
    ASSERT_EQ(Sum(first[0]) + Sum(first[1]), 2 * static_cast<int64_t>(kAccounts) * kStart)
        << "at " << snapshot->timestamp().value();
    for (size_t tree : {0, 1}) {
      ASSERT_EQ(Read(tree, &*snapshot, !backward), first[tree]);
      for (int i = 0; i < 20 && !first[tree].empty(); ++i) {
        const ModelRecord& record = first[tree][random.Below(first[tree].size())];
        const auto value = ReadValue(*engine_, *trees_[tree], record.first, &*snapshot);
        ASSERT_TRUE(value.ok()) << value.status();
        ASSERT_EQ(*value, record.second) << record.first;
      }
    }
  }

  template <class Body>
  void RunFor(std::chrono::milliseconds time, size_t threads, const Body& body) {
    const auto end = std::chrono::steady_clock::now() + time;
    std::vector<std::thread> running;
    for (size_t i = 0; i < threads; ++i) {
      running.emplace_back([&, i] {
        Random random(Random::Derive(TestSeed(), i));
        AtomicJitter jitter(random.Next());
        while (std::chrono::steady_clock::now() < end && !HasFailure()) body(i, random);
      });
    }
    for (std::thread& thread : running) thread.join();
  }

  SimulatedIo io_{{}};
  std::unique_ptr<Engine> engine_;
  Tree* trees_[2] = {};
};

TEST_F(EngineSnapshotTest, EverySnapshotShowsTheSumAndStaysAsItIs) {
  const auto time = std::chrono::milliseconds(1000 * TestFlag("seconds", 3));
  RunFor(time, 4, [&](size_t thread, Random& random) {
    if (thread == 0) {
      CheckSnapshot(random);
    } else if (random.OneIn(3)) {
      Churn(random);
    } else {
      Transfer(random);
    }
  });
  Random random(TestSeed());
  CheckSnapshot(random);
}

// A snapshot held over thousands of writes reads as on the first day.
TEST_F(EngineSnapshotTest, OldSnapshotsDoNotChange) {
  Random random(TestSeed());
  std::vector<EngineSnapshot> snapshots;
  std::vector<Records> seen;
  for (int age = 0; age < 6; ++age) {
    snapshots.push_back(*engine_->TakeSnapshot());
    seen.push_back(Read(0, &snapshots.back(), false));
    RunFor(std::chrono::milliseconds(150), 2, [&](size_t, Random& own) {
      Transfer(own);
      Churn(own);
    });
    if (random.OneIn(2)) {
      ASSERT_TRUE(engine_->Checkpoint().ok());
    }
  }
  for (size_t i = 0; i < snapshots.size(); ++i) {
    EXPECT_TRUE(Read(0, &snapshots[i], i % 2 == 0) == seen[i]) << "snapshot " << i;
  }
}

}  // namespace
}  // namespace moraine
