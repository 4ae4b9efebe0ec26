// Many threads on one engine. Keys of one thread alone are compared exactly with that thread's own
// reference; keys that all threads share are recorded and checked for linearizability, with reads,
// puts, deletes, compare-and-sets through Update, and merges. Splits and folds go on all the while.
// Flags: --operations=N, --histories=N, --seed=N.
#include <charconv>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/engine_harness.h"
#include "tests/support/history.h"
#include "tests/support/schedule.h"
#include "tests/support/simulated_io.h"

namespace moraine {
namespace {

constexpr uint64_t kThreads = 4;

class EngineConcurrencyTest : public testing::Test {
 protected:
  void SetUp() override {
    EngineOptions options = SmallEngineOptions(&io_);
    options.memory_bytes = uint64_t{256} << 20;
    absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open("/db", options);
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
    absl::StatusOr<Tree*> tree = engine_->CreateTree("tree", {.merge_operator = "add"});
    ASSERT_TRUE(tree.ok()) << tree.status();
    tree_ = *tree;
  }

  template <class Body>
  void RunThreads(const Body& body) {
    std::vector<std::thread> threads;
    for (uint64_t thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&body, thread] {
        AtomicJitter jitter(Random::Derive(TestSeed(), 1000 + thread));
        body(thread);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  void CheckVerify() {
    const absl::StatusOr<VerifyReport> report = engine_->Verify();
    ASSERT_TRUE(report.ok()) << report.status();
    for (const VerifyFinding& finding : report->findings) {
      ADD_FAILURE() << finding.where << ": " << finding.what;
    }
  }

  void OwnKeys(uint64_t thread, uint64_t operations);
  void SharedKeys(History::Recorder& recorder, Random random, uint64_t operations);
  void Perform(HistoryOperation* operation, const std::string& key);

  SimulatedIo io_{{}};
  std::unique_ptr<Engine> engine_;
  Tree* tree_ = nullptr;
};

// Neighbouring keys belong to different threads, so that all of them meet on every page.
void EngineConcurrencyTest::OwnKeys(uint64_t thread, uint64_t operations) {
  Random random(Random::Derive(TestSeed(), thread));
  ModelDatabase model;
  model.CreateTree("tree", ModelMerge("add"));
  const std::map<std::string, Tree*> trees = {{"tree", tree_}};
  const auto random_key = [&] {
    return "key" + std::to_string(10'000 + random.Below(3'000)) + "/" + std::to_string(thread);
  };
  for (uint64_t i = 0; i < operations && !HasFailure(); ++i) {
    if (random.OneIn(3)) {
      const std::string key = random_key();
      const auto value = ReadValue(*engine_, *tree_, key);
      ASSERT_TRUE(value.ok()) << value.status();
      ASSERT_EQ(*value, model.Get("tree", key)) << key;
      continue;
    }
    std::vector<ModelWrite> writes(random.OneIn(4) ? 1 + random.Below(6) : 1);
    for (ModelWrite& write : writes) {
      write = {static_cast<ModelWrite::Kind>(random.Below(3)), "tree", random_key(),
               std::to_string(random.Below(1000))};
      if (write.kind == ModelWrite::Kind::kPut && random.OneIn(4)) write.value.insert(0, 100, '0');
    }
    const auto position = engine_->Apply(ToOperations(writes, trees), Durability::kNone);
    ASSERT_TRUE(position.ok()) << position.status();
    ASSERT_GT(position->value(), model.last_position());
    model.Apply(position->value(), writes);
  }
  const auto all = ReadAll(*engine_, *tree_);
  ASSERT_TRUE(all.ok()) << all.status();
  std::vector<ModelRecord> mine;
  for (const ModelRecord& record : *all) {
    if (record.first.ends_with("/" + std::to_string(thread))) mine.push_back(record);
  }
  ASSERT_EQ(mine, model.Scan("tree"));
}

TEST_F(EngineConcurrencyTest, KeysOfOneThreadAreAsItLeftThem) {
  const uint64_t operations = TestFlag("operations", 15'000 / kSanitizerSlowdown);
  RunThreads([&](uint64_t thread) { OwnKeys(thread, operations); });
  CheckVerify();
}

HistoryValue ToNumber(const std::optional<std::string_view>& text) {
  if (!text) return std::nullopt;
  uint64_t number = 0;
  std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

void EngineConcurrencyTest::Perform(HistoryOperation* operation, const std::string& key) {
  using Kind = HistoryOperation::Kind;
  const std::string value = std::to_string(operation->argument.value_or(0));
  const auto write = [&](WriteKind kind) {
    const auto written = engine_->Write({kind, tree_, key, value}, Durability::kNone);
    ASSERT_TRUE(written.ok()) << written.status();
  };
  switch (operation->kind) {
    case Kind::kPut:
      return write(WriteKind::kPut);
    case Kind::kDelete:
      return write(WriteKind::kDelete);
    case Kind::kAdd:
      return write(WriteKind::kMerge);
    case Kind::kGet: {
      const auto read = ReadValue(*engine_, *tree_, key);
      ASSERT_TRUE(read.ok()) << read.status();
      operation->result = ToNumber(*read);
      return;
    }
    case Kind::kCompareAndSet: {
      const auto decided = engine_->Update(
          *tree_, key,
          [&](std::optional<std::string_view> current) {
            if (ToNumber(current) != operation->expected) return UpdateDecision{};
            return UpdateDecision{UpdateDecision::Action::kPut, value};
          },
          Durability::kNone);
      ASSERT_TRUE(decided.ok()) << decided.status();
      operation->succeeded = decided->has_value();
      return;
    }
  }
}

void EngineConcurrencyTest::SharedKeys(History::Recorder& recorder, Random random,
                                       uint64_t operations) {
  for (uint64_t i = 0; i < operations && !HasFailure(); ++i) {
    HistoryOperation operation;
    operation.kind = static_cast<HistoryOperation::Kind>(random.Below(5));
    operation.key = random.Below(6);
    operation.argument = random.Below(4);
    if (random.OneIn(2)) operation.expected = random.Below(4);
    Perform(&recorder.Call(operation), "shared" + std::to_string(operation.key));
    recorder.Return();
    if (random.OneIn(8)) {  // neighbours, so that the page folds and splits
      const std::string key = "shared" + std::to_string(random.Below(6)) + random.Bytes(2);
      const std::string value(200, 'v');
      const auto written = engine_->Write({WriteKind::kPut, tree_, key, value}, Durability::kNone);
      ASSERT_TRUE(written.ok()) << written.status();
    }
  }
}

TEST_F(EngineConcurrencyTest, SharedKeysAreLinearizable) {
  const uint64_t histories = TestFlag("histories", 12 / std::min<uint64_t>(kSanitizerSlowdown, 4));
  for (uint64_t round = 0; round < histories && !HasFailure(); ++round) {
    for (int key = 0; key < 6; ++key) {  // histories start with absent keys
      const std::string name = "shared" + std::to_string(key);
      ASSERT_TRUE(engine_->Write({WriteKind::kDelete, tree_, name, ""}, Durability::kNone).ok());
    }
    History history;
    std::vector<History::Recorder*> recorders;
    for (uint64_t i = 0; i < kThreads; ++i) recorders.push_back(&history.NewRecorder());
    RunThreads([&](uint64_t thread) {
      SharedKeys(*recorders[thread],
                 Random(Random::Derive(TestSeed(), 100 + round * kThreads + thread)), 400);
    });
    const HistoryVerdict verdict = CheckLinearizable(history.Operations());
    ASSERT_TRUE(verdict.linearizable) << "round " << round << "\n" << verdict.explanation;
  }
  CheckVerify();
}

// Checkpoints, snapshots and structure changes beside writers: nothing is lost over a reopening.
TEST_F(EngineConcurrencyTest, MaintenanceBesideWriters) {
  const uint64_t operations = TestFlag("operations", 5'000 / kSanitizerSlowdown);
  StdPolicy::Atomic<bool> stop{false};
  std::thread maintenance([&] {
    for (int i = 0; !stop.load(std::memory_order_acquire); ++i) {
      const absl::Status written = engine_->Checkpoint();
      ASSERT_TRUE(written.ok()) << written;
      const auto other = engine_->CreateTree("other" + std::to_string(i), {});
      ASSERT_TRUE(other.ok()) << other.status();
      ASSERT_TRUE(engine_->Stats().ok());
      ASSERT_TRUE(engine_->DropTree("other" + std::to_string(i)).ok());
    }
  });
  RunThreads([&](uint64_t thread) { OwnKeys(thread, operations); });
  stop.store(true, std::memory_order_release);
  maintenance.join();
  const auto before = Describe(*engine_);
  ASSERT_TRUE(before.ok());
  ASSERT_TRUE(engine_->Close().ok());
  engine_.reset();
  auto engine = Engine::Open("/db", SmallEngineOptions(&io_));
  ASSERT_TRUE(engine.ok()) << engine.status();
  engine_ = *std::move(engine);
  const auto after = Describe(*engine_);
  ASSERT_TRUE(after.ok());
  EXPECT_TRUE(*after == *before) << before->size() << " and " << after->size() << " bytes";
}

}  // namespace
}  // namespace moraine
