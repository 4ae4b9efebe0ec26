// Folding against a list of all versions: what registered snapshots read never changes, what no
// snapshot needs goes away, tombstones vanish, merges fold. Pages are built by the tree itself and
// folded at its own pace; each round takes and releases random snapshots.
#include "storage/tree/page_contents.h"

#include <algorithm>
#include <list>
#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"
#include "tests/tree/tree_fixture.h"

namespace moraine {
namespace {

// Appending shows every operand and their order.
std::shared_ptr<const MergeOperator> Append() {
  for (const std::shared_ptr<const MergeOperator>& candidate : BuiltInMergeOperators()) {
    if (candidate->name() == "append") return candidate;
  }
  return nullptr;
}

TEST(KeepInRunTest, KeepsWhatAReaderOrAKeptMergeNeeds) {
  Random random(TestSeed());
  for (int round = 0; round < 3000; ++round) {
    PruneView prune;
    prune.horizon = 40 + random.Below(40);
    for (uint64_t s = 1; s < prune.horizon; ++s) {
      if (random.OneIn(12)) prune.active.push_back(s);
    }
    std::vector<KeyVersion> group(1 + random.Below(6));
    uint64_t ts = 100;
    for (KeyVersion& version : group) {
      version.ts = ts -= 1 + random.Below(20) % ts;
      version.kind = static_cast<VersionKind>(1 + random.Below(3));
    }
    std::vector<bool> keep;
    KeepInRun(group, prune, &keep);
    // What each reader combines: from the first version below it down to the first that is no merge.
    std::vector<bool> needed(group.size(), false);
    needed[0] = true;
    std::vector<uint64_t> readers = prune.active;
    for (uint64_t s = prune.horizon; s <= 101; ++s) readers.push_back(s);
    for (uint64_t s : readers) {
      size_t at = 0;
      while (at < group.size() && group[at].ts >= s) ++at;
      for (; at < group.size(); ++at) {
        needed[at] = true;
        if (group[at].kind != VersionKind::kMerge) break;
      }
    }
    for (size_t i = 0; i < group.size(); ++i) {
      ASSERT_TRUE(keep[i] || !needed[i]) << "round " << round << ", version " << i;
    }
  }
}

class FoldingTest : public testing::Test {
 protected:
  using Versions = std::vector<std::pair<uint64_t, std::optional<std::string>>>;  // by timestamp
  struct Held {
    SnapshotRegistry::Slot* slot;
    ReadPoint point;
  };

  FoldingTest() : merge_(Append()), tree_(world_.NewTree(1, merge_.get())) {}
  ~FoldingTest() override {
    while (!held_.empty()) ReleaseOne(0);
  }
  void Write(VersionKind kind, const std::string& key, const std::string& value) {
    absl::StatusOr<CommitPosition> position = tree_->Write(kind, key, value);
    ASSERT_TRUE(position.ok()) << position.status();
    Versions& versions = model_[key];
    std::optional<std::string> now;
    if (kind == VersionKind::kPut) now = value;
    if (kind == VersionKind::kMerge)
      now = (versions.empty() ? "" : versions.back().second.value_or("")) + value;
    versions.emplace_back(position->lsn.value(), now);
  }
  void TakeOne() {
    Held held{};
    held.slot = world_.snapshots().Take(&world_.log(), &held.point.ts);
    held_.push_back(held);
  }
  void ReleaseOne(size_t index) {
    world_.snapshots().Release(held_[index].slot);
    held_.erase(held_.begin() + static_cast<ptrdiff_t>(index));
  }
  std::map<std::string, std::string> ModelAt(ReadPoint point) const {
    std::map<std::string, std::string> all;
    for (const auto& [key, versions] : model_) {
      std::optional<std::string> value;
      for (const auto& [ts, now] : versions) {
        if (ts < point.ts) value = now;
      }
      if (value) all[key] = *value;
    }
    return all;
  }
  void ExpectReads(ReadPoint point) {
    std::map<std::string, std::string> expected = ModelAt(point);
    ASSERT_EQ(ScanOf(*tree_, point), expected);
    for (const auto& [key, versions] : model_) {
      auto at = expected.find(key);
      ASSERT_EQ(GetFrom(*tree_, key, point),
                at == expected.end() ? std::nullopt : std::optional(at->second));
    }
  }
  // Gets that find layers over a block fold them, one in 32.
  void FoldAll() {
    for (int i = 0; i < 40; ++i) {
      for (const auto& [key, versions] : model_) GetFrom(*tree_, key);
    }
  }
  uint64_t EntriesInMemory() {
    uint64_t pages = 0;
    uint64_t entries = 0;
    tree_->Verify([](std::string, std::string) { FAIL(); }, &pages, &entries);
    return entries;
  }

  TreeWorld world_;
  std::shared_ptr<const MergeOperator> merge_;
  std::unique_ptr<Tree> tree_;
  std::map<std::string, Versions> model_;
  std::vector<Held> held_;
};

TEST_F(FoldingTest, RegisteredSnapshotsReadTheSameForEver) {
  Random random(Random::Derive(TestSeed(), 1));
  for (uint64_t i = 0; i < 6000 / kSanitizerSlowdown; ++i) {
    std::string key = Numbered(random.Below(60));
    VersionKind kind = static_cast<VersionKind>(1 + random.Below(3));
    Write(kind, key, std::string(1 + random.Below(3), static_cast<char>('a' + i % 26)));
    if (random.OneIn(40) && held_.size() < 8) TakeOne();
    if (random.OneIn(50) && !held_.empty()) ReleaseOne(random.Below(held_.size()));
    if (i % 150 != 0) continue;
    ExpectReads(ReadPoint());
    for (const Held& held : held_) ExpectReads(held.point);
    if (HasFatalFailure()) FAIL() << "after " << i << " writes";
  }
  ExpectSound(*tree_);
}

TEST_F(FoldingTest, WithoutSnapshotsOneEntryAKeyIsLeft) {
  for (int i = 0; i < 4000; ++i)
    Write(i % 3 == 0 ? VersionKind::kMerge : VersionKind::kPut,
          Numbered(static_cast<uint64_t>(i) % 50), "v" + std::to_string(i));
  FoldAll();
  // A page is folded when it has enough above its block; a version and its successor may wait.
  EXPECT_LE(EntriesInMemory(), 50u);
  ExpectReads(ReadPoint());
}

TEST_F(FoldingTest, EachSnapshotKeepsAtMostOneVersionMoreOfAKey) {
  for (int round = 0; round < 40; ++round) {
    for (int repeat = 0; repeat < 3; ++repeat) {
      for (uint64_t k = 0; k < 20; ++k)
        Write(VersionKind::kPut, Numbered(k), std::to_string(round));
    }
    if (round % 10 == 5) TakeOne();
  }
  for (uint64_t k = 0; k < 20; ++k) Write(VersionKind::kPut, Numbered(k), "last");
  FoldAll();
  EXPECT_EQ(held_.size(), 4u);
  for (const Held& held : held_) ExpectReads(held.point);
  EXPECT_LE(EntriesInMemory(), 20u * 5);
  // The middle ones go first: what only they needed goes, what older ones need stays.
  ReleaseOne(2);
  ReleaseOne(1);
  for (uint64_t k = 0; k < 20; ++k) {
    for (int i = 0; i < 20; ++i) Write(VersionKind::kPut, Numbered(k), "after");
  }
  FoldAll();
  for (const Held& held : held_) ExpectReads(held.point);
  EXPECT_LE(EntriesInMemory(), 20u * 3);
}

TEST_F(FoldingTest, TombstonesGoWhenNoSnapshotSeesWhatTheyCover) {
  for (uint64_t k = 0; k < 40; ++k) Write(VersionKind::kPut, Numbered(k), "v");
  TakeOne();
  for (uint64_t k = 0; k < 40; ++k) Write(VersionKind::kDelete, Numbered(k), "");
  FoldAll();
  ExpectReads(held_[0].point);
  ExpectReads(ReadPoint());
  ReleaseOne(0);
  for (int round = 0; round < 10; ++round) {
    for (uint64_t k = 0; k < 40; ++k) Write(VersionKind::kDelete, Numbered(k), "");
  }
  FoldAll();
  EXPECT_EQ(tree_->Stats().records, 0u);
  EXPECT_EQ(EntriesInMemory(), 0u);
  ExpectReads(ReadPoint());
}

// An aborted transaction's version whose owner has not stamped it yet counts as undecided, since the
// owner will write to it: folding carries it on. Only the stamp makes it garbage.
TEST(CollectAboveTest, AnAbortedVersionGoesOnlyWhenItsOwnerHasStampedIt) {
  BlockSpec spec;
  std::string block(BlockBytes(spec, {}), '\0');
  BuildBlock(spec, {}, block.data());
  StatusObject status(8, 0);
  alignas(Version) char version_memory[64] = {};
  alignas(Delta) char delta_memory[64] = {};
  static_assert(Delta::Bytes(1) <= sizeof(delta_memory));
  Version* version = new (version_memory) Version;
  // order: relaxed: one thread
  version->ts.store(TsWord::Owned(&status).bits(), std::memory_order_relaxed);
  version->kind = VersionKind::kPut;
  Delta* delta = new (delta_memory) Delta;
  delta->base = block.data();
  delta->count = 1;
  delta->versions[0] = version;
  PageScratch scratch;
  auto collect = [&] {
    CollectAbove({block.data(), nullptr, delta}, DeltaView::kDecided, ReadPoint(), nullptr, true,
                 &scratch);
  };
  ASSERT_TRUE(Abort(status.word));
  collect();
  EXPECT_EQ(scratch.undecided.size(), 1u);
  EXPECT_TRUE(scratch.aborted.empty());
  Stamp(*version, TsWord::Aborted());
  collect();
  EXPECT_TRUE(scratch.undecided.empty());
  EXPECT_EQ(scratch.aborted.size(), 1u);
}

}  // namespace
}  // namespace moraine
