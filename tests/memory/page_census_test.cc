// Checks the census against a map of single bytes: spans cover every whole page, reach on exactly
// over the pieces that straddle their ends, and no piece is in a span and outside of one.
#include "storage/memory/page_census.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"

namespace moraine {
namespace {

// The census only calculates with addresses; nothing lies at these.
char* At(uint64_t offset) { return reinterpret_cast<char*>(uintptr_t{kChunkBytes} * 8 + offset); }

TEST(PageCensusTest, PieceWithoutAWholePageStaysWhatItIs) {
  PageCensus census({At(0)}, PageCensus::Alone::kKeep);
  census.Add(At(100 * 16), 6'000);
  EXPECT_FALSE(census.Absorb(At(100 * 16), 6'000));
  EXPECT_TRUE(census.Spans().empty());
}

TEST(PageCensusTest, SpanReachesOnIntoThePiecesAtItsEnds) {
  PageCensus census({At(0)}, PageCensus::Alone::kKeep);
  census.Add(At(4'000), 4'016);
  census.Add(At(8'016), 8'000);
  census.Add(At(16'016), 32);  // touches the span, but fills no page with it
  EXPECT_TRUE(census.Absorb(At(4'000), 4'016));
  EXPECT_TRUE(census.Absorb(At(8'016), 8'000));
  EXPECT_FALSE(census.Absorb(At(16'016), 32));
  const std::vector<Span> spans = census.Spans();
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(spans[0].begin, At(4'000));
  EXPECT_EQ(spans[0].end, At(16'016));
}

TEST(PageCensusTest, LargePieceAloneIsKeptUnlessAskedFor) {
  for (const auto alone : {PageCensus::Alone::kKeep, PageCensus::Alone::kAbsorb}) {
    PageCensus census({At(0)}, alone);
    census.Add(At(20'000), 16'000);
    census.Add(At(36'000), 512);  // beside it, in a page that is not whole
    EXPECT_EQ(census.Absorb(At(20'000), 16'000), alone == PageCensus::Alone::kAbsorb);
    EXPECT_FALSE(census.Absorb(At(36'000), 512));
    EXPECT_EQ(census.Spans().size(), alone == PageCensus::Alone::kAbsorb ? 1u : 0u);
  }
}

TEST(PageCensusTest, SpansEndAtTheirChunk) {
  PageCensus census({At(0), At(kChunkBytes)}, PageCensus::Alone::kAbsorb);
  for (const uint64_t offset : {uint64_t{0}, uint64_t{kChunkBytes}}) {
    census.Add(At(offset), kChunkBytes);
    EXPECT_TRUE(census.Absorb(At(offset), kChunkBytes));
  }
  const std::vector<Span> spans = census.Spans();
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[0].end, spans[1].begin);
}

TEST(PageCensusDeathTest, MemoryThatIsFreeTwiceIsABug) {
  PageCensus census({At(0)}, PageCensus::Alone::kKeep);
  census.Add(At(0), 4'096);
  EXPECT_DEATH(census.Add(At(4'080), 16), "");
}

struct Piece {
  uint64_t begin;
  uint64_t bytes;
};

// Three chunks cut into pieces of all sizes, of which a random share is free.
std::vector<Piece> FreePieces(Random& random) {
  std::vector<Piece> pieces;
  const uint64_t most_units = uint64_t{1} << (2 + random.Below(10));
  const uint64_t free_share = 1 + random.Below(40);
  for (uint64_t chunk = 0; chunk < 3; ++chunk) {
    for (uint64_t at = 0; at < kChunkBytes;) {
      const uint64_t bytes = std::min(16 * (1 + random.Below(most_units)), kChunkBytes - at);
      if (!random.OneIn(free_share)) pieces.push_back({chunk * kChunkBytes + at, bytes});
      at += bytes;
    }
  }
  return pieces;
}

TEST(PageCensusTest, AgreesWithAMapOfBytes) {
  Random random(TestSeed());
  for (int round = 0; round < 30; ++round) {
    const std::vector<Piece> pieces = FreePieces(random);
    std::vector<bool> is_free(3 * kChunkBytes / 16);
    PageCensus census({At(0), At(kChunkBytes), At(2 * kChunkBytes)},
                      random.OneIn(2) ? PageCensus::Alone::kKeep : PageCensus::Alone::kAbsorb);
    for (const Piece& piece : pieces) {
      census.Add(At(piece.begin), piece.bytes);
      std::fill_n(is_free.begin() + static_cast<ptrdiff_t>(piece.begin / 16), piece.bytes / 16,
                  true);
    }
    std::vector<bool> covered(is_free.size());
    uint64_t absorbed_bytes = 0;
    for (const Piece& piece : pieces) {
      if (census.Absorb(At(piece.begin), piece.bytes)) {
        absorbed_bytes += piece.bytes;
      } else {
        std::fill_n(covered.begin() + static_cast<ptrdiff_t>(piece.begin / 16), piece.bytes / 16,
                    true);
      }
    }
    for (const Span& span : census.Spans()) {
      absorbed_bytes -= span.bytes();
      for (const char* at = span.begin; at != span.end; at += 16) {
        const auto unit = static_cast<size_t>(at - At(0)) / 16;
        ASSERT_FALSE(covered[unit]) << "given twice";
        covered[unit] = true;
      }
    }
    EXPECT_EQ(absorbed_bytes, 0u);
    EXPECT_EQ(covered, is_free);
  }
}

TEST(PageCensusTest, EveryWholePageIsInASpan) {
  Random random(TestSeed());
  for (int round = 0; round < 30; ++round) {
    const std::vector<Piece> pieces = FreePieces(random);
    std::vector<uint32_t> free_bytes(3 * kPagesPerChunk);
    PageCensus census({At(0), At(kChunkBytes), At(2 * kChunkBytes)}, PageCensus::Alone::kAbsorb);
    for (const Piece& piece : pieces) {
      census.Add(At(piece.begin), piece.bytes);
      for (uint64_t at = piece.begin; at < piece.begin + piece.bytes; at += 16)
        free_bytes[at / kSystemPageBytes] += 16;
    }
    for (const Piece& piece : pieces) census.Absorb(At(piece.begin), piece.bytes);
    const auto wanted = std::count(free_bytes.begin(), free_bytes.end(), kSystemPageBytes);
    ptrdiff_t found = 0;
    for (const Span& span : census.Spans()) {
      const auto begin = static_cast<size_t>(span.begin - At(0));
      const auto end = static_cast<size_t>(span.end - At(0));
      found += static_cast<ptrdiff_t>(end / kSystemPageBytes) -
               static_cast<ptrdiff_t>((begin + kSystemPageBytes - 1) / kSystemPageBytes);
    }
    EXPECT_EQ(found, wanted);
  }
}

}  // namespace
}  // namespace moraine
