// Manifests: what goes in comes out; bytes that are not what a manifest writes are refused without
// touching memory they do not own; reading one names the file and what is wrong with it.
#include "storage/manifest.h"

#include <string>

#include "gtest/gtest.h"

#include "storage/database_files.h"
#include "storage/io/io.h"
#include "storage/recovery.h"
#include "tests/support/seeds.h"
#include "tests/support/simulated_io.h"

namespace moraine {
namespace {

Manifest SomeManifest(Random& random) {
  Manifest manifest;
  manifest.generation = 1 + random.Below(1000);
  manifest.replay_from = Lsn(4096 + random.Below(1 << 20));
  manifest.redo = Lsn(manifest.replay_from.value() + random.Below(1 << 20));
  manifest.position = Lsn(manifest.redo.value() + random.Below(1 << 20));
  for (uint64_t i = random.Below(5); i > 0; --i) {
    manifest.trees.push_back({TreeId(static_cast<uint32_t>(random.Below(100))),
                              PageId(static_cast<uint32_t>(random.Skewed(32)))});
  }
  for (uint64_t i = random.Below(4); i > 0; --i) {
    manifest.separators.push_back({TreeId(1), static_cast<uint32_t>(random.Below(3)),
                                   PageId(static_cast<uint32_t>(random.Skewed(32))),
                                   random.Bytes(random.Below(40))});
  }
  for (uint64_t i = random.Below(30); i > 0; --i) {
    manifest.chunks[static_cast<uint32_t>(random.Skewed(20))] = {
        Address(kPieceUnit * (1 + random.Skewed(40))), static_cast<uint32_t>(random.Skewed(20))};
  }
  manifest.store_state = random.Bytes(random.Below(200));
  return manifest;
}

TEST(ManifestTest, RoundTrips) {
  Random random(TestSeed());
  for (int round = 0; round < 200; ++round) {
    Manifest manifest = SomeManifest(random);
    auto read = DecodeManifest(EncodeManifest(manifest));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->generation, manifest.generation);
    EXPECT_EQ(read->redo, manifest.redo);
    EXPECT_EQ(read->replay_from, manifest.replay_from);
    EXPECT_EQ(read->position, manifest.position);
    EXPECT_EQ(read->chunks, manifest.chunks);
    EXPECT_EQ(read->store_state, manifest.store_state);
    // The same text again, so nothing of the lists was lost or reordered.
    EXPECT_EQ(EncodeManifest(*read), EncodeManifest(manifest));
  }
}

TEST(ManifestTest, CutOffAndLengthenedOnesAreRefused) {
  Random random(TestSeed());
  for (int round = 0; round < 20; ++round) {
    std::string bytes = EncodeManifest(SomeManifest(random));
    for (size_t size = 0; size < bytes.size(); ++size)
      ASSERT_FALSE(DecodeManifest(std::string_view(bytes).substr(0, size)).ok()) << size;
    EXPECT_FALSE(DecodeManifest(bytes + '\0').ok());
  }
}

TEST(ManifestTest, HostileBytesNeverHarm) {
  Random random(TestSeed());
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = EncodeManifest(SomeManifest(random));
    for (uint64_t changes = 1 + random.Below(4); changes > 0; --changes)
      bytes[random.Below(bytes.size())] = static_cast<char>(random.Below(256));
    auto read = DecodeManifest(bytes);
    if (!read.ok()) {
      ASSERT_EQ(read.status().code(), absl::StatusCode::kDataLoss);
    }
  }
}

class ManifestFileTest : public testing::Test {
 protected:
  ManifestFileTest() : directory_(io_.OpenDirectory("db", true).value()) {
    Random random(TestSeed());
    Manifest manifest = SomeManifest(random);
    bytes_ = EncodeManifest(manifest);
    superblock_.id = {1, 2};
    superblock_.generation = manifest.generation;
    superblock_.manifest_bytes = bytes_.size();
    superblock_.manifest_checksum = ManifestChecksum(superblock_.id, manifest.generation, bytes_);
    Replace(bytes_);
  }
  void Replace(const std::string& bytes) {
    auto file =
        directory_->OpenFile(ManifestName(superblock_.generation), {.create = true}).value();
    ASSERT_EQ(file->Truncate(0), absl::OkStatus());
    ASSERT_EQ(io_.WriteFully(*file, 0, bytes.data(), bytes.size()), absl::OkStatus());
  }
  absl::Status Read() { return ReadManifest(io_, *directory_, superblock_).status(); }

  SimulatedIo io_{{}};
  std::unique_ptr<Directory> directory_;
  Superblock superblock_;
  std::string bytes_;
};

TEST_F(ManifestFileTest, EveryChangedByteAndLengthIsDataLossThatNamesTheFile) {
  EXPECT_EQ(Read(), absl::OkStatus());
  for (size_t at = 0; at < bytes_.size(); ++at) {
    std::string changed = bytes_;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    Replace(changed);
    absl::Status status = Read();
    ASSERT_EQ(status.code(), absl::StatusCode::kDataLoss) << at;
    ASSERT_NE(status.message().find(ManifestName(superblock_.generation)), std::string::npos);
    Replace(bytes_);
  }
  Replace(bytes_ + 'x');
  EXPECT_EQ(Read().code(), absl::StatusCode::kDataLoss);
  ASSERT_EQ(directory_->Remove(ManifestName(superblock_.generation)), absl::OkStatus());
  EXPECT_EQ(Read().code(), absl::StatusCode::kDataLoss) << "missing";
}

TEST_F(ManifestFileTest, OneOfAnotherDatabaseOrGenerationIsRefused) {
  superblock_.id.low ^= 1;
  EXPECT_EQ(Read().code(), absl::StatusCode::kDataLoss);
  superblock_.id.low ^= 1;
  EXPECT_EQ(Read(), absl::OkStatus());
  ++superblock_.generation;
  Replace(bytes_);
  EXPECT_EQ(Read().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace moraine
