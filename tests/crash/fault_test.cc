// Fails the device at one operation after the other while a small workload runs, then reopens.
//
// After a write or sync of the log failed, the engine must refuse every later commit (the kernel
// may have dropped what a retry would claim to have saved), reads must go on, and after a power cut
// and a reopening nothing that was acknowledged as durable may be missing. Flags: --stride=N (test
// every Nth operation), --seed=N.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/engine_harness.h"
#include "tests/support/simulated_io.h"

namespace moraine {
namespace {

using Kind = ModelWrite::Kind;

// What a run of the workload over a failing device came to.
struct Run {
  std::vector<std::string> states;  // after 0, 1, 2 ... attempted commits
  size_t durable = 0;               // how many were acknowledged as durable
  bool refused_later = true;        // whether everything failed after the first failure
  bool reads_went_on = true;
  absl::Status read_error;
  uint64_t faults = 0;
  uint64_t operations = 0;
};

bool IsDeviceError(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDataLoss(status) ||
         absl::IsResourceExhausted(status);
}

// One workload: the same operations for the same seed, whatever the device does.
class FaultRun {
 public:
  FaultRun(SimulatedIo& io, uint64_t seed) : io_(io), random_(seed) { model_.CreateTree("tree"); }

  // False when the fault hit before there was a tree to write to.
  bool Start() {
    EngineOptions options = SmallEngineOptions(&io_);
    options.checkpoint_on_close = false;
    absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open("/db", options);
    if (!engine.ok()) return false;
    engine_ = *std::move(engine);
    const absl::StatusOr<Tree*> tree = engine_->CreateTree("tree", {});
    if (!tree.ok()) return false;
    trees_["tree"] = *tree;
    run_.states.push_back(Describe(model_));
    return true;
  }

  Run Finish() {
    for (int i = 0; i < 80; ++i) {
      Commit();
      if (random_.OneIn(8)) static_cast<void>(engine_->Checkpoint());
      if (random_.OneIn(6)) static_cast<void>(engine_->Trim(random_.Skewed(5)));
    }
    CheckReads();
    engine_.reset();
    return std::move(run_);
  }

 private:
  void Commit() {
    std::vector<ModelWrite> writes;
    for (uint64_t count = 1 + random_.Below(3); count > 0; --count) {
      const Kind kind = random_.OneIn(4) ? Kind::kDelete : Kind::kPut;
      writes.push_back(
          {kind, "tree", "key" + std::to_string(random_.Below(12)),
           std::string(random_.Below(800), 'v') + std::to_string(random_.Below(1000))});
    }
    const auto durability = static_cast<Durability>(random_.Below(3));
    const absl::StatusOr<Lsn> position = engine_->Apply(ToOperations(writes, trees_), durability);
    // Refused because the data files cannot grow: as if it had never been asked for. Deletes go on.
    if (position.status().message().find("no space for data") != std::string_view::npos) {
      EXPECT_TRUE(absl::IsResourceExhausted(position.status())) << position.status();
      EXPECT_TRUE(std::ranges::any_of(
          writes, [](const ModelWrite& write) { return write.kind != Kind::kDelete; }));
      return;
    }
    // A commit that failed while waiting may have reached the device all the same; one that was
    // refused did not. The reference cannot tell them apart, so it keeps the first failure only.
    if (position.ok() || !failed_) {
      model_.Apply(++sequence_, writes);
      run_.states.push_back(Describe(model_));
    }
    if (!position.ok()) {
      EXPECT_TRUE(IsDeviceError(position.status())) << position.status();
      failed_ = true;
      return;
    }
    if (failed_) run_.refused_later = false;
    if (durability == Durability::kSync) run_.durable = run_.states.size() - 1;
  }

  // A failed sync of this device loses what was written before it, and with it pieces of pages that
  // are not in memory: their reads are DataLoss, never a wrong value, until the database is opened
  // again and the log replayed. A read that fails itself succeeds when it is repeated.
  void CheckReads() {
    for (int i = 0; i < 12; ++i) {
      const std::string key = "key" + std::to_string(i);
      auto value = ReadValue(*engine_, *trees_["tree"], key);
      if (absl::IsUnavailable(value.status())) value = ReadValue(*engine_, *trees_["tree"], key);
      if (value.ok() || absl::IsDataLoss(value.status())) continue;
      run_.reads_went_on = false;
      run_.read_error = value.status();
    }
  }

  SimulatedIo& io_;
  Random random_;
  ModelDatabase model_;
  std::unique_ptr<Engine> engine_;
  std::map<std::string, Tree*> trees_;
  uint64_t sequence_ = 0;
  bool failed_ = false;
  Run run_;
};

// Reopens after a power cut and compares; empty, or what is wrong.
std::string CheckAfterwards(SimulatedIo& io, const Run& run, uint64_t cut) {
  io.ClearFaults();
  io.PowerCut(cut);
  absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open("/db", SmallEngineOptions(&io));
  if (!engine.ok()) return "open: " + engine.status().ToString();
  const absl::StatusOr<std::string> state = Describe(**engine);
  if (!state.ok()) return "scan: " + state.status().ToString();
  const auto last = std::find(run.states.rbegin(), run.states.rend(), *state);
  if (last == run.states.rend()) return "the state is no prefix of the commits:\n" + *state;
  const size_t kept = static_cast<size_t>(run.states.rend() - last) - 1;
  if (kept < run.durable) {
    return "only " + std::to_string(kept) + " commits of " + std::to_string(run.durable) +
           " that were acknowledged as durable are there";
  }
  absl::StatusOr<Tree*> tree = (*engine)->OpenTree("tree");
  if (!tree.ok()) return "tree: " + tree.status().ToString();
  return (*engine)->Write({WriteKind::kPut, *tree, "new", "x"}, Durability::kSync).ok()
             ? ""
             : "not writable after reopening";
}

uint64_t OperationsWithoutFaults(uint64_t seed) {
  SimulatedOptions options;
  options.seed = seed;
  SimulatedIo io(options);
  FaultRun run(io, seed);
  EXPECT_TRUE(run.Start());
  run.Finish();
  return io.operation_count();
}

void Sweep(FaultKind kind, bool persistent, std::optional<SimulatedOperation> only) {
  const uint64_t seed = TestSeed();
  const uint64_t operations = OperationsWithoutFaults(seed);
  const uint64_t stride = TestFlag("stride", kSanitizerSlowdown);
  uint64_t faults = 0;
  for (uint64_t at = 0; at < operations; at += stride) {
    SimulatedOptions options;
    options.seed = seed;
    SimulatedIo io(options);
    io.AddFault({.kind = kind, .first_operation = at, .persistent = persistent, .only = only});
    Run run;
    {
      FaultRun workload(io, seed);
      if (!workload.Start()) continue;
      run = workload.Finish();
    }
    faults += io.fault_count();
    ASSERT_TRUE(run.refused_later) << "a commit succeeded after a failure, operation " << at;
    ASSERT_TRUE(run.reads_went_on) << "operation " << at << ": " << run.read_error;
    ASSERT_EQ(CheckAfterwards(io, run, seed + at), "") << "operation " << at;
  }
  EXPECT_GT(faults, 0u);
  std::printf("%llu faults in runs of %llu operations\n", static_cast<unsigned long long>(faults),
              static_cast<unsigned long long>(operations));
}

TEST(FaultTest, EverySyncFailsOnce) {
  Sweep(FaultKind::kDeviceError, false, SimulatedOperation::kSync);
}
TEST(FaultTest, EverySyncFailsForEver) {
  Sweep(FaultKind::kDeviceError, true, SimulatedOperation::kSync);
}
TEST(FaultTest, EveryWriteFailsOnce) {
  Sweep(FaultKind::kDeviceError, false, SimulatedOperation::kWrite);
}
TEST(FaultTest, EveryWriteFailsForEver) {
  Sweep(FaultKind::kDeviceError, true, SimulatedOperation::kWrite);
}
TEST(FaultTest, EveryOperationFailsOnce) { Sweep(FaultKind::kDeviceError, false, std::nullopt); }
TEST(FaultTest, TheDiskIsFullFromAnyOperationOn) {
  Sweep(FaultKind::kDiskFull, true, std::nullopt);
}
TEST(FaultTest, ShortWritesAreContinued) {
  Sweep(FaultKind::kShort, true, SimulatedOperation::kWrite);
}

}  // namespace
}  // namespace moraine
