// Chunks of the page table: what goes in comes out, and hostile bytes are refused.
#include "storage/table_chunk.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"

namespace moraine {
namespace {

std::vector<TableEntry> SomeEntries(Random& random, uint32_t chunk) {
  std::vector<TableEntry> entries;
  for (uint32_t i = 0; i < kChunkPages; ++i) {
    if (random.Below(3) == 0) continue;
    TableEntry entry;
    entry.page = PageId(chunk * kChunkPages + i);
    entry.tree = TreeId(static_cast<uint32_t>(random.Skewed(32)));
    entry.disk.count = 1 + static_cast<uint32_t>(random.Below(kMostPieces));
    if (entry.disk.count > 1 || random.Below(2) == 0) {
      entry.disk.covers = 1 + random.Skewed(63);
      entry.max_ts = random.Below(entry.disk.covers);
    }
    for (uint32_t p = 0; p < entry.disk.count; ++p) {
      entry.disk.pieces[p] = {
          {Address(kPieceUnit * (1 + random.Skewed(40))), static_cast<uint32_t>(random.Skewed(27))},
          static_cast<uint32_t>(random.Skewed(32))};
    }
    entries.push_back(entry);
  }
  return entries;
}

TEST(TableChunkTest, RoundTrips) {
  Random random(TestSeed());
  for (uint32_t chunk : {0u, 1u, 77u, (1u << 26) / kChunkPages - 1}) {
    std::vector<TableEntry> entries = SomeEntries(random, chunk);
    auto read = DecodeTableChunk(chunk, EncodeTableChunk(entries));
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_EQ(read->size(), entries.size());
    for (size_t i = 0; i < entries.size(); ++i) {
      EXPECT_EQ((*read)[i].page, entries[i].page);
      EXPECT_EQ((*read)[i].tree, entries[i].tree);
      EXPECT_EQ((*read)[i].max_ts, entries[i].max_ts);
      EXPECT_EQ((*read)[i].disk.covers, entries[i].disk.covers);
      ASSERT_EQ((*read)[i].disk.count, entries[i].disk.count);
      for (uint32_t p = 0; p < entries[i].disk.count; ++p)
        EXPECT_EQ((*read)[i].disk.pieces[p], entries[i].disk.pieces[p]);
    }
  }
  EXPECT_TRUE(DecodeTableChunk(3, "").value().empty());
}

TEST(TableChunkTest, HostileBytesNeverHarm) {
  Random random(TestSeed());
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = EncodeTableChunk(SomeEntries(random, 5));
    for (uint64_t changes = 1 + random.Below(4); changes > 0; --changes)
      bytes[random.Below(bytes.size())] = static_cast<char>(random.Below(256));
    bytes.resize(random.Below(bytes.size() + 1));
    auto read = DecodeTableChunk(5, bytes);
    if (!read.ok()) {
      ASSERT_EQ(read.status().code(), absl::StatusCode::kDataLoss);
      continue;
    }
    for (const TableEntry& entry : *read) {
      ASSERT_EQ(ChunkOf(entry.page), 5u);
      ASSERT_TRUE(entry.disk.count >= 1 && entry.disk.count <= kMostPieces);
    }
  }
}

}  // namespace
}  // namespace moraine
