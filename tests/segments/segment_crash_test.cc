// Power cuts, full disks and failing devices: a durable checkpoint can be opened and read at every
// moment after it, whatever was written, released and used again since.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"

#include "storage/io/aligned_buffer.h"
#include "storage/segments/segment_format.h"
#include "storage/segments/segment_store.h"
#include "tests/segments/store_fixture.h"
#include "tests/support/seeds.h"
#include "tests/support/simulated_io.h"

namespace moraine {
namespace {

// What a durable superblock leads to.
struct DurableCheckpoint {
  std::string state;
  StoreModel table;
};

// An engine around a store: pieces come and go, checkpoints copy the table some time before the state
// is encoded.
class Workload {
 public:
  Workload(SimulatedIo& io, uint64_t seed) : io_(io), random_(seed), marks_copies_(seed % 2 == 0) {}

  // From a checkpoint, or anew.
  absl::Status Open(
      std::shared_ptr<DurableCheckpoint> from = std::make_shared<DurableCheckpoint>()) {
    durable_ = std::move(from);
    table_ = durable_->table;
    store_.reset();
    absl::StatusOr<std::unique_ptr<Directory>> directory = io_.OpenDirectory("store", true);
    if (!directory.ok()) return directory.status();
    directory_ = *std::move(directory);
    absl::StatusOr<std::unique_ptr<SegmentStore>> store =
        SegmentStore::Open(io_, *directory_, SmallStore(), durable_->state, nullptr);
    if (!store.ok()) return store.status();
    store_ = *std::move(store);
    return table_.Adopt(*store_);
  }

  absl::Status Check() { return table_.Check(io_, *store_); }

  absl::Status Step() {
    if (random_.OneIn(12)) return Checkpoint();
    if (random_.OneIn(8)) {
      for (uint64_t i = random_.Below(1 + table_.pieces().size()); i > 0; --i) Release();
    }
    return AppendAndWrite(1 + random_.Below(12));
  }

  const std::shared_ptr<DurableCheckpoint>& durable() const { return durable_; }
  SegmentStore& segments() { return *store_; }
  StoreModel& table() { return table_; }

 private:
  void Release() { table_.ReleaseRandom(*store_, random_); }

  absl::Status AppendAndWrite(uint64_t count) {
    for (; count > 0; --count) {
      if (absl::Status status = table_.AppendRandom(*store_, random_); !status.ok()) return status;
    }
    return store_->Write();
  }

  absl::Status Checkpoint() {
    auto next = std::make_shared<DurableCheckpoint>();
    if (marks_copies_) store_->BeginState();
    next->table = table_;
    // The table goes on changing while the checkpoint is written.
    for (uint64_t i = random_.Below(10); i > 0; --i) Release();
    if (absl::Status status = AppendAndWrite(random_.Below(5)); !status.ok()) return status;
    if (absl::Status status = store_->Sync(); !status.ok()) return status;
    // What comes between is named, and not durable.
    if (absl::Status status = AppendAndWrite(random_.Below(8)); !status.ok()) return status;
    next->state = store_->EncodeState();
    for (uint64_t i = random_.Below(10); i > 0; --i) Release();
    if (absl::Status status = AppendAndWrite(random_.Below(5)); !status.ok()) return status;
    if (random_.OneIn(4)) return absl::OkStatus();  // a checkpoint that never got its superblock
    durable_ = next;
    return store_->StateIsDurable();
  }

  SimulatedIo& io_;
  Random random_;
  const bool marks_copies_;
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<SegmentStore> store_;
  StoreModel table_;
  std::shared_ptr<DurableCheckpoint> durable_;
};

struct Image {
  SimulatedDisk disk;
  std::shared_ptr<DurableCheckpoint> durable;
};

TEST(SegmentCrashTest, ADurableCheckpointOutlivesEveryPowerCut) {
  const uint64_t seed = TestSeed();
  uint64_t images_checked = 0;
  for (uint64_t run = 0; run < TestFlag("runs", 8); ++run) {
    Random random(Random::Derive(seed, run));
    SimulatedIo io({.seed = random.Next(), .delay_completions = true});
    Workload workload(io, random.Next() + run);
    std::vector<Image> images;
    ASSERT_TRUE(workload.Open().ok());
    io.OnBoundary([&](const SimulatedBoundary& boundary) {
      if (random.OneIn(4 * kSanitizerSlowdown)) {
        images.push_back({boundary.disk, workload.durable()});
      }
    });
    for (int step = 0; step < 150; ++step) {
      absl::Status status = workload.Step();
      ASSERT_TRUE(status.ok()) << status;
    }
    io.OnBoundary({});
    absl::Status status = workload.Check();
    ASSERT_TRUE(status.ok()) << status;
    for (const Image& image : images) {
      const uint64_t cut = random.Next();
      SimulatedIo after({.seed = cut}, image.disk.SurvivePowerCut(PowerCutPlan::FromSeed(cut)));
      Workload reopened(after, cut);
      status = reopened.Open(image.durable);
      ASSERT_TRUE(status.ok()) << status << " run " << run;
      status = reopened.Check();
      ASSERT_TRUE(status.ok()) << status << " run " << run;
      ++images_checked;
    }
  }
  RecordProperty("images", static_cast<int>(images_checked));
  EXPECT_GT(images_checked, 20);
}

// Lives after lives, each cut off at some moment and opened from its last durable checkpoint.
TEST(SegmentCrashTest, LifeGoesOnAfterAPowerCut) {
  const uint64_t seed = TestSeed();
  for (uint64_t run = 0; run < TestFlag("runs", 8); ++run) {
    Random random(Random::Derive(seed, 1000 + run));
    SimulatedDisk disk;
    auto durable = std::make_shared<DurableCheckpoint>();
    for (int life = 0; life < 12; ++life) {
      SimulatedIo io({.seed = random.Next(), .delay_completions = true}, disk);
      Workload workload(io, random.Next());
      absl::Status status = workload.Open(durable);
      ASSERT_TRUE(status.ok()) << status << " run " << run << " life " << life;
      status = workload.Check();
      ASSERT_TRUE(status.ok()) << status << " run " << run << " life " << life;
      io.StopAtBoundary(io.boundary_count() + random.Below(150));
      while (workload.Step().ok()) {
      }
      durable = workload.durable();
      // Or only the process ends: what is not durable then stays so into the next life.
      disk = io.Image();
      if (random.OneIn(2)) disk = disk.SurvivePowerCut(PowerCutPlan::FromSeed(random.Next()));
    }
  }
}

// A process died between the state of a checkpoint and the next sync: the file that it had made has a
// name, but not durably. The next process writes into that file.
TEST(SegmentCrashTest, ANameLeftByADeadProcessIsMadeDurable) {
  SimulatedDisk disk;
  std::string state;
  {
    SimulatedIo io({.seed = TestSeed()});
    Workload workload(io, 1);
    ASSERT_TRUE(workload.Open().ok());
    ASSERT_TRUE(
        workload.table().Append(workload.segments(), Stream::kHot, PieceKind::kBase, "first").ok());
    ASSERT_TRUE(workload.segments().Write().ok());
    state = workload.segments().EncodeState();
    disk = io.Image();
  }
  auto durable = std::make_shared<DurableCheckpoint>();
  {
    SimulatedIo io({.seed = TestSeed()}, disk);
    Workload workload(io, 2);
    auto from = std::make_shared<DurableCheckpoint>();
    from->state = state;
    ASSERT_TRUE(workload.Open(from).ok());
    ASSERT_TRUE(workload.table()
                    .Append(workload.segments(), Stream::kHot, PieceKind::kBase, "second")
                    .ok());
    durable->state = *TakeCheckpoint(workload.segments());
    durable->table = workload.table();
    disk =
        io.Image().SurvivePowerCut({.kind = PowerCutPlan::Kind::kDropAll, .seed = 0, .choose = {}});
  }
  SimulatedIo io({.seed = TestSeed()}, disk);
  Workload workload(io, 3);
  absl::Status status = workload.Open(durable);
  ASSERT_TRUE(status.ok()) << status;
  status = workload.Check();
  EXPECT_TRUE(status.ok()) << status;
}

TEST(SegmentFaultTest, AFullDiskLosesNothing) {
  SimulatedIo io({.seed = TestSeed()});
  Workload workload(io, TestSeed());
  ASSERT_TRUE(workload.Open().ok());
  io.SetDiskBytes(1 << 20);
  Random random(TestSeed());
  absl::Status status;
  while (status.ok()) status = workload.table().AppendRandom(workload.segments(), random);
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_GT(workload.table().live_bytes(), 300 << 10);
  status = workload.segments().Write();
  EXPECT_TRUE(status.ok()) << status;
  status = workload.Check();
  EXPECT_TRUE(status.ok()) << status;
  // Space that is given back is used again, on the same full disk.
  workload.table().ReleaseAll(workload.segments());
  ASSERT_TRUE(TakeCheckpoint(workload.segments()).ok());
  ASSERT_TRUE(TakeCheckpoint(workload.segments()).ok());
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(workload.table()
                    .Append(workload.segments(), Stream::kHot, PieceKind::kBase, random.Bytes(2000))
                    .ok());
  }
  io.SetDiskBytes(UINT64_MAX);
  while (workload.table().live_bytes() < 2 << 20) {
    ASSERT_TRUE(workload.table().AppendRandom(workload.segments(), random).ok());
  }
  ASSERT_TRUE(workload.segments().Write().ok());
  status = workload.Check();
  EXPECT_TRUE(status.ok()) << status;
}

// Writes fail now and then: what Write did not vouch for is released, everything else stays.
TEST(SegmentFaultTest, FailedWritesHarmOnlyTheirPieces) {
  const uint64_t seed = TestSeed();
  uint64_t failures = 0;
  for (uint64_t run = 0; run < TestFlag("runs", 20); ++run) {
    Random random(Random::Derive(seed, run));
    SimulatedIo io({.seed = random.Next()});
    std::unique_ptr<Directory> directory = *io.OpenDirectory("store", true);
    std::unique_ptr<SegmentStore> store =
        *SegmentStore::Open(io, *directory, SmallStore(), "", nullptr);
    StoreModel kept;
    for (int group = 0; group < 60; ++group) {
      if (random.OneIn(4)) {
        io.AddFault({.kind = random.OneIn(2) ? FaultKind::kDeviceError : FaultKind::kDiskFull,
                     .first_operation = io.operation_count() + random.Below(6),
                     .persistent = random.OneIn(3),
                     .only = SimulatedOperation::kWrite,
                     .path_contains = "data-"});
      }
      StoreModel fresh;
      bool appended = true;
      for (uint64_t i = 1 + random.Below(15); i > 0 && appended; --i) {
        appended = fresh.AppendRandom(*store, random).ok();
      }
      const absl::Status written = store->Write();
      if (written.ok()) {
        absl::Status status = fresh.Check(io, *store);
        ASSERT_TRUE(status.ok()) << status;
        for (ModelPiece& piece : fresh.pieces()) kept.pieces().push_back(std::move(piece));
      } else {
        ++failures;
        fresh.ReleaseAll(*store);
      }
      io.ClearFaults();
      absl::Status status = kept.Check(io, *store);
      ASSERT_TRUE(status.ok()) << status;
      if (random.OneIn(5)) {
        ASSERT_TRUE(TakeCheckpoint(*store).ok());
      }
      if (random.OneIn(5)) kept.ReleaseRandom(*store, random);
    }
    EXPECT_TRUE(store->Write().ok());
    EXPECT_EQ(store->stats().live_bytes, kept.live_bytes());
  }
  EXPECT_GT(failures, 10);
}

// Two threads' pieces in one buffer: the one whose append met the failure is not the only one told.
TEST(SegmentFaultTest, AFailureIsReportedUntilItsPiecesAreGone) {
  SimulatedIo io({.seed = TestSeed()});
  std::unique_ptr<Directory> directory = *io.OpenDirectory("store", true);
  std::unique_ptr<SegmentStore> store =
      *SegmentStore::Open(io, *directory, SmallStore(), "", nullptr);
  StoreModel mine;
  StoreModel theirs;
  ASSERT_TRUE(mine.Append(*store, Stream::kHot, PieceKind::kBase, "mine").ok());
  ASSERT_TRUE(theirs.Append(*store, Stream::kHot, PieceKind::kBase, "theirs").ok());
  io.AddFault({.kind = FaultKind::kDeviceError,
               .persistent = true,
               .only = SimulatedOperation::kWrite,
               .path_contains = ""});
  EXPECT_TRUE(absl::IsUnavailable(store->Write()));
  mine.ReleaseAll(*store);
  EXPECT_TRUE(absl::IsUnavailable(store->Write()));
  theirs.ReleaseAll(*store);
  EXPECT_TRUE(store->Write().ok());
  // And when the device recovers first, nothing is lost.
  ASSERT_TRUE(mine.Append(*store, Stream::kHot, PieceKind::kBase, "mine").ok());
  EXPECT_TRUE(absl::IsUnavailable(store->Write()));
  io.ClearFaults();
  EXPECT_TRUE(store->Write().ok());
  EXPECT_TRUE(mine.Check(io, *store).ok());
}

TEST(SegmentFaultTest, AFailedSyncIsFinal) {
  SimulatedIo io({.seed = TestSeed()});
  Workload workload(io, TestSeed());
  ASSERT_TRUE(workload.Open().ok());
  Random random(TestSeed());
  ASSERT_TRUE(workload.table().AppendRandom(workload.segments(), random).ok());
  ASSERT_TRUE(workload.segments().Write().ok());
  io.AddFault(
      {.kind = FaultKind::kDeviceError, .only = SimulatedOperation::kSync, .path_contains = ""});
  EXPECT_TRUE(absl::IsUnavailable(workload.segments().Sync()));
  EXPECT_EQ(io.fault_count(), 1);
  EXPECT_TRUE(absl::IsUnavailable(workload.segments().Sync()));
}

// Every byte of a small store, flipped: a piece reads as it was or is reported, and so is a header.
TEST(SegmentRotTest, EveryFlippedByteIsFoundOrHarmless) {
  SimulatedIo io({.seed = TestSeed()});
  std::unique_ptr<Directory> directory = *io.OpenDirectory("store", true);
  SegmentStoreOptions options = SmallStore();
  options.segment_bytes = 16 << 10;
  options.file_bytes = 64 << 10;
  StoreModel model;
  Random random(TestSeed());
  std::string state;
  {
    std::unique_ptr<SegmentStore> store = *SegmentStore::Open(io, *directory, options, "", nullptr);
    while (model.live_bytes() < 20 << 10) ASSERT_TRUE(model.AppendRandom(*store, random).ok());
    state = *TakeCheckpoint(*store);
  }
  std::unique_ptr<SegmentStore> store =
      *SegmentStore::Open(io, *directory, options, state, nullptr);
  ASSERT_TRUE(model.Adopt(*store).ok());
  uint64_t found = 0;
  const std::vector<std::string> names = *directory->List();
  for (const std::string& name : names) {
    std::unique_ptr<File> file = *directory->OpenFile(name, {});
    const uint64_t base = *ParseDataFileName(name) * options.file_bytes;
    for (uint64_t begin = 0; begin < *file->Size(); begin += kIoAlignment) {
      AlignedBuffer block(kIoAlignment);
      ASSERT_TRUE(io.ReadFully(*file, begin, block.data(), kIoAlignment).ok());
      StoreModel near;  // the pieces with bytes in this block
      for (const ModelPiece& piece : model.pieces()) {
        const uint64_t at = piece.location.address.value();
        if (at < base + begin + kIoAlignment && at + piece.location.stored_bytes > base + begin) {
          near.pieces().push_back(piece);
        }
      }
      const auto in_segment =
          std::find_if(model.pieces().begin(), model.pieces().end(), [&](const ModelPiece& piece) {
            return piece.location.address.value() / options.segment_bytes ==
                   (base + begin) / options.segment_bytes;
          });
      const bool header = begin % options.segment_bytes == 0 && in_segment != model.pieces().end();
      if (near.pieces().empty() && !header) continue;
      for (size_t i = 0; i < kIoAlignment; i += kSanitizerSlowdown) {
        const char flip = static_cast<char>(1 << random.Below(8));
        block.data()[i] = static_cast<char>(block.data()[i] ^ flip);
        ASSERT_TRUE(io.WriteFully(*file, begin, block.data(), kIoAlignment).ok());
        for (const ModelPiece& piece : near.pieces()) {
          StoreModel one;
          one.pieces().push_back(piece);
          const absl::Status status = one.Check(io, *store);
          ASSERT_TRUE(status.ok() || absl::IsDataLoss(status)) << status;
          found += status.ok() ? 0 : 1;
        }
        if (header) {
          std::unique_ptr<SegmentStore> opened =
              *SegmentStore::Open(io, *directory, options, state, nullptr);
          const absl::Status status = opened->Adopt(in_segment->location);
          ASSERT_EQ(absl::IsDataLoss(status), i < 80) << i << " " << status;
        }
        block.data()[i] = static_cast<char>(block.data()[i] ^ flip);
      }
      ASSERT_TRUE(io.WriteFully(*file, begin, block.data(), kIoAlignment).ok());
    }
  }
  EXPECT_GT(found, (20 << 10) / 2 / kSanitizerSlowdown);
  EXPECT_TRUE(model.Check(io, *store).ok());
}

}  // namespace
}  // namespace moraine
