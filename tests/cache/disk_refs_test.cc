// Lists of pieces, packed and not: what goes in comes out, in the bytes that were announced.
// Flags: --seed=N.
#include "storage/cache/disk_refs.h"

#include <vector>

#include "gtest/gtest.h"

#include "tests/support/schedule.h"
#include "tests/support/seeds.h"

namespace moraine {
namespace {

PieceRef Piece(uint64_t address, uint32_t stored_bytes, uint32_t version) {
  return {{Address(address), stored_bytes}, version};
}

// Returns the bytes that the list takes.
size_t ExpectKept(const std::vector<PieceRef>& pieces) {
  const size_t bytes = DiskRefs::BytesFor(pieces);
  constexpr uint64_t kGuard = 0x1122334455667788;
  std::vector<uint64_t> memory(bytes / sizeof(uint64_t) + 1, kGuard);
  const DiskRefs* refs = DiskRefs::Make(memory.data(), pieces, 77, 76);
  EXPECT_EQ(memory.back(), kGuard);
  EXPECT_EQ(refs->bytes(), bytes);
  EXPECT_EQ(refs->count(), pieces.size());
  EXPECT_EQ(refs->covers(), 77u);
  EXPECT_EQ(refs->max_ts(), 76u);
  for (uint32_t i = 0; i < pieces.size(); ++i) EXPECT_EQ(refs->piece(i), pieces[i]) << i;
  const DiskCopy copy = DiskCopy::Of(DiskWord::Of(refs));
  EXPECT_EQ(copy.count, pieces.size());
  for (uint32_t i = 0; i < copy.count; ++i) EXPECT_EQ(copy.pieces[i], pieces[i]) << i;
  return bytes;
}

TEST(DiskRefsTest, TakesEightBytesAPieceWhereItCan) {
  constexpr uint64_t kLastAddress = ((uint64_t{1} << 38) - 1) * kPieceUnit;
  constexpr uint32_t kMostBytes = (uint32_t{1} << 26) - 1;
  EXPECT_EQ(ExpectKept({Piece(64, 1, 0)}), 32u);
  EXPECT_EQ(ExpectKept({Piece(kLastAddress, kMostBytes, UINT32_MAX - 1), Piece(64, 1, UINT32_MAX)}),
            40u);
  // Versions wrap around.
  EXPECT_EQ(ExpectKept({Piece(64, 9, UINT32_MAX), Piece(128, 8, 0), Piece(192, 7, 1)}), 48u);
  std::vector<PieceRef> most;
  for (uint32_t i = 0; i < kMostPieces; ++i)
    most.push_back(Piece(uint64_t{i + 1} << 40, 100, 5 + i));
  EXPECT_EQ(ExpectKept(most), 24 + 8 * kMostPieces);
}

TEST(DiskRefsTest, TakesSixteenWhereItMust) {
  EXPECT_EQ(ExpectKept({Piece(uint64_t{1} << 44, 1, 1)}), 40u) << "an address beyond 16 TB";
  EXPECT_EQ(ExpectKept({Piece(64, uint32_t{1} << 26, 1)}), 40u) << "a piece of 64 MB";
  EXPECT_EQ(ExpectKept({Piece(64, 1, 7), Piece(128, 1, 9)}), 56u) << "a gap between versions";
  EXPECT_EQ(ExpectKept({Piece(64, 1, 7), Piece(128, 1, 6)}), 56u);
}

TEST(DiskRefsTest, KeepsWhateverItIsGiven) {
  Random random(TestSeed());
  for (int round = 0; round < 20'000; ++round) {
    std::vector<PieceRef> pieces(1 + random.Below(kMostPieces));
    uint32_t version = static_cast<uint32_t>(random.Next());
    const uint64_t units = uint64_t{1} << (1 + random.Below(57));
    const uint64_t most_bytes = uint64_t{1} << (1 + random.Below(31));
    for (PieceRef& piece : pieces) {
      version += random.OneIn(40) ? 2 : 1;
      piece = Piece((1 + random.Below(units)) * kPieceUnit,
                    static_cast<uint32_t>(random.Below(most_bytes)), version);
    }
    ExpectKept(pieces);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace moraine
