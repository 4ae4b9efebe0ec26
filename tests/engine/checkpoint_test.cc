// Checkpoint files: what goes in comes out, and every change of a byte, of the length, of the name or
// of the database is noticed.
#include "storage/checkpoint.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "storage/base/coding.h"
#include "storage/database_files.h"
#include "storage/io/io.h"
#include "tests/support/seeds.h"
#include "tests/support/simulated_io.h"

namespace moraine {
namespace {

constexpr DatabaseId kId{11, 22};
constexpr Lsn kPosition{0x12345678};
constexpr Lsn kReplayFrom{0x12345000};

struct Frame {
  TreeId tree;
  std::string block;
  bool operator==(const Frame&) const = default;
};

class CheckpointTest : public testing::Test {
 protected:
  CheckpointTest() : directory_(io_.OpenDirectory("db", true).value()) {}

  void Write(const std::vector<Frame>& frames) {
    auto writer = CheckpointWriter::Create(io_, *directory_, kId, {kPosition, kReplayFrom}).value();
    for (const Frame& frame : frames)
      ASSERT_EQ(writer->Add(frame.tree, frame.block), absl::OkStatus());
    uint64_t bytes = writer->bytes();
    ASSERT_EQ(writer->Finish(), absl::OkStatus());
    EXPECT_GT(writer->bytes(), bytes) << "the end frame";
    ASSERT_EQ(writer->Publish(), absl::OkStatus());
  }
  absl::StatusOr<std::vector<Frame>> Read(const DatabaseId& id = kId, Lsn position = kPosition) {
    auto reader = CheckpointReader::Open(io_, *directory_, id, position);
    if (!reader.ok()) return reader.status();
    EXPECT_EQ((*reader)->header().position, kPosition);
    EXPECT_EQ((*reader)->header().replay_from, kReplayFrom);
    std::vector<Frame> frames;
    for (;;) {
      TreeId tree;
      std::string_view block;
      absl::StatusOr<bool> more = (*reader)->Next(&tree, &block);
      if (!more.ok()) return more.status();
      if (!*more) return frames;
      frames.push_back({tree, std::string(block)});
      EXPECT_EQ((*reader)->frame_count(), frames.size());
    }
  }
  std::unique_ptr<File> OpenIt(Lsn position = kPosition) {
    return directory_->OpenFile(CheckpointName(position), {.create = true}).value();
  }
  std::string Bytes() {
    auto file = OpenIt();
    std::string bytes(file->Size().value(), '\0');
    EXPECT_EQ(io_.ReadFully(*file, 0, bytes.data(), bytes.size()), absl::OkStatus());
    return bytes;
  }
  void Replace(std::string_view bytes, Lsn position = kPosition) {
    auto file = OpenIt(position);
    ASSERT_EQ(file->Truncate(0), absl::OkStatus());
    if (bytes.empty()) return;
    ASSERT_EQ(io_.WriteFully(*file, 0, bytes.data(), bytes.size()), absl::OkStatus());
  }
  static std::vector<Frame> SomeFrames(Random& random, int count, size_t most_bytes) {
    std::vector<Frame> frames;
    for (int i = 0; i < count; ++i) {
      frames.push_back({TreeId(static_cast<uint32_t>(random.Below(4))),
                        random.Bytes(8 * random.Below(most_bytes / 8))});
    }
    return frames;
  }

  SimulatedIo io_{{}};
  std::unique_ptr<Directory> directory_;
};

TEST_F(CheckpointTest, FramesRoundTripOverManyBuffers) {
  Random random(TestSeed());
  for (size_t most_bytes : {64u, 8192u, 600u * 1024}) {
    std::vector<Frame> frames = SomeFrames(random, 12, most_bytes);
    Write(frames);
    auto read = Read();
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(*read == frames);
  }
  Write({});
  EXPECT_TRUE(Read().value().empty());
}

TEST_F(CheckpointTest, WithoutItsNameItIsNoCheckpoint) {
  auto writer = CheckpointWriter::Create(io_, *directory_, kId, {kPosition, kReplayFrom}).value();
  ASSERT_EQ(writer->Add(TreeId(1), "12345678"), absl::OkStatus());
  EXPECT_EQ(Read().status().code(), absl::StatusCode::kNotFound);
  ASSERT_EQ(writer->Finish(), absl::OkStatus());
  EXPECT_EQ(Read().status().code(), absl::StatusCode::kNotFound);
  // One that was given up is overwritten by the next, however long it was.
  Write({{TreeId(2), "87654321"}});
  EXPECT_EQ(Read().value(), (std::vector<Frame>{{TreeId(2), "87654321"}}));
}

TEST_F(CheckpointTest, EveryChangedByteIsDataLoss) {
  Random random(Random::Derive(TestSeed(), 1));
  Write(SomeFrames(random, 5, 80));
  const std::string intact = Bytes();
  for (size_t at = 0; at < intact.size(); ++at) {
    for (int flip : {1, 0x80, 0xff}) {
      std::string bytes = intact;
      bytes[at] = static_cast<char>(bytes[at] ^ flip);
      Replace(bytes);
      absl::Status status = Read().status();
      ASSERT_EQ(status.code(), absl::StatusCode::kDataLoss) << "byte " << at << ", " << flip;
      ASSERT_NE(status.message().find(CheckpointName(kPosition)), std::string::npos) << status;
      ASSERT_NE(status.message().find("offset "), std::string::npos) << status;
    }
  }
  Replace(intact);
  EXPECT_TRUE(Read().ok());
}

TEST_F(CheckpointTest, EveryOtherLengthIsDataLoss) {
  Random random(Random::Derive(TestSeed(), 2));
  Write(SomeFrames(random, 5, 80));
  const std::string intact = Bytes();
  for (size_t size = 0; size < intact.size(); ++size) {
    Replace(std::string_view(intact).substr(0, size));
    ASSERT_EQ(Read().status().code(), absl::StatusCode::kDataLoss) << size;
  }
  for (size_t more : {1, 8, 16, 4096}) {
    Replace(intact + std::string(more, '\0'));
    ASSERT_EQ(Read().status().code(), absl::StatusCode::kDataLoss) << more << " bytes behind";
  }
}

TEST_F(CheckpointTest, FramesThatMovedAreDataLoss) {
  Write({{TreeId(1), "aaaaaaaa"}, {TreeId(1), "bbbbbbbb"}});
  std::string bytes = Bytes();
  constexpr size_t kFrame = 24;
  std::swap_ranges(bytes.begin() + 64, bytes.begin() + 64 + kFrame, bytes.begin() + 64 + kFrame);
  Replace(bytes);
  EXPECT_EQ(Read().status().code(), absl::StatusCode::kDataLoss) << "frames exchanged";
  bytes.erase(64, kFrame);
  Replace(bytes);
  EXPECT_EQ(Read().status().code(), absl::StatusCode::kDataLoss) << "frame left out";
}

TEST_F(CheckpointTest, ItBelongsToOneDatabaseAndOnePosition) {
  Write({{TreeId(1), "aaaaaaaa"}});
  EXPECT_EQ(Read(DatabaseId{11, 23}).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Read(DatabaseId{12, 22}).status().code(), absl::StatusCode::kDataLoss);
  Lsn other(kPosition.value() + 8);
  Replace(Bytes(), other);
  EXPECT_EQ(Read(kId, other).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(CheckpointTest, AFailingDeviceIsReportedAndPublishesNothing) {
  for (uint64_t operation = 0;; ++operation) {
    SimulatedIo io({});
    auto directory = io.OpenDirectory("db", true).value();
    io.AddFault({.first_operation = io.operation_count() + operation, .persistent = true});
    absl::Status status;
    auto writer = CheckpointWriter::Create(io, *directory, kId, {kPosition, kReplayFrom});
    status = writer.status();
    if (status.ok()) status = (*writer)->Add(TreeId(1), "aaaaaaaa");
    if (status.ok()) status = (*writer)->Finish();
    if (status.ok()) status = (*writer)->Publish();
    if (io.fault_count() == 0) {
      EXPECT_EQ(status, absl::OkStatus());
      EXPECT_GE(operation, 5u) << "create, truncate, write, sync, rename, sync";
      break;
    }
    EXPECT_FALSE(status.ok()) << "fault at " << operation;
  }
}

}  // namespace
}  // namespace moraine
