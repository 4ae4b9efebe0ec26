// Random operations on the engine and on its reference, one thread: every answer is compared at
// once, everything is read back now and then, and snapshots are read as of their position until
// they are released. Pages leave memory at random. Flags: --operations=N, --seed=N.
#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/engine_harness.h"
#include "tests/support/simulated_io.h"

namespace moraine {
namespace {

using Kind = ModelWrite::Kind;

class EngineModelTest : public testing::Test {
 protected:
  void SetUp() override { Open(); }
  void TearDown() override {
    snapshots_.clear();
    engine_.reset();
  }

  void Open() {
    EngineOptions options = SmallEngineOptions(&io_);
    options.checkpoint_on_close = random_.OneIn(2);
    absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open("/db", options);
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
    for (const std::string& name : model_.TreeNames()) {
      const absl::StatusOr<Tree*> tree = engine_->OpenTree(name);
      ASSERT_TRUE(tree.ok()) << tree.status();
      trees_[name] = *tree;
    }
  }

  // Few keys that are written often, many that are not, some with long common prefixes.
  std::string RandomKey() {
    switch (random_.Below(4)) {
      case 0:
        return "hot" + std::to_string(random_.Below(8));
      case 1:
        return std::string(random_.Below(200), 'p') + std::to_string(random_.Below(100));
      case 2:
        return random_.Bytes(random_.Below(4));
      default:
        return "key" + std::to_string(random_.Below(3'000));
    }
  }

  std::string RandomTree() {
    const std::vector<std::string> names = model_.TreeNames();
    return names[random_.Below(names.size())];
  }

  ModelWrite RandomWrite() {
    ModelWrite write;
    write.tree = RandomTree();
    write.key = RandomKey();
    if (random_.OneIn(3)) {
      write.kind = Kind::kDelete;
    } else if (random_.OneIn(3)) {
      write.kind = Kind::kMerge;
      write.value = std::to_string(random_.Below(1000));
    } else {
      // Only numbers in trees whose operator reads numbers.
      write.value = std::to_string(random_.Below(1'000'000));
      if (write.tree.starts_with("append")) write.value += random_.Bytes(random_.Skewed(11));
    }
    return write;
  }

  void CheckWrites() {
    std::vector<ModelWrite> writes(random_.OneIn(3) ? 1 + random_.Below(12) : 1);
    for (ModelWrite& write : writes) write = RandomWrite();
    const auto operations = ToOperations(writes, trees_);
    const auto durability = static_cast<Durability>(random_.Below(3));
    const absl::StatusOr<Lsn> position = operations.size() == 1 && random_.OneIn(2)
                                             ? engine_->Write(operations[0], durability)
                                             : engine_->Apply(operations, durability);
    ASSERT_TRUE(position.ok()) << position.status();
    ASSERT_GT(position->value(), model_.last_position());
    model_.Apply(position->value(), writes);
  }

  void CheckUpdate() {
    const std::string name = RandomTree();
    const std::string key = RandomKey();
    const std::optional<std::string> expected = model_.Get(name, key);
    UpdateDecision decision;
    decision.action = static_cast<UpdateDecision::Action>(random_.Below(3));
    decision.value = std::to_string(random_.Below(1000));
    std::optional<std::string> seen;
    const auto position = engine_->Update(
        *trees_[name], key,
        [&](std::optional<std::string_view> current) {
          seen.reset();
          if (current) seen = std::string(*current);
          return decision;
        },
        Durability::kNone);
    ASSERT_TRUE(position.ok()) << position.status();
    ASSERT_EQ(seen, expected);
    ASSERT_EQ(position->has_value(), decision.action != UpdateDecision::Action::kKeep);
    if (!*position) return;
    const bool put = decision.action == UpdateDecision::Action::kPut;
    model_.Apply((*position)->value(), ModelWrite{put ? Kind::kPut : Kind::kDelete, name, key,
                                                  put ? decision.value : ""});
  }

  void CheckGet() {
    const std::string name = RandomTree();
    const std::string key = RandomKey();
    const auto latest = ReadValue(*engine_, *trees_[name], key);
    ASSERT_TRUE(latest.ok()) << latest.status();
    ASSERT_EQ(*latest, model_.Get(name, key)) << name << " " << key;
    if (snapshots_.empty()) return;
    const EngineSnapshot& snapshot = snapshots_[random_.Below(snapshots_.size())];
    const auto old = ReadValue(*engine_, *trees_[name], key, &snapshot);
    ASSERT_TRUE(old.ok()) << old.status();
    ASSERT_EQ(*old, model_.Get(name, key, snapshot.timestamp().value())) << name << " " << key;
  }

  // A walk that changes its direction, against a position in the reference's records.
  void CheckCursor() {
    const std::string name = RandomTree();
    const EngineSnapshot* snapshot = snapshots_.empty() || random_.OneIn(2)
                                         ? nullptr
                                         : &snapshots_[random_.Below(snapshots_.size())];
    const std::vector<ModelRecord> records = model_.Scan(
        name, "", std::nullopt, snapshot == nullptr ? kLatest : snapshot->timestamp().value());
    const auto cursor = engine_->NewCursor(*trees_[name], snapshot);
    ASSERT_TRUE(cursor.ok()) << cursor.status();
    ASSERT_FALSE((*cursor)->Valid());
    const std::string key = RandomKey();
    const auto at_or_after = std::ranges::lower_bound(records, key, {}, &ModelRecord::first);
    ptrdiff_t at = at_or_after - records.begin();
    if (random_.OneIn(2)) {
      ASSERT_TRUE((*cursor)->Seek(key).ok());
    } else {
      ASSERT_TRUE((*cursor)->SeekForPrevious(key).ok());
      if (at_or_after == records.end() || at_or_after->first != key) --at;
    }
    for (uint64_t steps = random_.Below(60);; --steps) {
      const bool inside = at >= 0 && at < static_cast<ptrdiff_t>(records.size());
      ASSERT_EQ((*cursor)->Valid(), inside) << name << " near " << key;
      if (!inside || steps == 0) return;
      ASSERT_EQ((*cursor)->key(), records[static_cast<size_t>(at)].first);
      ASSERT_EQ((*cursor)->value(), records[static_cast<size_t>(at)].second);
      const bool forward = random_.Below(3) > 0;
      ASSERT_TRUE((forward ? (*cursor)->Next() : (*cursor)->Previous()).ok());
      at += forward ? 1 : -1;
    }
  }

  void CheckEverything() {
    const absl::StatusOr<std::string> state = Describe(*engine_);
    ASSERT_TRUE(state.ok()) << state.status();
    ASSERT_EQ(*state, Describe(model_));
    for (const auto& [name, tree] : trees_) {
      const auto backward = ReadAll(*engine_, *tree, nullptr, true);
      ASSERT_TRUE(backward.ok()) << backward.status();
      ASSERT_EQ(*backward, model_.Scan(name));
      for (const EngineSnapshot& snapshot : snapshots_) {
        const auto old = ReadAll(*engine_, *tree, &snapshot, random_.OneIn(2));
        ASSERT_TRUE(old.ok()) << old.status();
        ASSERT_EQ(*old, model_.Scan(name, "", std::nullopt, snapshot.timestamp().value()));
      }
    }
    const absl::StatusOr<VerifyReport> report = engine_->Verify();
    ASSERT_TRUE(report.ok()) << report.status();
    for (const VerifyFinding& finding : report->findings) {
      ADD_FAILURE() << finding.where << ": " << finding.what;
    }
  }

  void CheckReopen() {
    snapshots_.clear();
    const absl::Status closed = engine_->Close();
    ASSERT_TRUE(closed.ok()) << closed;
    engine_.reset();
    Open();
  }

  void ChangeTrees() {
    static constexpr const char* kOperators[] = {"append", "add", "max", "min"};
    const char* merge = kOperators[random_.Below(std::size(kOperators))];
    const std::string name = merge + std::to_string(random_.Below(3));
    if (!model_.HasTree(name)) {
      const absl::StatusOr<Tree*> tree = engine_->CreateTree(name, {.merge_operator = merge});
      ASSERT_TRUE(tree.ok()) << tree.status();
      trees_[name] = *tree;
      model_.CreateTree(name, ModelMerge(merge));
    } else if (model_.TreeNames().size() > 1 && snapshots_.empty()) {
      const absl::Status dropped = engine_->DropTree(name);
      ASSERT_TRUE(dropped.ok()) << dropped;
      EXPECT_TRUE(absl::IsNotFound(engine_->OpenTree(name).status()));
      EXPECT_TRUE(absl::IsNotFound(ReadValue(*engine_, *trees_[name], "key").status()));
      trees_.erase(name);
      model_.DropTree(name);
    }
  }

  void ChangeSnapshots() {
    if (snapshots_.size() < 4 && random_.OneIn(2)) {
      absl::StatusOr<EngineSnapshot> snapshot = engine_->TakeSnapshot();
      ASSERT_TRUE(snapshot.ok()) << snapshot.status();
      ASSERT_GT(snapshot->timestamp().value(), model_.last_position());
      snapshots_.push_back(*std::move(snapshot));
    } else if (!snapshots_.empty()) {
      snapshots_.erase(snapshots_.begin() +
                       static_cast<ptrdiff_t>(random_.Below(snapshots_.size())));
    }
  }

  void OneOperation() {
    const uint64_t choice = random_.Below(1000);
    if (choice < 2) return CheckReopen();
    if (choice < 5) return CheckEverything();
    if (choice < 8) {
      const absl::Status written = engine_->Checkpoint();
      ASSERT_TRUE(written.ok()) << written;
      return;
    }
    if (choice < 12) return ChangeTrees();
    if (choice < 24) {
      // Few pages or all of them: what follows meets them on disk, or half there.
      const absl::StatusOr<uint64_t> trimmed = engine_->Trim(random_.Skewed(9));
      ASSERT_TRUE(trimmed.ok()) << trimmed.status();
      return;
    }
    if (choice < 52) return ChangeSnapshots();
    if (choice < 120) return CheckCursor();
    if (choice < 300) return CheckGet();
    if (choice < 400) return CheckUpdate();
    CheckWrites();
  }

  SimulatedIo io_{{}};
  Random random_{TestSeed()};
  ModelDatabase model_;
  std::unique_ptr<Engine> engine_;
  std::map<std::string, Tree*> trees_;
  std::deque<EngineSnapshot> snapshots_;
};

TEST_F(EngineModelTest, RandomOperationsAgreeWithTheReference) {
  while (model_.TreeNames().empty()) ChangeTrees();
  const uint64_t operations = TestFlag("operations", 20'000 / kSanitizerSlowdown);
  for (uint64_t i = 0; i < operations && !HasFailure(); ++i) {
    SCOPED_TRACE("operation " + std::to_string(i));
    OneOperation();
  }
  if (!HasFailure()) CheckEverything();
}

}  // namespace
}  // namespace moraine
