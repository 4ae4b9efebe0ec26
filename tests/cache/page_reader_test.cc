// Pages come back whole, in one submission; damage stays with the page it is in.
#include "storage/cache/page_reader.h"

#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "storage/io/aligned_buffer.h"
#include "tests/support/seeds.h"
#include "tests/support/simulated_io.h"

namespace moraine {
namespace {

class PageReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = *io_.OpenDirectory("store", true);
    SegmentStoreOptions options;
    options.database_id = {1, 2};
    options.segment_bytes = 256 << 10;
    options.file_bytes = 4 << 20;
    store_ = *SegmentStore::Open(io_, *directory_, options, "", nullptr);
    reader_ = *PageReader::Create(io_, *store_, 2, &budget_);
  }

  void TearDown() override {
    reader_.reset();
    EXPECT_EQ(budget_.used_bytes(), 0);
  }

  static std::string Payload(uint32_t page, uint32_t piece, size_t bytes) {
    std::string text = absl::StrCat("page ", page, " piece ", piece, ";");
    Random random(page * 16 + piece);
    while (text.size() < bytes) text += random.OneIn(2) ? random.Bytes(8) : "eightbyt";
    text.resize(bytes);
    return text;
  }

  PieceRef Append(PieceHeader header, std::string_view payload) {
    absl::StatusOr<PieceLocation> location = store_->Append(
        header.kind == PieceKind::kBase ? Stream::kHot : Stream::kFragments, header, payload);
    EXPECT_TRUE(location.ok()) << location.status();
    return {*location, header.version};
  }

  // A page of a base and fragments, written; the load names it.
  PageLoad MakePage(uint32_t page, uint32_t fragments, size_t base_bytes = 6000) {
    std::vector<PieceRef> pieces;
    for (uint32_t i = 0; i <= fragments; ++i) {
      PieceHeader header;
      header.kind = i == 0 ? PieceKind::kBase : PieceKind::kFragment;
      header.page = PageId(page);
      header.tree = TreeId(3);
      header.version = 70000 + i;
      header.from = i == 0 ? 0 : 1000 + i - 1;
      header.covers = 1000 + i;
      pieces.push_back(Append(header, Payload(page, i, i == 0 ? base_bytes : 100 + i * 50)));
    }
    std::vector<uint64_t>& memory = lists_.emplace_back(DiskRefs::BytesFor(pieces) / 8);
    DiskWord word =
        DiskWord::Of(DiskRefs::Make(memory.data(), pieces, 1000 + fragments, 1000 + fragments - 1));
    if (fragments == 0) {
      if (auto packed = DiskWord::Packed(pieces[0])) word = *packed;
    }
    return {PageId(page), TreeId(3), DiskCopy::Of(word), absl::OkStatus(), {}};
  }

  static void ExpectWhole(const PageLoad& load, size_t base_bytes = 6000) {
    ASSERT_TRUE(load.status.ok()) << load.status;
    ASSERT_EQ(load.pieces.size(), load.disk.count);
    for (uint32_t i = 0; i < load.pieces.size(); ++i) {
      EXPECT_EQ(load.pieces[i].payload,
                Payload(load.page.value(), i, i == 0 ? base_bytes : 100 + i * 50));
      EXPECT_EQ(load.pieces[i].header.covers, 1000 + i);
    }
  }

  void Damage(const PieceLocation& location) {
    const PieceExtent extent = store_->Locate(location);
    AlignedBuffer buffer(extent.size);
    ASSERT_TRUE(io_.ReadFully(*extent.file, extent.offset, buffer.data(), extent.size).ok());
    buffer.data()[extent.skip + location.stored_bytes / 2] ^= 1;
    ASSERT_TRUE(io_.WriteFully(*extent.file, extent.offset, buffer.data(), extent.size).ok());
  }

  SimulatedIo io_{{.seed = TestSeed(), .delay_completions = true}};
  MemoryBudget budget_{64 << 20};
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<SegmentStore> store_;
  std::unique_ptr<PageReader> reader_;
  std::deque<std::vector<uint64_t>> lists_;  // behind the disk words
};

TEST_F(PageReaderTest, GathersAllPiecesOfAllPagesInOneSubmission) {
  std::vector<PageLoad> loads;
  uint64_t pieces = 0;
  for (uint32_t page = 1; page <= 12; ++page) {
    loads.push_back(MakePage(page, page % (kMostFragments + 1)));
    pieces += loads.back().disk.count;
  }
  ASSERT_TRUE(store_->Write().ok());
  reader_->Read(loads);
  for (const PageLoad& load : loads) ExpectWhole(load);
  EXPECT_EQ(reader_->stats().submissions, 1);
  EXPECT_EQ(reader_->stats().pages, 12);
  EXPECT_EQ(reader_->stats().pieces, pieces);
}

TEST_F(PageReaderTest, PackedWordsAreEnough) {
  std::vector<PageLoad> loads = {MakePage(1, 0), MakePage(2, 0, 100), MakePage(3, 0, 90000)};
  ASSERT_TRUE(store_->Write().ok());
  ASSERT_TRUE(loads[0].disk.word.packed());
  ASSERT_TRUE(loads[2].disk.word.packed());
  EXPECT_EQ(loads[0].disk.pieces[0].version, 70000 & 0xffff);
  reader_->Read(loads);
  ExpectWhole(loads[0]);
  ExpectWhole(loads[1], 100);
  ExpectWhole(loads[2], 90000);
}

TEST_F(PageReaderTest, LargeRequestsGoInRounds) {
  std::vector<PageLoad> loads;
  for (uint32_t page = 1; page <= 300; ++page) loads.push_back(MakePage(page, 0, 500));
  loads.push_back(MakePage(301, 2, 3 << 20));  // larger than any round
  for (uint32_t page = 302; page <= 310; ++page) loads.push_back(MakePage(page, 1, 250 << 10));
  ASSERT_TRUE(store_->Write().ok());
  reader_->Read(loads);
  for (uint32_t i = 0; i < loads.size(); ++i) {
    ExpectWhole(loads[i], i < 300 ? 500 : i == 300 ? 3 << 20 : 250 << 10);
  }
  EXPECT_GE(reader_->stats().submissions, 5);
  EXPECT_LE(reader_->stats().submissions, 9);
  EXPECT_LE(budget_.used_bytes(), 1 << 20);  // what was needed for the largest is given back
}

TEST_F(PageReaderTest, DamageStaysWithItsPage) {
  std::vector<PageLoad> loads = {MakePage(1, 3), MakePage(2, 3), MakePage(3, 3)};
  ASSERT_TRUE(store_->Write().ok());
  Damage(loads[1].disk.pieces[2].location);
  reader_->Read(loads);
  ExpectWhole(loads[0]);
  ExpectWhole(loads[2]);
  EXPECT_TRUE(absl::IsDataLoss(loads[1].status)) << loads[1].status;
  EXPECT_TRUE(absl::StrContains(std::string(loads[1].status.message()), "data-00000000: offset"))
      << loads[1].status;
  EXPECT_EQ(reader_->stats().submissions, 2);  // once more for the damaged piece
}

TEST_F(PageReaderTest, AFailedReadIsTriedOnceMore) {
  std::vector<PageLoad> loads = {MakePage(1, 3), MakePage(2, 3)};
  ASSERT_TRUE(store_->Write().ok());
  io_.AddFault({.kind = FaultKind::kDeviceError,
                .first_operation = io_.operation_count() + 3,
                .only = SimulatedOperation::kRead});
  reader_->Read(loads);
  EXPECT_EQ(io_.fault_count(), 1);
  for (const PageLoad& load : loads) ExpectWhole(load);
  io_.AddFault({.kind = FaultKind::kDeviceError,
                .first_operation = io_.operation_count(),
                .persistent = true,
                .only = SimulatedOperation::kRead});
  reader_->Read(loads);
  for (const PageLoad& load : loads) {
    EXPECT_TRUE(absl::IsUnavailable(load.status)) << load.status;
  }
  io_.ClearFaults();
  reader_->Read(loads);
  for (const PageLoad& load : loads) ExpectWhole(load);
}

TEST_F(PageReaderTest, PiecesOfOthersAreRefused) {
  std::vector<PageLoad> loads;
  for (uint32_t page = 1; page <= 6; ++page) loads.push_back(MakePage(page, 3));
  const PageLoad foreign = MakePage(100, 3);
  ASSERT_TRUE(store_->Write().ok());
  loads[0].disk.pieces[1] = foreign.disk.pieces[1];  // another page's
  loads[1].tree = TreeId(4);                         // another tree's
  loads[2].disk.pieces[3].version += 0x10000;        // another version, of the same low bits
  std::swap(loads[3].disk.pieces[1], loads[3].disk.pieces[2]);  // out of order
  loads[4].disk.pieces[1] = loads[4].disk.pieces[2];            // one missing
  loads[4].disk.pieces[2] = loads[4].disk.pieces[3];
  loads[4].disk.count = 3;
  loads[5].disk.pieces[0] = loads[5].disk.pieces[1];  // no base
  reader_->Read(loads);
  for (const PageLoad& load : loads) {
    EXPECT_TRUE(absl::IsDataLoss(load.status)) << load.page.value() << " " << load.status;
  }
}

TEST_F(PageReaderTest, WordsThatNameNothingAreErrors) {
  std::vector<PageLoad> loads = {MakePage(1, 1), MakePage(2, 1), MakePage(3, 1), MakePage(4, 1)};
  ASSERT_TRUE(store_->Write().ok());
  loads[0].disk = DiskCopy();
  loads[1].disk.pieces[0].location.address = Address(uint64_t{1} << 43);  // no such file
  loads[2].disk.pieces[1].location.address = Address((4 << 20) - 4096);   // behind the file's end
  reader_->Read(loads);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(absl::IsDataLoss(loads[i].status)) << loads[i].status;
  ExpectWhole(loads[3]);
}

TEST_F(PageReaderTest, LivesWithLittleMemory) {
  std::vector<PageLoad> loads;
  for (uint32_t page = 1; page <= 40; ++page) loads.push_back(MakePage(page, 0, 20000));
  ASSERT_TRUE(store_->Write().ok());
  // Room for a buffer of the least size, no more.
  ASSERT_TRUE(
      budget_.Charge((64 << 20) + (8 << 20) + (1 << 20) - (100 << 10), ChargeKind::kReserve));
  reader_->Read(loads);
  for (const PageLoad& load : loads) ExpectWhole(load, 20000);
  EXPECT_GE(reader_->stats().submissions, 8);  // one, with more memory
  std::vector<PageLoad> large = {MakePage(50, 0, 200000), MakePage(51, 0, 500)};
  ASSERT_TRUE(store_->Write().ok());
  reader_->Read(large);
  EXPECT_TRUE(absl::IsResourceExhausted(large[0].status)) << large[0].status;
  ExpectWhole(large[1], 500);
  budget_.Release((64 << 20) + (8 << 20) + (1 << 20) - (100 << 10));
}

TEST_F(PageReaderTest, ManyThreadsShareFewQueues) {
  std::vector<PageLoad> pages;
  for (uint32_t page = 1; page <= 64; ++page) pages.push_back(MakePage(page, page % 4));
  ASSERT_TRUE(store_->Write().ok());
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      Random random(Random::Derive(TestSeed(), t));
      for (int i = 0; i < 50; ++i) {
        std::vector<PageLoad> loads;
        for (uint64_t n = 1 + random.Below(5); n > 0; --n) {
          loads.push_back(pages[random.Below(pages.size())]);
        }
        reader_->Read(loads);
        for (const PageLoad& load : loads) ExpectWhole(load);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace moraine
