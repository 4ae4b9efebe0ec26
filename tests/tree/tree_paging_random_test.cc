// A tree whose pages are flushed, evicted and loaded at random, against a map with snapshots; then a
// tree that is adopted from a copy of the disk words plus the operations since, against the same map.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "storage/tree/transaction_commit.h"
#include "tests/support/seeds.h"
#include "tests/tree/paging_fixture.h"

namespace moraine {
namespace {

using Model = std::map<std::string, std::string>;

// Appending shows every operand, their order, and one that is applied twice.
std::shared_ptr<const MergeOperator> AppendOperator() {
  for (const std::shared_ptr<const MergeOperator>& candidate : BuiltInMergeOperators()) {
    if (candidate->name() == "append") return candidate;
  }
  return nullptr;
}

struct LoggedWrite {
  VersionKind kind;
  std::string key;
  std::string value;
  uint64_t ts;
};

void ApplyTo(Model* model, VersionKind kind, const std::string& key, const std::string& value) {
  switch (kind) {
    case VersionKind::kPut:
      (*model)[key] = value;
      break;
    case VersionKind::kDelete:
      model->erase(key);
      break;
    case VersionKind::kMerge:
      (*model)[key] += value;
      break;
  }
}

class Life {
 public:
  explicit Life(uint64_t seed)
      : random_(seed),
        merge_(AppendOperator()),
        pager_(world_),
        tree_(world_.NewTree(7, merge_.get())) {}

  void Run(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) Step();
    while (!views_.empty()) CheckView(0, /*release=*/true);
    if (pager_.capturing()) pager_.Publish(*tree_);
    CheckAll();
  }
  void CheckSettled() {
    pager_.FlushAll(*tree_);
    for (PageId page : pager_.Pages()) EXPECT_FALSE(tree_->IsDirty(page, {})) << page.value();
    pager_.EvictAll(*tree_);
    for (PageId page : pager_.Pages()) {
      PageState state = world_.table().Load(page).state();
      EXPECT_TRUE(page == tree_->root() || state == PageState::kEvicted)
          << page.value() << " " << static_cast<int>(state);
    }
    CheckAll();
    ExpectSound(*tree_);
  }
  // A checkpoint at the log's tail, some more steps, a crash, and a second life.
  void CheckRecovery(int steps) {
    uint64_t position = world_.log().Tail().value();
    std::set<uint32_t> left;
    for (PageId page : pager_.Pages()) {
      if (tree_->IsDirty(page, Timestamp(position))) left.insert(page.value());
    }
    for (uint32_t page : left) {
      // Writers do not stop for a checkpoint.
      for (uint64_t i = random_.Below(3); i > 0; --i) WriteSomething();
      pager_.Flush(*tree_, PageId(page), Timestamp(position));
      // A page at rest does not know what its pieces cover.
      if (random_.OneIn(2)) static_cast<void>(tree_->Evict(PageId(page)));
    }
    // What was split off meanwhile holds nothing older, or went with the page it came from.
    DiskImage image = pager_.CopyDisk();
    for (int i = 0; i < steps; ++i) Step();
    Recover(image, position);
  }

 private:
  struct View {
    std::unique_ptr<TestSnapshot> snapshot;
    Model model;
  };

  std::string RandomKey() {
    // Some keys are hot, so that there are long chains and many versions.
    uint64_t number = random_.OneIn(3) ? random_.Below(12) : random_.Below(300);
    return Numbered(number * 37 % 300);
  }
  std::string RandomValue() {
    return std::to_string(++counter_) + "." +
           std::string(random_.OneIn(6) ? random_.Below(200) : random_.Below(12), 'v');
  }
  VersionKind RandomKind() {
    uint64_t draw = random_.Below(10);
    return draw < 5 ? VersionKind::kPut : draw < 8 ? VersionKind::kMerge : VersionKind::kDelete;
  }
  void Note(VersionKind kind, const std::string& key, const std::string& value, uint64_t ts) {
    ApplyTo(&model_, kind, key, value);
    written_.push_back({kind, key, value, ts});
  }

  void WriteSomething() {
    if (random_.OneIn(12)) return WriteBatch();
    if (random_.OneIn(10)) return UpdateOne();
    VersionKind kind = RandomKind();
    std::string key = RandomKey();
    std::string value = kind == VersionKind::kDelete ? "" : RandomValue();
    auto at = model_.find(key);
    if (kind == VersionKind::kMerge && at != model_.end() && at->second.size() > 400)
      kind = VersionKind::kPut;
    absl::StatusOr<CommitPosition> position = tree_->Write(kind, key, value);
    ASSERT_TRUE(position.ok()) << position.status();
    Note(kind, key, value, position->lsn.value());
  }
  void WriteBatch() {
    std::vector<LoggedWrite> batch;
    for (uint64_t i = 1 + random_.Below(12); i > 0; --i)
      batch.push_back({RandomKind(), RandomKey(), RandomValue(), 0});
    std::vector<TreeWrite> writes;
    for (LoggedWrite& write : batch) {
      if (write.kind == VersionKind::kDelete) write.value.clear();
      writes.push_back({tree_.get(), write.kind, write.key, write.value});
    }
    absl::StatusOr<CommitPosition> position =
        TransactionCommit(world_.environment()).Run({.writes = writes});
    ASSERT_TRUE(position.ok()) << position.status();
    for (const LoggedWrite& write : batch)
      Note(write.kind, write.key, write.value, position->lsn.value());
  }
  void UpdateOne() {
    std::string key = RandomKey();
    std::string value = RandomValue();
    std::optional<std::string> seen;
    auto function = [&](std::optional<std::string_view> current) -> UpdateDecision {
      seen = current ? std::optional(std::string(*current)) : std::nullopt;
      return {UpdateDecision::Action::kPut, value};
    };
    absl::StatusOr<std::optional<CommitPosition>> position = tree_->Update(key, function);
    ASSERT_TRUE(position.ok()) << position.status();
    auto at = model_.find(key);
    EXPECT_EQ(seen, at != model_.end() ? std::optional(at->second) : std::nullopt) << key;
    Note(VersionKind::kPut, key, value, (*position)->lsn.value());
  }

  PageId RandomPage() {
    std::vector<PageId> pages = pager_.Pages();
    return pages[random_.Below(pages.size())];
  }
  // Leaves a capture unpublished for some steps, in which its pages may split, leave and come back.
  void FlushSomething() {
    if (pager_.capturing()) {
      if (random_.OneIn(4)) return pager_.Forget();
      return pager_.Publish(*tree_);
    }
    PageId page = RandomPage();
    if (random_.OneIn(2)) {
      pager_.Flush(*tree_, page);
      return;
    }
    PageId other;
    pager_.Capture(*tree_, page, {}, &other);
  }
  void LoadSomething() {
    std::vector<PageId> pages;
    for (uint64_t i = 1 + random_.Below(6); i > 0; --i) pages.push_back(RandomPage());
    EXPECT_EQ(tree_->LoadPages(pages), absl::OkStatus());
  }

  void CheckKey(const Model& model, ReadPoint point) {
    std::string key = RandomKey();
    auto at = model.find(key);
    EXPECT_EQ(GetFrom(*tree_, key, point),
              at != model.end() ? std::optional(at->second) : std::nullopt)
        << key << " at " << point.ts;
  }
  void CheckTogether(const Model& model, ReadPoint point) {
    std::vector<std::string> keys;
    for (int i = 0; i < 20; ++i) keys.push_back(RandomKey());
    std::vector<std::string_view> views(keys.begin(), keys.end());
    std::vector<std::optional<std::string>> found(keys.size());
    EXPECT_EQ(tree_->MultiGet(
                  views, point,
                  [&](size_t index, std::string_view value) { found[index] = std::string(value); }),
              absl::OkStatus());
    for (size_t i = 0; i < keys.size(); ++i) {
      auto at = model.find(keys[i]);
      EXPECT_EQ(found[i], at != model.end() ? std::optional(at->second) : std::nullopt) << keys[i];
    }
  }
  void CheckBackwards(const Model& model, ReadPoint point) {
    TreeCursor cursor(tree_.get(), point);
    ASSERT_EQ(cursor.SeekToLast(), absl::OkStatus());
    for (auto at = model.rbegin(); at != model.rend(); ++at) {
      ASSERT_TRUE(cursor.Valid()) << at->first;
      ASSERT_EQ(cursor.key(), at->first);
      ASSERT_EQ(cursor.value(), at->second);
      ASSERT_EQ(cursor.Previous(), absl::OkStatus());
    }
    EXPECT_FALSE(cursor.Valid());
  }
  void CheckView(size_t index, bool release) {
    View& view = views_[index];
    EXPECT_EQ(ScanOf(*tree_, view.snapshot->point()), view.model);
    if (release) views_.erase(views_.begin() + static_cast<ptrdiff_t>(index));
  }
  void CheckAll() {
    EXPECT_EQ(ScanOf(*tree_, ReadPoint()), model_);
    CheckBackwards(model_, ReadPoint());
  }

  void Step() {
    uint64_t draw = random_.Below(100);
    if (draw < 50) return WriteSomething();
    if (draw < 60) return FlushSomething();
    if (draw < 74) return static_cast<void>(tree_->Evict(RandomPage()));
    if (draw < 76) return LoadSomething();
    if (draw < 90) return CheckKey(model_, ReadPoint());
    if (draw < 92) return CheckTogether(model_, ReadPoint());
    if (draw < 93 && random_.OneIn(4)) return CheckAll();
    if (draw < 96 && views_.size() < 4) {
      views_.push_back({std::make_unique<TestSnapshot>(world_), model_});
      return;
    }
    if (views_.empty()) return;
    size_t index = random_.Below(views_.size());
    if (draw < 99) return CheckKey(views_[index].model, views_[index].snapshot->point());
    CheckView(index, random_.OneIn(2));
  }

  void Recover(const DiskImage& image, uint64_t position) {
    TreeWorldOptions options;
    options.with_log = false;
    TreeWorld world(options);
    TestPager pager(world);
    pager.Restore(image);
    world.mutable_environment().recovery_position = position;
    absl::StatusOr<std::unique_ptr<Tree>> tree =
        Tree::Adopt(world.environment(), TreeId(7), merge_.get(), tree_->root());
    ASSERT_TRUE(tree.ok()) << tree.status();
    for (const DiskImage::Separator& separator : image.separators) {
      ASSERT_EQ((*tree)->PostRecovered(separator.level, separator.key, separator.page),
                absl::OkStatus());
    }
    for (const LoggedWrite& write : written_) {
      if (write.ts < position) continue;
      // Other operations of the same record may still have to come.
      world.mutable_environment().recovery_position = write.ts;
      ASSERT_EQ((*tree)->Replay(write.kind, write.key, write.value, Timestamp(write.ts)),
                absl::OkStatus());
      std::vector<PageId> pages = pager.Pages();
      PageId page = pages[random_.Below(pages.size())];
      // Memory may be short while replaying, too.
      if (random_.OneIn(3)) static_cast<void>((*tree)->Evict(page));
      if (random_.OneIn(8)) pager.Flush(**tree, page);
      // What is in memory may be newer than what is replayed.
      if (random_.OneIn(4)) {
        EXPECT_EQ((*tree)->LoadPages(std::span(&page, 1)), absl::OkStatus());
      }
    }
    EXPECT_EQ(ScanOf(**tree, ReadPoint()), model_);
    world.StartLog();
    ExpectSound(**tree);
    tree->reset();
    EXPECT_EQ(world.table().allocated_count(), 0u) << "pages that the tree does not reach";
  }

  Random random_;
  std::shared_ptr<const MergeOperator> merge_;
  TreeWorld world_;
  TestPager pager_;
  std::unique_ptr<Tree> tree_;
  Model model_;
  std::vector<LoggedWrite> written_;
  std::vector<View> views_;
  uint64_t counter_ = 0;
};

TEST(TreePagingRandomTest, ATreeWhosePagesComeAndGoIsTheModel) {
  uint64_t lives = TestFlag("lives", 40 / kSanitizerSlowdown + 1);
  for (uint64_t i = 0; i < lives; ++i) {
    SCOPED_TRACE("life " + std::to_string(i));
    Life life(Random::Derive(TestSeed(), i));
    life.Run(2500);
    life.CheckSettled();
    if (HasFailure()) return;
  }
}

TEST(TreePagingRandomTest, ACopyOfTheDiskWordsAndTheOperationsSinceAreTheModel) {
  uint64_t lives = TestFlag("lives", 40 / kSanitizerSlowdown + 1);
  for (uint64_t i = 0; i < lives; ++i) {
    SCOPED_TRACE("life " + std::to_string(i));
    Life life(Random::Derive(TestSeed(), 1000 + i));
    life.Run(1500);
    life.CheckRecovery(400);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace moraine
