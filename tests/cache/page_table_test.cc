// Page words as values, and the table's ids: apart by kind, reused, limited by capacity and budget.
#include "storage/cache/page_table.h"

#include <set>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "storage/cache/page_words.h"
#include "tests/support/seeds.h"

namespace moraine {
namespace {

TEST(MemWordTest, StatesRoundTrip) {
  alignas(8) char object[8];
  for (PageState state : {PageState::kFree, PageState::kBase, PageState::kStack,
                          PageState::kPartial, PageState::kEvicted, PageState::kFrozen}) {
    MemWord word = MemWord::Of(state, object);
    EXPECT_EQ(word.state(), state);
    EXPECT_EQ(word.object<char>(), object);
    EXPECT_EQ(MemWord::FromBits(word.bits()), word);
    EXPECT_EQ(word.resident(), state == PageState::kBase || state == PageState::kStack);
  }
  EXPECT_EQ(MemWord().state(), PageState::kFree);
  EXPECT_EQ(MemWord::Evicted(12345).stamp(), 12345u);
  EXPECT_EQ(MemWord::Evicted(12345).state(), PageState::kEvicted);
  EXPECT_TRUE(DiskWord().none());
}

class PageTableTest : public testing::Test {
 protected:
  std::unique_ptr<PageTable> Create(uint32_t capacity, uint64_t budget_bytes = 1 << 20) {
    budget_ = std::make_unique<MemoryBudget>(budget_bytes);
    return PageTable::Create(capacity, budget_.get()).value();
  }
  std::unique_ptr<MemoryBudget> budget_;
};

TEST_F(PageTableTest, KindsHaveRangesOfTheirOwnAndPageZeroIsNone) {
  constexpr uint32_t kCapacity = 1024;
  std::unique_ptr<PageTable> table = Create(kCapacity);
  std::set<uint32_t> inner;
  std::set<uint32_t> leaves;
  for (;;) {
    absl::StatusOr<PageId> page = table->Allocate(PageKind::kInner);
    if (!page.ok()) {
      EXPECT_EQ(page.status().code(), absl::StatusCode::kResourceExhausted);
      break;
    }
    EXPECT_TRUE(inner.insert(page->value()).second);
  }
  for (;;) {
    absl::StatusOr<PageId> page = table->Allocate(PageKind::kLeaf);
    if (!page.ok()) break;
    EXPECT_EQ(table->Load(*page), MemWord());
    EXPECT_TRUE(leaves.insert(page->value()).second);
  }
  EXPECT_EQ(inner.size() + leaves.size(), kCapacity - 1);
  EXPECT_GT(*inner.begin(), kNoPage.value());
  EXPECT_LT(*inner.rbegin(), *leaves.begin());
  EXPECT_LT(*leaves.rbegin(), kCapacity);
  EXPECT_EQ(table->inner_count(), inner.size());
  EXPECT_EQ(table->allocated_count(), inner.size() + leaves.size());
}

TEST_F(PageTableTest, FreedIdsComeBackEmptyAndOfTheirKind) {
  std::unique_ptr<PageTable> table = Create(64);
  alignas(8) char object[8];
  PageId inner = table->Allocate(PageKind::kInner).value();
  PageId leaf = table->Allocate(PageKind::kLeaf).value();
  table->StoreExclusive(inner, MemWord::Of(PageState::kBase, object));
  table->StoreExclusive(leaf, MemWord::Of(PageState::kBase, object));
  table->Free(inner);
  table->Free(leaf);
  EXPECT_EQ(table->allocated_count(), 0u);
  EXPECT_EQ(table->Allocate(PageKind::kLeaf).value(), leaf);
  EXPECT_EQ(table->Allocate(PageKind::kInner).value(), inner);
  EXPECT_EQ(table->Load(inner), MemWord());
  EXPECT_EQ(table->Load(leaf), MemWord());
}

TEST_F(PageTableTest, CompareAndSwapHandsOutWhatWasThere) {
  std::unique_ptr<PageTable> table = Create(64);
  alignas(8) char a[8];
  alignas(8) char b[8];
  PageId page = table->Allocate(PageKind::kLeaf).value();
  MemWord expected = MemWord::Of(PageState::kBase, a);
  EXPECT_FALSE(table->CompareAndSwap(page, expected, MemWord::Of(PageState::kBase, b)));
  EXPECT_EQ(expected, MemWord());
  EXPECT_TRUE(table->CompareAndSwap(page, expected, MemWord::Of(PageState::kStack, b)));
  EXPECT_EQ(table->Load(page), MemWord::Of(PageState::kStack, b));
}

TEST_F(PageTableTest, TheBudgetRefusesAndGetsEverythingBack) {
  constexpr uint64_t kEntriesBytes = 8192;  // of one charge
  std::unique_ptr<PageTable> table = Create(1 << 20, 4 * kEntriesBytes);
  uint64_t count = 0;
  while (table->Allocate(PageKind::kLeaf).ok()) ++count;
  EXPECT_EQ(count % 512, 0u);
  EXPECT_GE(count, 4u * 512);
  EXPECT_EQ(budget_->used_bytes(), count * PageTable::kPageBytes);
  EXPECT_EQ(table->Allocate(PageKind::kInner).status().code(),
            absl::StatusCode::kResourceExhausted);
  table.reset();
  EXPECT_EQ(budget_->used_bytes(), 0u);
}

// Below 64 pages the range of inner pages is empty, and page 0 was handed out as a leaf.
TEST_F(PageTableTest, ATableHasRoomForAnInnerPage) {
  budget_ = std::make_unique<MemoryBudget>(1 << 20);
  EXPECT_EQ(PageTable::Create(63, budget_.get()).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(PageTable::Create(64, budget_.get()).ok());
}

TEST_F(PageTableTest, ThreadsNeverHoldOneIdTwice) {
  std::unique_ptr<PageTable> table = Create(1 << 16, 16 << 20);
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Random random(Random::Derive(TestSeed(), t));
      std::vector<PageId> mine;
      MemWord own = MemWord::Evicted(t + 1);
      for (uint64_t i = 0; i < 20000 / kSanitizerSlowdown; ++i) {
        if (mine.size() < 50 && !random.OneIn(3)) {
          PageKind kind = random.OneIn(4) ? PageKind::kInner : PageKind::kLeaf;
          PageId page = table->Allocate(kind).value();
          MemWord empty;
          ASSERT_TRUE(table->CompareAndSwap(page, empty, own));
          mine.push_back(page);
        } else if (!mine.empty()) {
          std::swap(mine[random.Below(mine.size())], mine.back());
          ASSERT_EQ(table->Load(mine.back()), own);
          table->Free(mine.back());
          mine.pop_back();
        }
      }
      for (PageId page : mine) table->Free(page);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(table->allocated_count(), 0u);
}

}  // namespace
}  // namespace moraine
