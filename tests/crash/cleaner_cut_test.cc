// Cuts the power at the write and sync boundaries of a database that is compacted and cleaned all
// the time, and fails the device there: what is left must open to the state after some prefix of the
// commits, no shorter than what was acknowledged as durable.
//
// The values do not compress and the segments are small, so that the pieces of a page are spread
// over several, and most of what is written is moved before the end. Flags: --images=N (about),
// --stride=N, --seed=N.
#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "gtest/gtest.h"

#include "storage/sync/atomic.h"
#include "tests/support/engine_harness.h"
#include "tests/support/simulated_io.h"

namespace moraine {
namespace {

using Kind = ModelWrite::Kind;

struct Image {
  SimulatedDisk disk;
  size_t durable = 0;  // commits that were acknowledged as durable
};

// The states after 0, 1, 2 ... commits, by what they look like.
class States {
 public:
  void Add(const ModelDatabase& model) { indices_[Describe(model)] = count_++; }
  // Empty, or what is wrong with `state`.
  std::string Judge(const std::string& state, size_t durable) const {
    auto found = indices_.find(state);
    if (found == indices_.end()) return "no prefix of the commits";
    if (found->second >= durable) return "";
    return "only " + std::to_string(found->second) + " of " + std::to_string(durable) +
           " durable commits";
  }

 private:
  std::unordered_map<std::string, size_t> indices_;
  size_t count_ = 0;
};

EngineOptions Options(Io* io) {
  EngineOptions options = SmallEngineOptions(io);
  options.data_segment_bytes = 64 << 10;
  options.space_fill = 0.6;
  return options;
}

// Commits, and everything that moves pages, at random.
class CleaningRun {
 public:
  CleaningRun(SimulatedIo& io, uint64_t seed) : io_(io), random_(seed) {
    model_.CreateTree("tree");
  }

  bool Open() {
    absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open("/db", Options(&io_));
    if (!engine.ok()) return false;
    engine_ = *std::move(engine);
    absl::StatusOr<Tree*> tree = engine_->CreateTree("tree", {});
    if (!tree.ok()) return false;
    tree_ = *tree;
    states_.Add(model_);
    return true;
  }

  // Until `steps` are done, or something fails.
  void Run(int steps) {
    for (int step = 0; step < steps && failure_.ok(); ++step) {
      Commit();
      if (failure_.ok() && random_.OneIn(6)) Move();
    }
  }
  void Close() { engine_.reset(); }

  const States& states() const { return states_; }
  size_t durable() const { return durable_.load(std::memory_order_acquire); }
  const absl::Status& failure() const { return failure_; }
  uint64_t cleaned() { return engine_->Space()->segments_cleaned; }

 private:
  void Commit() {
    ModelWrite write;
    write.kind = random_.OneIn(4) ? Kind::kDelete : Kind::kPut;
    write.tree = "tree";
    write.key = "key" + std::to_string(random_.Below(150));
    write.value = random_.Bytes(random_.Below(900));
    model_.Apply(++commits_, {write});
    states_.Add(model_);
    const bool sync = random_.OneIn(3);
    absl::StatusOr<Lsn> position = engine_->Apply(ToOperations({&write, 1}, {{"tree", tree_}}),
                                                  sync ? Durability::kSync : Durability::kNone);
    failure_ = position.status();
    if (failure_.ok() && sync) durable_.store(commits_, std::memory_order_release);
  }

  void Move() {
    switch (random_.Below(4)) {
      case 0:
        failure_ = engine_->Trim(random_.Skewed(6)).status();
        break;
      case 1:
        failure_ = engine_->Checkpoint();
        if (failure_.ok()) durable_.store(commits_, std::memory_order_release);
        break;
      default:
        failure_ = engine_->Compact([](const CompactProgress&) { return true; });
    }
  }

  SimulatedIo& io_;
  Random random_;
  std::unique_ptr<Engine> engine_;
  Tree* tree_ = nullptr;
  ModelDatabase model_;
  States states_;
  size_t commits_ = 0;
  StdPolicy::Atomic<size_t> durable_{0};
  absl::Status failure_;
};

// Opens the disk; empty, or what is wrong.
std::string Check(SimulatedIo& io, const States& states, size_t durable) {
  absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open("/db", Options(&io));
  if (!engine.ok()) return "open: " + engine.status().ToString();
  absl::StatusOr<std::string> state = Describe(**engine);
  if (!state.ok()) return "scan: " + state.status().ToString();
  std::string verdict = states.Judge(*state, durable);
  if (!verdict.empty()) return verdict;
  absl::StatusOr<VerifyReport> report = (*engine)->Verify();
  if (!report.ok()) return "verify: " + report.status().ToString();
  if (!report->findings.empty()) return report->findings[0].where + ": " + report->findings[0].what;
  absl::Status compacted = (*engine)->Compact([](const CompactProgress&) { return true; });
  if (!compacted.ok()) return "compact: " + compacted.ToString();
  absl::StatusOr<std::string> later = Describe(**engine);
  if (!later.ok()) return "second scan: " + later.status().ToString();
  return *later == *state ? "" : "compaction changed records";
}

class CleanerCutTest : public testing::TestWithParam<int> {
 protected:
  uint64_t seed() const { return Random::Derive(TestSeed(), static_cast<uint64_t>(GetParam())); }
};

TEST_P(CleanerCutTest, NothingIsLostWhereverThePowerGoes) {
  std::vector<Image> images;
  SimulatedIo io({});
  CleaningRun run(io, seed());
  ASSERT_TRUE(run.Open());
  io.OnBoundary([&](const SimulatedBoundary& boundary) {
    images.push_back({boundary.disk, run.durable()});
  });
  run.Run(500);
  io.OnBoundary(nullptr);
  ASSERT_TRUE(run.failure().ok()) << run.failure();
  EXPECT_GT(run.cleaned(), 5u);
  run.Close();
  const uint64_t budget = TestFlag("images", 6000 / kSanitizerSlowdown) / 4;
  const uint64_t stride = std::max<uint64_t>(1, images.size() / budget);
  Random random(seed());
  uint64_t checked = 0;
  for (size_t i = random.Below(stride); i < images.size(); i += stride) {
    const uint64_t cut = random.Next();
    SimulatedIo left({}, images[i].disk.SurvivePowerCut(PowerCutPlan::FromSeed(cut)));
    ASSERT_EQ(Check(left, run.states(), images[i].durable), "")
        << "boundary " << i << " of " << images.size() << ", cut " << cut;
    ++checked;
  }
  std::printf("%llu images of %zu boundaries\n", static_cast<unsigned long long>(checked),
              images.size());
}

// The device fails at one operation, once or from then on; then the power is cut.
TEST_P(CleanerCutTest, NothingIsLostWhateverFails) {
  uint64_t operations = 0;
  {
    SimulatedIo io({});
    CleaningRun run(io, seed());
    ASSERT_TRUE(run.Open());
    run.Run(100);
    operations = io.operation_count();
  }
  const uint64_t stride =
      TestFlag("stride", std::max<uint64_t>(1, operations * kSanitizerSlowdown / 60));
  Random random(seed());
  for (uint64_t at = random.Below(stride); at < operations; at += stride) {
    FaultRule rule;
    rule.kind = random.OneIn(2) ? FaultKind::kDeviceError : FaultKind::kDiskFull;
    rule.persistent = random.OneIn(2);
    rule.first_operation = at;
    SimulatedIo io({});
    io.AddFault(rule);
    CleaningRun run(io, seed());
    if (!run.Open()) continue;
    run.Run(100);
    const size_t durable = run.durable();
    run.Close();
    io.ClearFaults();
    io.PowerCut(random.Next());
    ASSERT_EQ(Check(io, run.states(), durable), "")
        << "operation " << at << " of " << operations << (rule.persistent ? " and later" : "");
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, CleanerCutTest, testing::Range(0, 4));

}  // namespace
}  // namespace moraine
