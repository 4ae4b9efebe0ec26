// Cuts the power at every write and sync boundary of small workloads and reopens what is left.
//
// A workload runs to its end once; at each boundary the simulated device hands out an image, and
// the test notes which commits had been acknowledged as durable by then. Each image then loses what
// was not synced, in several ways, and must open to
//   - exactly the state after some prefix of the commit order (so no batch is half there),
//   - one that holds every commit that was acknowledged as durable before the boundary,
//   - a database that accepts, and after another cut still has, a further durable write.
// One image in ten loses power again during its recovery. Flags: --images=N (about), --seed=N.
#include <algorithm>
#include <map>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/engine_harness.h"
#include "tests/support/simulated_io.h"

namespace moraine {
namespace {

using Kind = ModelWrite::Kind;

// A commit in the order of its position; creating and dropping trees are commits, too.
struct Commit {
  enum class What : uint8_t { kWrites, kCreateTree, kDropTree } what = What::kWrites;
  uint64_t position = 0;
  std::vector<ModelWrite> writes;
  std::string tree;
};

struct Image {
  SimulatedDisk disk;
  uint64_t durable_position;  // commits up to here were acknowledged as durable
};

// Runs operations on an engine over a simulated device and keeps the images of all its boundaries.
class Workload {
 public:
  explicit Workload(uint64_t seed) : random_(seed), io_(DeviceOptions(seed)) {
    options_ = SmallEngineOptions(&io_);
    io_.OnBoundary([this](const SimulatedBoundary& boundary) {
      images_.push_back({boundary.disk, durable_.load(std::memory_order_acquire)});
    });
  }

  ~Workload() {
    io_.OnBoundary(nullptr);
    engine_.reset();
  }

  void Open() {
    options_.checkpoint_on_close = random_.OneIn(2);
    absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open("/db", options_);
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
    for (auto& [name, tree] : trees_) tree = *engine_->OpenTree(name);
  }

  void Reopen() {
    const absl::Status closed = engine_->Close();
    ASSERT_TRUE(closed.ok()) << closed;
    engine_.reset();
    MarkDurable(commits_.empty() ? 0 : commits_.back().position);
    Open();
  }

  void CreateTree(const std::string& name) {
    absl::StatusOr<Tree*> tree = engine_->CreateTree(name, {.merge_operator = "append"});
    ASSERT_TRUE(tree.ok()) << tree.status();
    trees_[name] = *tree;
    RecordStructure(Commit::What::kCreateTree, name);
  }

  void DropTree(const std::string& name) {
    const absl::Status dropped = engine_->DropTree(name);
    ASSERT_TRUE(dropped.ok()) << dropped;
    trees_.erase(name);
    RecordStructure(Commit::What::kDropTree, name);
  }

  // Any thread, as long as nobody changes the set of trees.
  void Commits(std::vector<ModelWrite> writes, Durability durability) {
    const std::vector<WriteOperation> operations = ToOperations(writes, trees_);
    const absl::StatusOr<Lsn> position = operations.size() == 1
                                             ? engine_->Write(operations[0], durability)
                                             : engine_->Apply(operations, durability);
    ASSERT_TRUE(position.ok()) << position.status();
    {
      MutexLock lock(mutex_);
      commits_.push_back({Commit::What::kWrites, position->value(), std::move(writes), ""});
    }
    if (durability == Durability::kSync) MarkDurable(position->value());
  }

  void Flush() {
    const uint64_t position = commits_.back().position;
    const absl::Status flushed = engine_->Flush();
    ASSERT_TRUE(flushed.ok()) << flushed;
    MarkDurable(position);
  }

  void Checkpoint() {
    const uint64_t position = commits_.empty() ? 0 : commits_.back().position;
    const absl::Status written = engine_->Checkpoint();
    ASSERT_TRUE(written.ok()) << written;
    MarkDurable(position);
  }

  // Pages leave memory: what follows is written onto pages on disk.
  void Trim() {
    const absl::StatusOr<uint64_t> trimmed = engine_->Trim(random_.Skewed(6));
    ASSERT_TRUE(trimmed.ok()) << trimmed.status();
  }

  Random& random() { return random_; }
  std::vector<Commit> SortedCommits() const {
    std::vector<Commit> sorted = commits_;
    std::ranges::sort(sorted, {}, &Commit::position);
    return sorted;
  }
  // Ends the collection: the log's flusher may still be at work.
  const std::vector<Image>& FinishImages() {
    io_.OnBoundary(nullptr);
    return images_;
  }

 private:
  static SimulatedOptions DeviceOptions(uint64_t seed) {
    SimulatedOptions options;
    options.seed = seed;
    return options;
  }

  void MarkDurable(uint64_t position) {
    uint64_t before = durable_.load(std::memory_order_relaxed);
    while (before < position &&
           !durable_.compare_exchange_weak(before, position, std::memory_order_release,
                                           std::memory_order_relaxed)) {
    }
  }

  // The catalog's own position is not reported, but lies behind every earlier commit's.
  void RecordStructure(Commit::What what, const std::string& name) {
    const uint64_t position = commits_.empty() ? 1 : commits_.back().position + 1;
    commits_.push_back({what, position, {}, name});
    MarkDurable(position);
  }

  Random random_;
  SimulatedIo io_;
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
  std::map<std::string, Tree*> trees_;
  Mutex mutex_;
  std::vector<Commit> commits_;
  StdPolicy::Atomic<uint64_t> durable_{0};
  std::vector<Image> images_;
};

// The states that recovery may show, by their description.
class Oracle {
 public:
  explicit Oracle(const std::vector<Commit>& commits) {
    ModelDatabase model;
    states_[Describe(model)].push_back(0);
    uint64_t sequence = 0;
    for (const Commit& commit : commits) {
      switch (commit.what) {
        case Commit::What::kWrites:
          model.Apply(++sequence, commit.writes);
          break;
        case Commit::What::kCreateTree:
          model.CreateTree(commit.tree, ModelMerge("append"));
          break;
        case Commit::What::kDropTree:
          model.DropTree(commit.tree);
          break;
      }
      positions_.push_back(commit.position);
      states_[Describe(model)].push_back(positions_.size());
    }
  }

  // Empty, or why `state` is not allowed.
  std::string Judge(const std::string& state, uint64_t durable_position) const {
    const size_t required = static_cast<size_t>(
        std::ranges::upper_bound(positions_, durable_position) - positions_.begin());
    auto found = states_.find(state);
    if (found == states_.end()) return "the state is no prefix of the commit order:\n" + state;
    if (found->second.back() >= required) return "";
    return "only " + std::to_string(found->second.back()) + " commits of " +
           std::to_string(required) + " that were acknowledged as durable are there";
  }

 private:
  std::vector<uint64_t> positions_;
  std::unordered_map<std::string, std::vector<size_t>> states_;
};

// Opens `disk` and checks it; `nested` receives an image from within the recovery, if it asks.
std::string CheckImage(const SimulatedDisk& disk, const Oracle& oracle, uint64_t durable_position,
                       Random& random, std::vector<SimulatedDisk>* nested) {
  SimulatedIo io({}, disk);
  if (nested != nullptr) {
    io.OnBoundary(
        [nested](const SimulatedBoundary& boundary) { nested->push_back(boundary.disk); });
  }
  EngineOptions options = SmallEngineOptions(&io);
  options.checkpoint_on_close = random.OneIn(2);
  absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open("/db", options);
  if (!engine.ok()) return "open: " + engine.status().ToString();
  const absl::StatusOr<std::string> state = Describe(**engine);
  if (!state.ok()) return "scan: " + state.status().ToString();
  const std::string verdict = oracle.Judge(*state, durable_position);
  if (!verdict.empty()) return verdict;
  if (random.OneIn(20)) {
    absl::StatusOr<VerifyReport> report = (*engine)->Verify();
    if (!report.ok()) return "verify: " + report.status().ToString();
    if (!report->findings.empty()) {
      return "verify: " + report->findings[0].where + ": " + report->findings[0].what;
    }
  }
  if (nested != nullptr) {
    io.OnBoundary(nullptr);
    static_cast<void>((*engine)->Close());
    return "";
  }
  // A new durable write must survive the next cut.
  absl::StatusOr<Tree*> tree = (*engine)->CreateTree("after the cut", {});
  if (!tree.ok()) return "create: " + tree.status().ToString();
  const absl::StatusOr<Lsn> written =
      (*engine)->Write({WriteKind::kPut, *tree, "key", "value"}, Durability::kSync);
  if (!written.ok()) return "write: " + written.status().ToString();
  if (random.OneIn(4)) {
    engine->reset();
  } else {
    io.StopAtBoundary(io.boundary_count());
    engine->reset();
  }
  io.PowerCut(random.Next());
  engine = Engine::Open("/db", options);
  if (!engine.ok()) return "second open: " + engine.status().ToString();
  const absl::StatusOr<std::string> later = Describe(**engine);
  if (!later.ok()) return "second scan: " + later.status().ToString();
  const std::string added = "tree after the cut\nkey = value\n";
  const size_t at = later->find(added);
  if (at == std::string::npos) return "the write after the cut is lost";
  return std::string(*later).erase(at, added.size()) == *state ? "" : "other records changed";
}

uint64_t ImageBudget() { return TestFlag("images", 39'000 / kSanitizerSlowdown) / 13; }

// Cuts, reopens and judges: about `budget` images, spread evenly over the boundaries.
void CheckAllImages(Workload& workload, uint64_t seed) {
  const Oracle oracle(workload.SortedCommits());
  const std::vector<Image>& images = workload.FinishImages();
  ASSERT_FALSE(images.empty());
  Random random(seed);
  const uint64_t variants = std::max<uint64_t>(1, ImageBudget() / images.size());
  const uint64_t stride = std::max<uint64_t>(1, images.size() / ImageBudget());
  uint64_t checked = 0;
  for (size_t i = random.Below(stride); i < images.size(); i += stride) {
    for (uint64_t variant = 0; variant < variants; ++variant) {
      const uint64_t cut = seed + variant;
      const SimulatedDisk left = images[i].disk.SurvivePowerCut(PowerCutPlan::FromSeed(cut));
      const bool twice = checked % 10 == 9;
      std::vector<SimulatedDisk> nested;
      std::string error =
          CheckImage(left, oracle, images[i].durable_position, random, twice ? &nested : nullptr);
      ++checked;
      if (error.empty() && !nested.empty()) {
        const SimulatedDisk& during = nested[random.Below(nested.size())];
        error = CheckImage(during.SurvivePowerCut(PowerCutPlan::FromSeed(random.Next())), oracle,
                           images[i].durable_position, random, nullptr);
        ++checked;
      }
      ASSERT_EQ(error, "") << "boundary " << i << " of " << images.size() << ", cut " << cut
                           << (twice ? ", twice" : "");
    }
  }
  std::printf("%llu images of %zu boundaries\n", static_cast<unsigned long long>(checked),
              images.size());
}

ModelWrite RandomWrite(Random& random, const std::string& tree, size_t value_bytes) {
  ModelWrite write;
  const uint64_t choice = random.Below(10);
  write.kind = choice < 6 ? Kind::kPut : choice < 8 ? Kind::kDelete : Kind::kMerge;
  write.tree = tree;
  write.key = "key" + std::to_string(random.Below(40));
  write.value =
      std::to_string(random.Next() % 100'000) + std::string(random.Below(value_bytes), '.');
  return write;
}

Durability RandomDurability(Random& random) { return static_cast<Durability>(random.Below(3)); }

class PowerCutTest : public testing::TestWithParam<int> {
 protected:
  uint64_t seed() const { return Random::Derive(TestSeed(), static_cast<uint64_t>(GetParam())); }
};

// Single puts, deletes and merges of every durability.
TEST_P(PowerCutTest, SingleOperations) {
  Workload workload(seed());
  workload.Open();
  workload.CreateTree("a");
  for (int i = 0; i < 60; ++i) {
    workload.Commits({RandomWrite(workload.random(), "a", 30)},
                     RandomDurability(workload.random()));
  }
  CheckAllImages(workload, seed());
}

TEST_P(PowerCutTest, BatchesAcrossTrees) {
  Workload workload(seed());
  workload.Open();
  workload.CreateTree("a");
  workload.CreateTree("b");
  Random& random = workload.random();
  for (int i = 0; i < 40; ++i) {
    std::vector<ModelWrite> writes;
    for (uint64_t count = 2 + random.Below(8); count > 0; --count) {
      writes.push_back(RandomWrite(random, random.OneIn(2) ? "a" : "b", 60));
    }
    workload.Commits(std::move(writes), RandomDurability(random));
  }
  CheckAllImages(workload, seed());
}

TEST_P(PowerCutTest, CheckpointsFlushesAndReopening) {
  Workload workload(seed());
  workload.Open();
  workload.CreateTree("a");
  Random& random = workload.random();
  for (int i = 0; i < 70; ++i) {
    workload.Commits({RandomWrite(random, "a", 200)}, RandomDurability(random));
    if (random.OneIn(10)) workload.Checkpoint();
    if (random.OneIn(10)) workload.Flush();
    if (random.OneIn(6)) workload.Trim();
    if (random.OneIn(15)) workload.Reopen();
    if (HasFatalFailure()) return;
  }
  CheckAllImages(workload, seed());
}

TEST_P(PowerCutTest, TreesComeAndGo) {
  Workload workload(seed());
  workload.Open();
  Random& random = workload.random();
  std::vector<std::string> trees;
  for (int i = 0; i < 60; ++i) {
    if (trees.empty() || random.OneIn(6)) {
      trees.push_back("tree" + std::to_string(i));
      workload.CreateTree(trees.back());
    } else if (random.OneIn(10)) {
      workload.DropTree(trees.back());
      trees.pop_back();
    } else {
      workload.Commits({RandomWrite(random, trees[random.Below(trees.size())], 30)},
                       RandomDurability(random));
    }
    if (random.OneIn(15)) workload.Checkpoint();
    if (random.OneIn(12)) workload.Trim();
    if (HasFatalFailure()) return;
  }
  CheckAllImages(workload, seed());
}

// Leaves that split, lie on disk in fragments, and are written to there.
TEST_P(PowerCutTest, PagesInFragments) {
  Workload workload(seed());
  workload.Open();
  workload.CreateTree("a");
  Random& random = workload.random();
  for (int i = 0; i < 24; ++i) {
    std::vector<ModelWrite> writes;
    for (uint64_t count = 1 + random.Below(20); count > 0; --count) {
      writes.push_back(RandomWrite(random, "a", 150));
      writes.back().key += std::string(1, static_cast<char>('a' + random.Below(8)));
    }
    workload.Commits(std::move(writes), RandomDurability(random));
    if (random.OneIn(3)) workload.Trim();
    if (random.OneIn(5)) workload.Checkpoint();
    if (random.OneIn(12)) workload.Reopen();
    if (HasFatalFailure()) return;
  }
  CheckAllImages(workload, seed());
}

// Values beyond a leaf, beyond a log record's chunk, and beyond a log segment.
TEST_P(PowerCutTest, LargeValuesAndManySegments) {
  Workload workload(seed());
  workload.Open();
  workload.CreateTree("a");
  workload.CreateTree("b");
  Random& random = workload.random();
  for (int i = 0; i < 14; ++i) {
    std::vector<ModelWrite> writes = {RandomWrite(random, "a", 3'000)};
    if (random.OneIn(3)) {
      writes.push_back(
          {Kind::kPut, "b", "large", std::string(20'000 + random.Below(150'000), 'x')});
    }
    workload.Commits(std::move(writes), RandomDurability(random));
    if (random.OneIn(8)) workload.Checkpoint();
    if (HasFatalFailure()) return;
  }
  CheckAllImages(workload, seed());
}

TEST_P(PowerCutTest, AFewThreads) {
  Workload workload(seed());
  workload.Open();
  workload.CreateTree("a");
  workload.CreateTree("b");
  std::vector<std::thread> threads;
  for (uint64_t thread = 0; thread < 3; ++thread) {
    threads.emplace_back([&workload, thread, from = seed()] {
      Random random(Random::Derive(from, thread));
      for (int i = 0; i < 20; ++i) {
        std::vector<ModelWrite> writes = {RandomWrite(random, "a", 50)};
        if (random.OneIn(2)) writes.push_back(RandomWrite(random, "b", 50));
        workload.Commits(std::move(writes), RandomDurability(random));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CheckAllImages(workload, seed());
}

INSTANTIATE_TEST_SUITE_P(Seeds, PowerCutTest, testing::Range(0, 2));

}  // namespace
}  // namespace moraine
