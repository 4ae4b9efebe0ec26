// The contract of storage/segments/segment_store.h, held on every backend.
#include "storage/segments/segment_store.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "gtest/gtest.h"

#include "storage/io/aligned_buffer.h"
#include "storage/io/io.h"
#include "storage/memory/memory_budget.h"
#include "tests/segments/store_fixture.h"
#include "tests/support/seeds.h"
#include "tests/support/simulated_io.h"

namespace moraine {
namespace {

class SegmentStoreTest : public testing::TestWithParam<StoreBackend> {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<Io>> io = GetParam().create();
    ASSERT_TRUE(io.ok()) << io.status();
    io_ = *std::move(io);
    if (io_->backend() != GetParam().backend) GTEST_SKIP() << io_->fallback_reason();
    std::string path = "store";
    if (GetParam().backend != IoBackend::kSimulated) path = FreshDirectory("segment_store");
    absl::StatusOr<std::unique_ptr<Directory>> directory = io_->OpenDirectory(path, true);
    ASSERT_TRUE(directory.ok()) << directory.status();
    directory_ = *std::move(directory);
    Open("");
  }

  void TearDown() override {
    store_.reset();
    EXPECT_EQ(budget_.used_bytes(), 0);
  }

  void Open(std::string_view state, SegmentStoreOptions options = SmallStore()) {
    store_.reset();
    absl::StatusOr<std::unique_ptr<SegmentStore>> store =
        SegmentStore::Open(*io_, *directory_, options, state, &budget_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  void Fill(uint64_t bytes) {
    const uint64_t end = model_.live_bytes() + bytes;
    while (model_.live_bytes() < end) {
      absl::Status status = model_.AppendRandom(*store_, random_);
      ASSERT_TRUE(status.ok()) << status;
    }
  }

  std::string Checkpoint() {
    absl::StatusOr<std::string> state = TakeCheckpoint(*store_);
    EXPECT_TRUE(state.ok()) << state.status();
    return state.ok() ? *state : "";
  }

  MemoryBudget budget_{64 << 20};
  Random random_{TestSeed()};
  std::unique_ptr<Io> io_;
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<SegmentStore> store_;
  StoreModel model_;
};

INSTANTIATE_TEST_SUITE_P(Backends, SegmentStoreTest, testing::ValuesIn(StoreBackends()),
                         [](const auto& backend) { return backend.param.name; });

TEST_P(SegmentStoreTest, ReadsWhatWasWritten) {
  Fill(3 << 20);
  ASSERT_TRUE(store_->Write().ok());
  absl::Status status = model_.Check(*io_, *store_);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(store_->stats().live_bytes, model_.live_bytes());
  EXPECT_EQ(store_->stats().appended_pieces, model_.pieces().size());
}

TEST_P(SegmentStoreTest, SmallPiecesCostOneBlock) {
  Fill(1 << 20);
  for (const ModelPiece& piece : model_.pieces()) {
    const PieceExtent extent = store_->Locate(piece.location);
    const uint64_t bytes = piece.location.stored_bytes;
    EXPECT_EQ(extent.size, (bytes + kIoAlignment - 1) / kIoAlignment * kIoAlignment) << bytes;
    EXPECT_EQ(extent.offset % kIoAlignment, 0);
    if (piece.header.kind == PieceKind::kBase || bytes > kIoAlignment) {
      EXPECT_EQ(piece.location.address.value() % kSectorBytes, 0);
    }
  }
}

TEST_P(SegmentStoreTest, AppendingGoesOnBehindACheckpoint) {
  Fill(200 << 10);
  std::string state = Checkpoint();
  const uint64_t segments = store_->stats().segments;
  // Opened again and again with little between: no segment is begun for each time.
  for (int i = 0; i < 20; ++i) {
    Open(state);
    ASSERT_TRUE(model_.Adopt(*store_).ok());
    EXPECT_EQ(store_->stats().live_bytes, model_.live_bytes());
    ASSERT_TRUE(model_.Append(*store_, Stream::kHot, PieceKind::kBase, "few bytes").ok());
    state = Checkpoint();
    absl::Status status = model_.Check(*io_, *store_);
    ASSERT_TRUE(status.ok()) << status;
  }
  EXPECT_LE(store_->stats().segments, segments + 2);
}

TEST_P(SegmentStoreTest, OpensWithWhatTheCheckpointNames) {
  Fill(1 << 20);
  const std::string state = Checkpoint();
  StoreModel kept = model_;
  Fill(1 << 20);  // behind the checkpoint: as if it had never been
  ASSERT_TRUE(store_->Write().ok());
  Open(state);
  absl::Status status = kept.Adopt(*store_);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(store_->stats().live_bytes, kept.live_bytes());
  model_ = kept;
  Fill(1 << 20);
  ASSERT_TRUE(store_->Write().ok());
  status = model_.Check(*io_, *store_);
  EXPECT_TRUE(status.ok()) << status;
}

TEST_P(SegmentStoreTest, ReusesSegmentsOnlyAfterTheCheckpoint) {
  Fill(1 << 20);
  Checkpoint();
  const uint64_t file_bytes = store_->stats().file_bytes;
  std::set<uint64_t> old;
  for (const SegmentInfo& segment : store_->Segments()) {
    if (!segment.open) old.insert(segment.index);
  }
  model_.ReleaseAll(*store_);
  Fill(512 << 10);
  for (const ModelPiece& piece : model_.pieces()) {
    EXPECT_FALSE(old.contains(piece.location.address.value() / SmallStore().segment_bytes));
  }
  EXPECT_GT(store_->stats().file_bytes, file_bytes);
  Checkpoint();
  EXPECT_GE(store_->stats().free_segments, 1);
  Fill(512 << 10);
  EXPECT_TRUE(std::any_of(model_.pieces().begin(), model_.pieces().end(), [&](const auto& piece) {
    return old.contains(piece.location.address.value() / SmallStore().segment_bytes);
  }));
  ASSERT_TRUE(store_->Write().ok());
  absl::Status status = model_.Check(*io_, *store_);
  EXPECT_TRUE(status.ok()) << status;
}

// A piece released between the copy of the page table and the state is still in the copy.
TEST_P(SegmentStoreTest, AStateNamesWhatDiedAfterTheCopy) {
  Fill(512 << 10);
  ASSERT_TRUE(store_->Write().ok());
  const StoreModel copy = model_;
  store_->BeginState();
  model_.ReleaseAll(*store_);
  const std::string state = store_->EncodeState();
  ASSERT_TRUE(store_->Sync().ok());
  ASSERT_TRUE(store_->StateIsDurable().ok());
  Fill(512 << 10);  // must not touch what the copy names
  ASSERT_TRUE(store_->Write().ok());
  Open(state);
  absl::Status status = copy.Adopt(*store_);
  EXPECT_TRUE(status.ok()) << status;
  status = copy.Check(*io_, *store_);
  EXPECT_TRUE(status.ok()) << status;
}

// The same for an engine that does not say when it copies.
TEST_P(SegmentStoreTest, WithoutBeginStateWhatDiedLatelyIsNamed) {
  Fill(512 << 10);
  ASSERT_TRUE(store_->Write().ok());
  const StoreModel copy = model_;
  model_.ReleaseAll(*store_);
  const std::string state = store_->EncodeState();
  ASSERT_TRUE(store_->StateIsDurable().ok());
  EXPECT_EQ(store_->stats().free_segments, 0);
  Open(state);
  absl::Status status = copy.Adopt(*store_);
  EXPECT_TRUE(status.ok()) << status;
  status = copy.Check(*io_, *store_);
  EXPECT_TRUE(status.ok()) << status;
}

TEST_P(SegmentStoreTest, AStateMayComeBeforeTheWrite) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(model_.Append(*store_, Stream::kFragments, PieceKind::kFragment, "a few").ok());
  }
  const std::string state = store_->EncodeState();
  ASSERT_TRUE(model_.Append(*store_, Stream::kFragments, PieceKind::kFragment, "behind it").ok());
  EXPECT_NE(model_.pieces()[5].location.address.value() / kIoAlignment,
            model_.pieces()[4].location.address.value() / kIoAlignment);
  model_.pieces().pop_back();
  ASSERT_TRUE(store_->Write().ok());
  Open(state);
  absl::Status status = model_.Adopt(*store_);
  EXPECT_TRUE(status.ok()) << status;
  status = model_.Check(*io_, *store_);
  EXPECT_TRUE(status.ok()) << status;
}

TEST_P(SegmentStoreTest, AFailedCheckpointFreesNothing) {
  Fill(512 << 10);
  std::string state = Checkpoint();
  const StoreModel kept = model_;
  model_.ReleaseAll(*store_);
  for (int i = 0; i < 3; ++i) {
    store_->BeginState();
    store_->EncodeState();  // and no StateIsDurable
    Fill(256 << 10);
    ASSERT_TRUE(store_->Write().ok());
    model_.ReleaseAll(*store_);
  }
  Open(state);
  ASSERT_TRUE(kept.Adopt(*store_).ok());
  absl::Status status = kept.Check(*io_, *store_);
  EXPECT_TRUE(status.ok()) << status;
}

TEST_P(SegmentStoreTest, ReadersKeepASegment) {
  Fill(1 << 20);
  Checkpoint();
  const StoreModel kept = model_;
  {
    SegmentStore::ReadLease lease(*store_);
    model_.ReleaseAll(*store_);
    for (int i = 0; i < 4; ++i) {
      Checkpoint();
      Fill(256 << 10);
      ASSERT_TRUE(store_->Write().ok());
    }
    absl::Status status = kept.Check(*io_, *store_);
    EXPECT_TRUE(status.ok()) << status;
  }
  Checkpoint();
  Checkpoint();
  const uint64_t file_bytes = store_->stats().file_bytes;
  Fill(128 << 10);
  EXPECT_LE(store_->stats().file_bytes, file_bytes);
}

TEST_P(SegmentStoreTest, FilesShrink) {
  Fill(4 << 20);
  Checkpoint();
  const uint64_t file_bytes = store_->stats().file_bytes;
  absl::StatusOr<std::vector<std::string>> before = directory_->List();
  ASSERT_TRUE(before.ok());
  model_.ReleaseAll(*store_);
  for (int i = 0; i < 3; ++i) Checkpoint();
  EXPECT_LT(store_->stats().file_bytes, file_bytes / 2);
  absl::StatusOr<std::vector<std::string>> after = directory_->List();
  ASSERT_TRUE(after.ok());
  EXPECT_LT(after->size(), before->size());
  Fill(4 << 20);
  ASSERT_TRUE(store_->Write().ok());
  absl::Status status = model_.Check(*io_, *store_);
  EXPECT_TRUE(status.ok()) << status;
}

TEST_P(SegmentStoreTest, AWalkFindsEveryPieceOfASealedSegment) {
  Fill(2 << 20);
  store_->SealFrom(0);
  ASSERT_TRUE(store_->Write().ok());
  std::map<uint64_t, const ModelPiece*> by_address;
  for (const ModelPiece& piece : model_.pieces())
    by_address[piece.location.address.value()] = &piece;
  uint64_t found = 0;
  uint64_t large = 0;
  SegmentStore::ReadLease lease(*store_);
  for (const SegmentInfo& segment : store_->Segments()) {
    EXPECT_FALSE(segment.open);
    if (segment.run > 1) ++large;
    absl::Status status = store_->VisitPieces(segment, [&](const StoredPiece& piece) {
      auto known = by_address.find(piece.location.address.value());
      EXPECT_NE(known, by_address.end());
      if (known == by_address.end()) return absl::OkStatus();
      EXPECT_EQ(piece.location, known->second->location);
      EXPECT_EQ(piece.header.page, known->second->header.page);
      ++found;
      return absl::OkStatus();
    });
    ASSERT_TRUE(status.ok()) << status;
  }
  EXPECT_EQ(found + large, model_.pieces().size());
}

TEST_P(SegmentStoreTest, PiecesMoveAsTheyAreStored) {
  Fill(1 << 20);
  store_->SealFrom(0);
  ASSERT_TRUE(store_->Write().ok());
  std::map<uint64_t, ModelPiece*> by_address;
  for (ModelPiece& piece : model_.pieces()) by_address[piece.location.address.value()] = &piece;
  uint64_t moved = 0;
  for (const SegmentInfo& segment : store_->Segments()) {
    SegmentStore::ReadLease lease(*store_);
    absl::Status status =
        store_->VisitPieces(segment, [&](const StoredPiece& piece) -> absl::Status {
          absl::StatusOr<PieceLocation> to = store_->AppendStored(Stream::kCold, piece);
          if (!to.ok()) return to.status();
          EXPECT_EQ(to->stored_bytes, piece.location.stored_bytes);
          store_->Release(piece.location);
          by_address.at(piece.location.address.value())->location = *to;
          ++moved;
          return absl::OkStatus();
        });
    ASSERT_TRUE(status.ok()) << status;
    uint64_t live = 0;
    for (const SegmentInfo& now : store_->Segments()) {
      if (now.sequence == segment.sequence) live = now.live_bytes;
    }
    EXPECT_TRUE(live == 0 || segment.run > 1);
  }
  EXPECT_GT(moved, 10u);
  ASSERT_TRUE(store_->Write().ok());
  absl::Status status = model_.Check(*io_, *store_);
  EXPECT_TRUE(status.ok()) << status;
  const std::string state = Checkpoint();
  Open(state);
  ASSERT_TRUE(model_.Adopt(*store_).ok());
  status = model_.Check(*io_, *store_);
  EXPECT_TRUE(status.ok()) << status;
}

TEST_P(SegmentStoreTest, ADamagedPieceHidesItselfOnly) {
  Fill(512 << 10);
  store_->SealFrom(0);
  ASSERT_TRUE(store_->Write().ok());
  // Not one that has a run of segments for itself.
  const ModelPiece& victim = *std::ranges::find_if(
      model_.pieces(), [](const ModelPiece& piece) { return piece.location.stored_bytes < 4096; });
  const PieceExtent extent = store_->Locate(victim.location);
  AlignedBuffer block(extent.size);
  ASSERT_TRUE(io_->ReadFully(*extent.file, extent.offset, block.data(), block.size()).ok());
  block.data()[extent.skip + 20] ^= 1;  // in its header
  ASSERT_TRUE(io_->WriteFully(*extent.file, extent.offset, block.data(), block.size()).ok());
  uint64_t found = 0;
  uint64_t large = 0;
  for (const SegmentInfo& segment : store_->Segments()) {
    SegmentStore::ReadLease lease(*store_);
    if (segment.run > 1) ++large;
    absl::Status status = store_->VisitPieces(segment, [&](const StoredPiece& piece) {
      EXPECT_NE(piece.location, victim.location);
      ++found;
      return absl::OkStatus();
    });
    ASSERT_TRUE(status.ok()) << status;
  }
  EXPECT_EQ(found + large + 1, model_.pieces().size());
}

TEST_P(SegmentStoreTest, LargePiecesTakeRunsOfSegments) {
  for (size_t bytes : {60 << 10, 64 << 10, 100 << 10, 250 << 10, 507 << 10}) {
    absl::StatusOr<PieceLocation> location = model_.Append(
        *store_, Stream::kTable, PieceKind::kChunk, MakePayload(random_, bytes, false));
    ASSERT_TRUE(location.ok()) << location.status();
    Fill(32 << 10);
  }
  absl::StatusOr<PieceLocation> location =
      model_.Append(*store_, Stream::kLarge, PieceKind::kBase, "small, and yet its own segment");
  ASSERT_TRUE(location.ok()) << location.status();
  EXPECT_TRUE(absl::IsInvalidArgument(
      model_.Append(*store_, Stream::kTable, PieceKind::kChunk, random_.Bytes(513 << 10))
          .status()));
  ASSERT_TRUE(store_->Write().ok());
  absl::Status status = model_.Check(*io_, *store_);
  EXPECT_TRUE(status.ok()) << status;
  const std::string state = Checkpoint();
  Open(state);
  ASSERT_TRUE(model_.Adopt(*store_).ok());
  status = model_.Check(*io_, *store_);
  EXPECT_TRUE(status.ok()) << status;
  const uint64_t segments = store_->stats().segments;
  model_.ReleaseAll(*store_);
  Checkpoint();
  Checkpoint();
  EXPECT_LT(store_->stats().segments, segments / 2);
}

TEST_P(SegmentStoreTest, AdoptionRefusesWhatCannotBe) {
  Fill(256 << 10);
  const std::string state = Checkpoint();
  Open(state);
  const PieceLocation good = model_.pieces().front().location;
  const auto adopt = [&](uint64_t address, uint32_t bytes) {
    return store_->Adopt({Address(address), bytes});
  };
  EXPECT_TRUE(absl::IsDataLoss(adopt(0, 64)));
  EXPECT_TRUE(absl::IsDataLoss(adopt(good.address.value() + 1, good.stored_bytes)));
  EXPECT_TRUE(absl::IsDataLoss(adopt(good.address.value(), 63)));
  EXPECT_TRUE(absl::IsDataLoss(adopt(good.address.value(), UINT32_MAX)));
  EXPECT_TRUE(absl::IsDataLoss(adopt(uint64_t{1} << 43, 64)));
  EXPECT_TRUE(absl::IsDataLoss(adopt(UINT64_MAX - 63, 64)));
  absl::Status status;
  int count = 0;
  while (status.ok() && count < 100000)
    status = adopt(good.address.value(), good.stored_bytes), ++count;
  EXPECT_TRUE(absl::IsDataLoss(status));  // more than the segment holds
  EXPECT_TRUE(absl::StrContains(std::string(status.message()), "data-"));
}

TEST_P(SegmentStoreTest, ReadOnlyChangesNothing) {
  Fill(256 << 10);
  const std::string state = Checkpoint();
  absl::StatusOr<std::vector<std::string>> before = directory_->List();
  SegmentStoreOptions options = SmallStore();
  options.read_only = true;
  Open(state, options);
  ASSERT_TRUE(model_.Adopt(*store_).ok());
  absl::Status status = model_.Check(*io_, *store_);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(
      absl::IsFailedPrecondition(store_->Append(Stream::kHot, PieceHeader(), "no").status()));
  EXPECT_EQ(*directory_->List(), *before);
}

TEST_P(SegmentStoreTest, AnotherDatabaseIsRefused) {
  Fill(256 << 10);
  const std::string state = Checkpoint();
  SegmentStoreOptions options = SmallStore();
  options.database_id = {5, 6};
  EXPECT_TRUE(
      absl::IsDataLoss(SegmentStore::Open(*io_, *directory_, options, state, &budget_).status()));
}

TEST_P(SegmentStoreTest, AMissingOrShortFileIsNamed) {
  Fill(1 << 20);
  const std::string state = Checkpoint();
  store_.reset();
  ASSERT_TRUE(directory_->Remove("data-00000001").ok());
  Open(state);
  absl::Status status = model_.Adopt(*store_);
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_TRUE(absl::StrContains(std::string(status.message()), "data-00000001")) << status;
}

TEST_P(SegmentStoreTest, ManyThreads) {
  std::vector<std::thread> threads;
  std::vector<StoreModel> models(4);
  for (size_t t = 0; t < models.size(); ++t) {
    threads.emplace_back([&, t] {
      Random random(Random::Derive(TestSeed(), t));
      for (uint64_t i = 0; i < 400 / kSanitizerSlowdown; ++i) {
        ASSERT_TRUE(models[t].AppendRandom(*store_, random).ok());
        if (random.OneIn(3)) models[t].ReleaseRandom(*store_, random);
        if (random.OneIn(20)) {
          ASSERT_TRUE(store_->Write().ok());
          absl::Status status = models[t].Check(*io_, *store_);
          ASSERT_TRUE(status.ok()) << status;
        }
      }
    });
  }
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(TakeCheckpoint(*store_).ok());
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(store_->Write().ok());
  uint64_t live = 0;
  for (const StoreModel& model : models) {
    absl::Status status = model.Check(*io_, *store_);
    EXPECT_TRUE(status.ok()) << status;
    live += model.live_bytes();
  }
  EXPECT_EQ(store_->stats().live_bytes, live);
}

TEST(SegmentStoreStateTest, EveryFlippedBitIsFound) {
  SimulatedIo io({.seed = TestSeed()});
  std::unique_ptr<Directory> directory = *io.OpenDirectory("store", true);
  StoreModel model;
  Random random(TestSeed());
  std::string state;
  {
    std::unique_ptr<SegmentStore> store =
        *SegmentStore::Open(io, *directory, SmallStore(), "", nullptr);
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(model.AppendRandom(*store, random).ok());
    state = *TakeCheckpoint(*store);
  }
  for (size_t bit = 0; bit < state.size() * 8; bit += kSanitizerSlowdown) {
    std::string damaged = state;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_TRUE(absl::IsDataLoss(
        SegmentStore::Open(io, *directory, SmallStore(), damaged, nullptr).status()))
        << bit;
  }
  for (size_t bytes = 1; bytes < state.size(); ++bytes) {
    EXPECT_TRUE(absl::IsDataLoss(
        SegmentStore::Open(io, *directory, SmallStore(), state.substr(0, bytes), nullptr)
            .status()));
  }
}

TEST(SegmentStoreOptionsTest, ImpossibleGeometriesAreRefused) {
  SimulatedIo io({.seed = TestSeed()});
  std::unique_ptr<Directory> directory = *io.OpenDirectory("store", true);
  for (auto [segment, file] : std::vector<std::pair<uint64_t, uint64_t>>{
           {0, 1 << 20}, {4096, 1 << 20}, {65000, 65000}, {1 << 20, 1 << 19}, {1 << 20, 3 << 19}}) {
    SegmentStoreOptions options = SmallStore();
    options.segment_bytes = segment;
    options.file_bytes = file;
    EXPECT_TRUE(
        absl::IsInvalidArgument(SegmentStore::Open(io, *directory, options, "", nullptr).status()));
  }
}

}  // namespace
}  // namespace moraine
