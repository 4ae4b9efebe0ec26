// The superblock and the names of files: damage is noticed, a newer format is refused, and only
// names that this program writes are taken for manifests.
#include "storage/database_files.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "storage/base/checksum.h"
#include "storage/base/coding.h"
#include "tests/support/seeds.h"
#include "tests/support/simulated_io.h"

namespace moraine {
namespace {

class SuperblockTest : public testing::Test {
 protected:
  SuperblockTest() : directory_(io_.OpenDirectory("db", true).value()) {
    superblock_.id = {0x1122334455667788, 0x99aabbccddeeff00};
  }
  absl::StatusOr<Superblock> Read() { return ReadSuperblock(io_, *directory_); }
  std::string Bytes() {
    auto file = directory_->OpenFile(kSuperblockName, {}).value();
    std::string bytes(file->Size().value(), '\0');
    EXPECT_EQ(io_.ReadFully(*file, 0, bytes.data(), bytes.size()), absl::OkStatus());
    return bytes;
  }
  void Replace(std::string_view bytes) {
    auto file = directory_->OpenFile(kSuperblockName, {.create = true}).value();
    ASSERT_EQ(file->Truncate(0), absl::OkStatus());
    if (bytes.empty()) return;
    ASSERT_EQ(io_.WriteFully(*file, 0, bytes.data(), bytes.size()), absl::OkStatus());
  }

  SimulatedIo io_{{}};
  std::unique_ptr<Directory> directory_;
  Superblock superblock_;
};

TEST_F(SuperblockTest, WhatIsWrittenIsRead) {
  EXPECT_EQ(Read().status().code(), absl::StatusCode::kNotFound);
  ASSERT_EQ(CreateSuperblock(io_, *directory_, superblock_), absl::OkStatus());
  auto read = Read();
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->id, superblock_.id);
  EXPECT_EQ(read->format_version, kFormatVersion);
  EXPECT_EQ(read->required_features, 0u);
  EXPECT_EQ(directory_->List().value(), std::vector<std::string>{std::string(kSuperblockName)});
}

TEST_F(SuperblockTest, EveryChangedByteIsDataLoss) {
  ASSERT_EQ(CreateSuperblock(io_, *directory_, superblock_), absl::OkStatus());
  const std::string intact = Bytes();
  for (size_t at = 0; at < intact.size() / 2; ++at) {
    for (int flip : {1, 0x80, 0xff}) {
      std::string bytes = intact;
      bytes[at] = static_cast<char>(bytes[at] ^ flip);
      Replace(bytes);
      ASSERT_EQ(Read().status().code(), absl::StatusCode::kDataLoss) << "byte " << at;
    }
  }
}

TEST_F(SuperblockTest, EveryOtherLengthIsDataLoss) {
  ASSERT_EQ(CreateSuperblock(io_, *directory_, superblock_), absl::OkStatus());
  const std::string intact = Bytes();
  for (size_t size = 0; size < intact.size(); size += size < 64 ? 1 : 509) {
    Replace(std::string_view(intact).substr(0, size));
    ASSERT_EQ(Read().status().code(), absl::StatusCode::kDataLoss) << size;
  }
  Replace(intact + '\0');
  EXPECT_EQ(Read().status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(SuperblockTest, NewerFormatsAndUnknownFeaturesAreRefusedByName) {
  superblock_.format_version = kFormatVersion + 1;
  ASSERT_EQ(CreateSuperblock(io_, *directory_, superblock_), absl::OkStatus());
  absl::Status status = Read().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("version " + std::to_string(kFormatVersion + 1)),
            std::string::npos)
      << status;
  superblock_.format_version = kFormatVersion;
  superblock_.required_features = 5;
  ASSERT_EQ(CreateSuperblock(io_, *directory_, superblock_), absl::OkStatus());
  status = Read().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("features 5"), std::string::npos) << status;
}

TEST_F(SuperblockTest, APowerCutLeavesNoneOrAWholeOne) {
  std::vector<SimulatedDisk> images;
  io_.OnBoundary([&](const SimulatedBoundary& boundary) { images.push_back(boundary.disk); });
  ASSERT_EQ(CreateSuperblock(io_, *directory_, superblock_), absl::OkStatus());
  io_.OnBoundary({});
  images.push_back(io_.Image());
  for (size_t i = 0; i < images.size(); ++i) {
    for (uint64_t seed = 0; seed < 40; ++seed) {
      PowerCutPlan plan = PowerCutPlan::FromSeed(seed + TestSeed() * 8);
      SimulatedIo after({}, images[i].SurvivePowerCut(plan));
      auto directory = after.OpenDirectory("db", true).value();
      auto read = ReadSuperblock(after, *directory);
      bool acknowledged = i + 1 == images.size();
      if (!acknowledged && absl::IsNotFound(read.status())) continue;
      ASSERT_TRUE(read.ok()) << "cut " << i << ": " << read.status();
      ASSERT_EQ(read->id, superblock_.id);
    }
  }
}

TEST_F(SuperblockTest, SlotsAreWrittenInTurnAndTheNewestWins) {
  ASSERT_EQ(CreateSuperblock(io_, *directory_, superblock_), absl::OkStatus());
  for (uint64_t generation = 1; generation <= 5; ++generation) {
    const std::string before = Bytes();
    superblock_.generation = generation;
    superblock_.manifest_bytes = 100 + generation;
    superblock_.manifest_checksum = static_cast<uint32_t>(7 * generation);
    ASSERT_EQ(UpdateSuperblock(io_, *directory_, superblock_), absl::OkStatus());
    const std::string after = Bytes();
    size_t other = generation % 2 == 0 ? 4096 : 0;
    EXPECT_EQ(after.substr(other, 4096), before.substr(other, 4096)) << "the other slot changed";
    auto read = Read();
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->generation, generation);
    EXPECT_EQ(read->manifest_bytes, 100 + generation);
    EXPECT_EQ(read->manifest_checksum, 7 * generation);
  }
}

TEST_F(SuperblockTest, APowerCutDuringAnUpdateLeavesOneOfBothGenerations) {
  ASSERT_EQ(CreateSuperblock(io_, *directory_, superblock_), absl::OkStatus());
  superblock_.generation = 1;
  ASSERT_EQ(UpdateSuperblock(io_, *directory_, superblock_), absl::OkStatus());
  superblock_.generation = 2;
  std::vector<SimulatedDisk> images;
  io_.OnBoundary([&](const SimulatedBoundary& boundary) { images.push_back(boundary.disk); });
  ASSERT_EQ(UpdateSuperblock(io_, *directory_, superblock_), absl::OkStatus());
  io_.OnBoundary({});
  images.push_back(io_.Image());
  bool saw_old = false;
  for (size_t i = 0; i < images.size(); ++i) {
    for (uint64_t seed = 0; seed < 40; ++seed) {
      PowerCutPlan plan = PowerCutPlan::FromSeed(seed + TestSeed() * 8);
      SimulatedIo after({}, images[i].SurvivePowerCut(plan));
      auto directory = after.OpenDirectory("db", true).value();
      auto read = ReadSuperblock(after, *directory);
      ASSERT_TRUE(read.ok()) << "cut " << i << ": " << read.status();
      ASSERT_TRUE(read->generation == 2 || (read->generation == 1 && i + 1 < images.size()))
          << "cut " << i << ": generation " << read->generation;
      saw_old = saw_old || read->generation == 1;
    }
  }
  EXPECT_TRUE(saw_old) << "no cut fell before the update's end";
}

TEST(DatabaseIdTest, IdentitiesDiffer) {
  EXPECT_FALSE(NewDatabaseId().value() == NewDatabaseId().value());
}

TEST(ManifestNameTest, NamesRoundTripAndOthersAreNoManifests) {
  Random random(TestSeed());
  for (int i = 0; i < 1000; ++i) {
    uint64_t generation = random.Skewed(64);
    EXPECT_EQ(ParseManifestName(ManifestName(generation)), generation);
  }
  // Accepted in capitals, the file was looked for under its other name and not found.
  for (const char* name :
       {"", "manifest-", "manifest-123", "manifest-00000000000000001", "manifest.new",
        "manifest-000000000000000g", "manifest--000000000000001", "manifest-+000000000000001",
        "manifest- 000000000000001", "manifest-0x00000000000001", "manifest-00000000000000AB",
        "Manifest-0000000000000001", "log-0000000000000001", "manifest-0000000000000001.new"}) {
    EXPECT_EQ(ParseManifestName(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace moraine
