// Checks how spans are cut, joined with nothing lost, and given back to the system.
#include "storage/memory/span_pool.h"

#include <cstring>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"

namespace moraine {
namespace {

TEST(SpanPoolTest, EmptyPoolHasNothing) {
  SpanPool pool;
  EXPECT_FALSE(pool.Take(4'096, 65'536));
  EXPECT_FALSE(pool.TakeAbsent(4'096, 65'536, kChunkBytes));
  EXPECT_EQ(pool.Purge(kChunkBytes), 0u);
  EXPECT_EQ(pool.mapped_bytes(), 0u);
}

TEST(SpanPoolTest, ChunkIsCutUntilNothingIsLeft) {
  SpanPool pool;
  ASSERT_TRUE(pool.MapChunk());
  EXPECT_EQ(pool.mapped_bytes(), kChunkBytes);
  uint64_t taken_bytes = 0;
  while (std::optional<Span> span = pool.Take(2'048, 65'536)) {
    std::memset(span->begin, 0x5a, span->bytes());
    taken_bytes += span->bytes();
  }
  EXPECT_EQ(taken_bytes, kChunkBytes);
  EXPECT_EQ(pool.free_bytes(), 0u);
  EXPECT_EQ(pool.span_count(), 0u);
}

TEST(SpanPoolTest, SmallestSpanThatFitsIsTaken) {
  SpanPool pool;
  ASSERT_TRUE(pool.MapChunk());
  char* chunk = pool.Take(65'536, kChunkBytes)->begin;
  pool.Put({chunk, chunk + 20'480});
  pool.Put({chunk + 65'536, chunk + 65'536 + 4'096});
  pool.Put({chunk + 131'072, chunk + 131'072 + 9'216});
  EXPECT_EQ(pool.Take(8'192, 65'536)->begin, chunk + 131'072);
  EXPECT_EQ(pool.Take(8'192, 65'536)->begin, chunk);
  EXPECT_FALSE(pool.Take(8'192, 65'536));
  EXPECT_EQ(pool.Take(4'096, 65'536)->begin, chunk + 65'536);
}

TEST(SpanPoolTest, SpansTakenBeginAtACacheLineAndTheRestStays) {
  SpanPool pool;
  ASSERT_TRUE(pool.MapChunk());
  char* chunk = pool.Take(65'536, kChunkBytes)->begin;
  pool.Put({chunk + 16, chunk + 16 + 8'192});
  EXPECT_FALSE(pool.Take(8'192, 65'536)) << "only 8144 bytes behind the cache line";
  EXPECT_EQ(pool.Take(7'168, 65'536)->begin, chunk + 64);
  EXPECT_EQ(pool.free_bytes(), 48u);
  EXPECT_EQ(pool.Drain().size(), 1u);
}

TEST(SpanPoolTest, FreeChunksAreUnmapped) {
  SpanPool pool;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(pool.MapChunk());
  const Span used = *pool.Take(65'536, 65'536);
  EXPECT_EQ(pool.UnmapFreeChunks(3 * kChunkBytes), 2 * kChunkBytes);
  EXPECT_EQ(pool.mapped_bytes(), kChunkBytes);
  EXPECT_EQ(pool.ChunkAddresses().size(), 1u);
  std::memset(used.begin, 1, used.bytes());
}

TEST(SpanPoolTest, PurgedPagesComeBackZeroedAndAreCounted) {
  SpanPool pool;
  ASSERT_TRUE(pool.MapChunk());
  const Span all = *pool.Take(65'536, kChunkBytes);
  std::memset(all.begin, 0x77, all.bytes());
  char* piece = all.begin + 4'000;
  pool.Put({piece, piece + 20'000});
  EXPECT_EQ(pool.Purge(kChunkBytes), 4u * 4'096) << "the whole pages inside the piece";
  EXPECT_EQ(pool.mapped_bytes(), kChunkBytes - 4 * 4'096);
  EXPECT_EQ(pool.free_bytes(), 20'000u - 4 * 4'096);
  EXPECT_FALSE(pool.Take(8'192, 65'536));
  EXPECT_FALSE(pool.TakeAbsent(8'192, 8'192, 4'096)) << "needs more room";
  const Span again = *pool.TakeAbsent(8'192, 8'192, 16'384);
  EXPECT_EQ(again.bytes(), 8'192u);
  EXPECT_EQ(pool.mapped_bytes(), kChunkBytes - 2 * 4'096) << "one of them in part";
  EXPECT_EQ(again.begin[0], 0x77);
  EXPECT_EQ(again.begin[4'096], 0);
  EXPECT_EQ(all.begin[0], 0x77);
  EXPECT_EQ(all.begin[24'000], 0x77);
}

// Counts must be what the spans say after any sequence of operations.
TEST(SpanPoolTest, CountsAgreeWithTheSpansAfterRandomOperations) {
  SpanPool pool;
  Random random(TestSeed());
  std::vector<Span> taken;
  uint64_t taken_bytes = 0;
  for (int round = 0; round < 20'000; ++round) {
    const size_t least = SizeClassBytes(SizeClassOf(1 + random.Below(60'000)));
    std::optional<Span> span;
    switch (random.Below(6)) {
      case 0:
        ASSERT_TRUE(taken_bytes > 16 * kChunkBytes || pool.MapChunk());
        break;
      case 1:
        pool.Purge(random.Below(100'000));
        break;
      case 2:
        span = pool.TakeAbsent(least, least, kChunkBytes);
        break;
      case 3:
      case 4:
        if (taken.empty()) break;
        std::swap(taken[random.Below(taken.size())], taken.back());
        taken_bytes -= taken.back().bytes();
        pool.Put(taken.back());
        taken.pop_back();
        break;
      default:
        span = pool.Take(least, 65'536);
    }
    if (!span) continue;
    taken.push_back(*span);
    taken_bytes += span->bytes();
    std::memset(span->begin, 1, 16);
    ASSERT_EQ(pool.free_bytes() + taken_bytes, pool.mapped_bytes());
  }
}

}  // namespace
}  // namespace moraine
