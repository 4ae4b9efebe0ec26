// Writers, readers, a pager, an evictor and a loader at once: nobody's write is lost or counted
// twice, pairs written together are seen together, and snapshots stay as they are, while pages split,
// leave memory and come back.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "storage/sync/atomic.h"
#include "storage/tree/transaction_commit.h"
#include "tests/support/schedule.h"
#include "tests/support/seeds.h"
#include "tests/tree/paging_fixture.h"

namespace moraine {
namespace {

constexpr uint64_t kWriters = 3;
constexpr uint64_t kKeysPerWriter = 120;
constexpr uint64_t kPairs = 24;
constexpr uint64_t kCounters = 6;

// Keys of all kinds lie among each other, so that every page has some of each.
std::string OwnKey(uint64_t writer, uint64_t i) {
  return Numbered(i * 10) + "." + std::to_string(writer);
}
std::string PairKey(uint64_t i, const char* half) { return Numbered(i * 50) + half; }
std::string CounterKey(uint64_t i) { return Numbered(i * 200) + "counter"; }

class Crowd {
 public:
  explicit Crowd(uint64_t seed)
      : seed_(seed),
        operators_(BuiltInMergeOperators()),
        pager_(world_),
        tree_(world_.NewTree(3, operators_.front().get())),
        own_(kWriters),
        counted_(kWriters, std::vector<uint64_t>(kCounters)) {}

  void Run(uint64_t rounds) {
    rounds_ = rounds;
    std::vector<std::thread> threads;
    for (uint64_t i = 0; i < kWriters; ++i)
      threads.emplace_back([this, i] { Work(i, [&](Random& random) { WriteOne(i, random); }); });
    auto other = [&](void (Crowd::*step)(Random&)) {
      uint64_t index = threads.size();
      threads.emplace_back([this, index, step] {
        Random random(Random::Derive(seed_, index));
        AtomicJitter jitter(random.Next());
        // order: acquire <- CrowdTest::Done [T1]
        while (writing_.load(std::memory_order_acquire) != 0) (this->*step)(random);
      });
    };
    other(&Crowd::ReadOne);
    other(&Crowd::ReadOne);
    other(&Crowd::FlushOne);
    other(&Crowd::EvictOne);
    other(&Crowd::LoadOne);
    for (std::thread& thread : threads) thread.join();
  }

  void CheckEnd() {
    for (uint64_t writer = 0; writer < kWriters; ++writer) {
      for (uint64_t i = 0; i < kKeysPerWriter; ++i) {
        std::string key = OwnKey(writer, i);
        auto at = own_[writer].find(key);
        EXPECT_EQ(GetFrom(*tree_, key),
                  at != own_[writer].end() ? std::optional(at->second) : std::nullopt)
            << key;
      }
    }
    for (uint64_t i = 0; i < kCounters; ++i) {
      uint64_t total = 0;
      for (const std::vector<uint64_t>& counts : counted_) total += counts[i];
      std::optional<std::string> value = GetFrom(*tree_, CounterKey(i));
      EXPECT_EQ(value.value_or("0"), std::to_string(total)) << i;
    }
    CheckPairs(ReadPoint());
    std::map<std::string, std::string> before = ScanOf(*tree_, ReadPoint());
    pager_.FlushAll(*tree_);
    EXPECT_GT(pager_.EvictAll(*tree_), 0u);
    EXPECT_EQ(ScanOf(*tree_, ReadPoint()), before);
    ExpectSound(*tree_);
  }
  uint64_t loads() const { return loads_; }

 private:
  template <class Step>
  void Work(uint64_t index, Step step) {
    Random random(Random::Derive(seed_, index));
    AtomicJitter jitter(random.Next());
    for (uint64_t round = 0; round < rounds_; ++round) step(random);
    // order: release -> CrowdTest::Done [T1]
    writing_.fetch_sub(1, std::memory_order_acq_rel);
  }

  void WriteOne(uint64_t writer, Random& random) {
    uint64_t draw = random.Below(10);
    if (draw < 6) {
      std::string key = OwnKey(writer, random.Below(kKeysPerWriter));
      if (random.OneIn(5)) {
        ASSERT_TRUE(tree_->Write(VersionKind::kDelete, key, "").ok());
        own_[writer].erase(key);
        return;
      }
      std::string value = std::to_string(random.Next()) + std::string(random.Below(40), 'x');
      ASSERT_TRUE(tree_->Write(VersionKind::kPut, key, value).ok());
      own_[writer][key] = value;
    } else if (draw < 8) {
      uint64_t counter = random.Below(kCounters);
      ASSERT_TRUE(tree_->Write(VersionKind::kMerge, CounterKey(counter), "1").ok());
      ++counted_[writer][counter];
    } else {
      std::string left = PairKey(random.Below(kPairs), "left");
      std::string right = left.substr(0, left.size() - 4) + "right";
      std::string value = std::to_string(random.Next());
      TreeWrite writes[] = {{tree_.get(), VersionKind::kPut, left, value},
                            {tree_.get(), VersionKind::kPut, right, value}};
      ASSERT_TRUE(TransactionCommit(world_.environment()).Run({.writes = writes}).ok());
    }
  }
  void CheckPairs(ReadPoint point) {
    std::map<std::string, std::string> all = ScanOf(*tree_, point);
    for (uint64_t i = 0; i < kPairs; ++i)
      EXPECT_EQ(all[PairKey(i, "left")], all[PairKey(i, "right")]) << i << " at " << point.ts;
  }
  void ReadOne(Random& random) {
    TestSnapshot snapshot(world_);
    uint64_t pair = random.Below(kPairs);
    std::optional<std::string> left = GetFrom(*tree_, PairKey(pair, "left"), snapshot.point());
    uint64_t counter = random.Below(kCounters);
    std::optional<std::string> count = GetFrom(*tree_, CounterKey(counter), snapshot.point());
    if (random.OneIn(8)) CheckPairs(snapshot.point());
    EXPECT_EQ(GetFrom(*tree_, PairKey(pair, "right"), snapshot.point()), left);
    EXPECT_EQ(GetFrom(*tree_, CounterKey(counter), snapshot.point()), count);
    std::optional<std::string> later = GetFrom(*tree_, CounterKey(counter));
    EXPECT_GE(std::stoull(later.value_or("0")), std::stoull(count.value_or("0")));
  }
  PageId RandomPage(Random& random) {
    std::vector<PageId> pages = pager_.Pages();
    return pages[random.Below(pages.size())];
  }
  void FlushOne(Random& random) { pager_.Flush(*tree_, RandomPage(random)); }
  void EvictOne(Random& random) { tree_->Evict(RandomPage(random)); }
  void LoadOne(Random& random) {
    std::this_thread::yield();
    PageId page = RandomPage(random);
    // A page of a split that failed may be gone by now.
    absl::Status loaded = tree_->LoadPages(std::span(&page, 1));
    EXPECT_TRUE(loaded.ok() || absl::IsDataLoss(loaded)) << loaded;
    ++loads_;
  }

  const uint64_t seed_;
  uint64_t rounds_ = 0;
  std::vector<std::shared_ptr<const MergeOperator>> operators_;  // the first one adds
  TreeWorld world_;
  TestPager pager_;
  std::unique_ptr<Tree> tree_;
  Atomic<uint64_t> writing_{kWriters};
  std::vector<std::map<std::string, std::string>> own_;
  std::vector<std::vector<uint64_t>> counted_;
  uint64_t loads_ = 0;
};

TEST(TreePagingStressTest, NothingIsLostOrCountedTwice) {
  uint64_t crowds = TestFlag("crowds", kSanitizerSlowdown == 1 ? 12 : 3);
  for (uint64_t i = 0; i < crowds; ++i) {
    SCOPED_TRACE("crowd " + std::to_string(i));
    Crowd crowd(Random::Derive(TestSeed(), i));
    crowd.Run(2000);
    crowd.CheckEnd();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace moraine
