// The format on disk, byte for byte: what any version wrote is read, and what is not of the format is
// refused.
#include "storage/segments/segment_format.h"

#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "storage/base/coding.h"
#include "storage/segments/piece.h"
#include "tests/segments/store_fixture.h"
#include "tests/support/seeds.h"
#include "tests/support/simulated_io.h"

namespace moraine {
namespace {

constexpr SegmentGeometry kGeometry{64 << 10, 512 << 10};
constexpr const char* kGoldenPath = "tests/segments/golden/format_1.txt";
constexpr size_t kLineBytes = 32;

SegmentState SomeState() {
  SegmentState state;
  state.geometry = kGeometry;
  state.next_sequence = 300;
  state.segments = {{0, 7, 1, Stream::kHot, true, 8192},
                    {3, 200, 1, Stream::kFragments, false, 64 << 10},
                    {9, 299, 4, Stream::kLarge, false, 200000 / 64 * 64},
                    {200, 1, 1, Stream::kTable, true, 4096}};
  return state;
}

TEST(SegmentFormatTest, AHeaderComesBackAsItWas) {
  const SegmentHeader header{kStoreDatabase, 42, 7, Stream::kLarge, 3, kGeometry};
  std::string block(kSegmentHeaderBytes, 'x');
  EncodeSegmentHeader(header, block.data());
  absl::StatusOr<SegmentHeader> decoded = DecodeSegmentHeader(block, kStoreDatabase, 42);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, header);
  EXPECT_TRUE(absl::IsDataLoss(DecodeSegmentHeader(block, kStoreDatabase, 41).status()));
  EXPECT_TRUE(absl::IsDataLoss(DecodeSegmentHeader(block, {1, 1}, 42).status()));
  EXPECT_TRUE(absl::IsDataLoss(DecodeSegmentHeader(block.substr(0, 79), {1, 1}, 42).status()));
  for (size_t bit = 0; bit < 80 * 8; ++bit) {
    block[bit / 8] = static_cast<char>(block[bit / 8] ^ (1 << bit % 8));
    EXPECT_TRUE(absl::IsDataLoss(DecodeSegmentHeader(block, kStoreDatabase, 42).status())) << bit;
    block[bit / 8] = static_cast<char>(block[bit / 8] ^ (1 << bit % 8));
  }
}

TEST(SegmentFormatTest, AStateComesBackAsItWas) {
  const SegmentState state = SomeState();
  const std::string bytes = EncodeSegmentState(state, kStoreDatabase);
  absl::StatusOr<SegmentState> decoded = DecodeSegmentState(bytes, kStoreDatabase);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->segments, state.segments);
  EXPECT_EQ(decoded->geometry, state.geometry);
  EXPECT_EQ(decoded->next_sequence, state.next_sequence);
}

// Each state is well-formed and checksummed, but cannot be.
TEST(SegmentFormatTest, StatesThatContradictThemselvesAreRefused) {
  std::vector<SegmentState> states;
  const auto with = [&](auto change) {
    SegmentState state = SomeState();
    change(state);
    states.push_back(state);
  };
  with([](SegmentState& s) { s.segments[0].used_bytes = 64; });  // less than its header
  with([](SegmentState& s) { s.segments[0].used_bytes = (64 << 10) + 64; });  // more than itself
  with([](SegmentState& s) { s.segments[0].used_bytes = 8192 + 64; });        // open within a block
  with([](SegmentState& s) { s.segments[0].sequence = 300; });                // not begun yet
  with([](SegmentState& s) { s.segments[0].run = 0; });
  with([](SegmentState& s) { s.segments[0].run = 2; });  // only large ones
  with([](SegmentState& s) { s.segments[2].run = 8; });  // over a file's end
  with([](SegmentState& s) { s.segments[2].run = UINT32_MAX; });
  with([](SegmentState& s) { s.segments[2].open = true; });
  with([](SegmentState& s) { s.segments[1].open = true, s.segments[1].stream = Stream::kHot; });
  with([](SegmentState& s) { s.segments[1].index = s.segments[0].index; });  // twice
  with([](SegmentState& s) { s.segments[3].index = uint64_t{1} << 40; });    // beyond all files
  with([](SegmentState& s) { s.segments[3].stream = static_cast<Stream>(6); });
  with([](SegmentState& s) { s.geometry.segment_bytes = 4096; });
  with([](SegmentState& s) { s.geometry.file_bytes = (512 << 10) + 1; });
  for (size_t i = 0; i < states.size(); ++i) {
    const std::string bytes = EncodeSegmentState(states[i], kStoreDatabase);
    EXPECT_TRUE(absl::IsDataLoss(DecodeSegmentState(bytes, kStoreDatabase).status())) << i;
  }
}

TEST(SegmentFormatTest, HostileStatesAreRefusedOrSound) {
  const uint64_t seed = TestSeed();
  for (uint64_t round = 0; round < 20000 / kSanitizerSlowdown; ++round) {
    Random random(Random::Derive(seed, round));
    std::string bytes = EncodeSegmentState(SomeState(), kStoreDatabase);
    for (uint64_t change = 1 + random.Below(3); change > 0; --change) {
      bytes[12 + random.Below(bytes.size() - 12)] =
          static_cast<char>(random.OneIn(3) ? 0xff : random.Next());
    }
    const uint32_t salt = ChecksumSalt(kStoreDatabase, SegmentId(0), kSegmentStateMagic);
    PutFixed(bytes.data() + 8, Crc32c(std::string_view(bytes).substr(12), salt));
    absl::StatusOr<SegmentState> state = DecodeSegmentState(bytes, kStoreDatabase);
    if (!state.ok()) continue;
    uint64_t end = 0;
    for (const SegmentRecord& record : state->segments) {
      EXPECT_GE(record.index, end);
      end = record.index + record.run;
      EXPECT_LE(record.used_bytes, record.run * state->geometry.segment_bytes);
    }
  }
}

TEST(SegmentFormatTest, NewerVersionsAndFeaturesAreNamed) {
  const SegmentHeader header{kStoreDatabase, 42, 7, Stream::kHot, 1, kGeometry};
  for (size_t offset : {12, 16}) {
    std::string block(kSegmentHeaderBytes, '\0');
    EncodeSegmentHeader(header, block.data());
    block[offset] = 2;
    const uint32_t salt = ChecksumSalt(kStoreDatabase, SegmentId(42), kSegmentMagic);
    PutFixed(block.data() + 8, Crc32c(std::string_view(block).substr(12, 68), salt));
    absl::Status status = DecodeSegmentHeader(block, kStoreDatabase, 42).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    std::string state = EncodeSegmentState(SomeState(), kStoreDatabase);
    state[offset] = 2;
    const uint32_t state_salt = ChecksumSalt(kStoreDatabase, SegmentId(0), kSegmentStateMagic);
    PutFixed(state.data() + 8, Crc32c(std::string_view(state).substr(12), state_salt));
    status = DecodeSegmentState(state, kStoreDatabase).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  }
}

TEST(SegmentFormatTest, FileNames) {
  EXPECT_EQ(DataFileName(0x1f), "data-0000001f");
  EXPECT_EQ(ParseDataFileName("data-0000001f"), 0x1f);
  for (const char* name : {"data-", "data-1f", "data-0000001F", "data-0000001g", "data-0000001f0",
                           "date-0000001f", "data-+000001f", ""}) {
    EXPECT_FALSE(ParseDataFileName(name).has_value()) << name;
  }
}

// The golden store: fixed pieces, not compressed, for what zstd writes may change with its version.
SegmentStoreOptions GoldenOptions() {
  SegmentStoreOptions options;
  options.database_id = kStoreDatabase;
  options.segment_bytes = 16 << 10;
  options.file_bytes = 32 << 10;
  options.compression_level = 0;
  return options;
}

std::string GoldenText(size_t bytes) {
  std::string text;
  while (text.size() < bytes) absl::StrAppend(&text, "row ", text.size(), ";");
  text.resize(bytes);
  return text;
}

absl::Status FillGolden(SegmentStore& store, StoreModel* model) {
  struct Plan {
    Stream stream;
    PieceKind kind;
    size_t bytes;
  };
  for (const Plan& plan : std::vector<Plan>{{Stream::kHot, PieceKind::kBase, 700},
                                            {Stream::kHot, PieceKind::kBase, 300},
                                            {Stream::kFragments, PieceKind::kFragment, 90},
                                            {Stream::kFragments, PieceKind::kFragment, 0},
                                            {Stream::kHot, PieceKind::kBase, 4100},
                                            {Stream::kTable, PieceKind::kChunk, 200},
                                            {Stream::kTable, PieceKind::kManifest, 64}}) {
    absl::Status status =
        model->Append(store, plan.stream, plan.kind, GoldenText(plan.bytes)).status();
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// "name offset: hex" for each line of kLineBytes that is not zero.
std::string Dump(const std::string& name, std::string_view bytes) {
  std::string text;
  for (size_t at = 0; at < bytes.size(); at += kLineBytes) {
    const std::string_view line = bytes.substr(at, kLineBytes);
    if (line.find_first_not_of('\0') == std::string_view::npos) continue;
    absl::StrAppend(&text, name, " ", at, " ",
                    absl::BytesToHexString(absl::string_view(line.data(), line.size())), "\n");
  }
  return text;
}

std::string ReadFileBytes(Io& io, Directory& directory, const std::string& name) {
  std::unique_ptr<File> file = *directory.OpenFile(name, {.write = false});
  std::string bytes(*file->Size(), '\0');
  EXPECT_TRUE(io.ReadFully(*file, 0, bytes.data(), bytes.size()).ok());
  return bytes;
}

// The lines of the golden file, each file's bytes put together again; by name.
std::map<std::string, std::string> ReadGolden() {
  std::ifstream input(kGoldenPath);
  EXPECT_TRUE(input.good()) << kGoldenPath;
  std::map<std::string, std::string> files;
  for (std::string line; std::getline(input, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream fields(line);
    std::string name, hex;
    size_t offset = 0;
    fields >> name >> offset >> hex;
    EXPECT_FALSE(fields.fail()) << line;
    const std::string bytes = absl::HexStringToBytes(hex);
    std::string& file = files[name];
    if (file.size() < offset + bytes.size()) file.resize(offset + bytes.size());
    file.replace(offset, bytes.size(), bytes);
  }
  return files;
}

constexpr Address kGoldenPieceAddress{0x4240};

std::string GoldenZstdPiece() {
  const std::string payload = GoldenText(6000);
  std::string scratch;
  PieceHeader header;
  header.page = PageId(9);
  header.raw_bytes = static_cast<uint32_t>(payload.size());
  const StoredPayload stored = CompressPayload(payload, 1, &scratch);
  std::string bytes(StoredBytes(header.kind, stored.bytes.size()), '\0');
  EncodePieceHeader(kStoreDatabase, kGoldenPieceAddress, header, stored, bytes.data());
  bytes.replace(kPieceHeaderBytes, stored.bytes.size(), stored.bytes);
  return bytes;
}

TEST(SegmentGoldenTest, WritesTheSameBytes) {
  SimulatedIo io({.direct = false});
  std::unique_ptr<Directory> directory = *io.OpenDirectory("store", true);
  std::string text;
  {
    std::unique_ptr<SegmentStore> store =
        *SegmentStore::Open(io, *directory, GoldenOptions(), "", nullptr);
    StoreModel model;
    ASSERT_TRUE(FillGolden(*store, &model).ok());
    absl::StatusOr<std::string> state = TakeCheckpoint(*store);
    ASSERT_TRUE(state.ok()) << state.status();
    text = Dump("state", *state);
  }
  const std::vector<std::string> names = *directory->List();
  for (const std::string& name : names) {
    text += Dump(name, ReadFileBytes(io, *directory, name));
  }
  std::map<std::string, std::string> golden = ReadGolden();
  std::string expected;
  for (const auto& [name, bytes] : golden) {
    if (name == "state") expected = Dump(name, bytes) + expected;
    if (name.starts_with("data-")) expected += Dump(name, bytes);
  }
  EXPECT_EQ(text, expected);
  if (TestFlag("print_golden", 0) != 0) {
    std::printf("%s%s", text.c_str(), Dump("zstd", GoldenZstdPiece()).c_str());
  }
}

TEST(SegmentGoldenTest, ReadsWhatAnyVersionWrote) {
  std::map<std::string, std::string> golden = ReadGolden();
  SimulatedIo io({.direct = false});
  std::unique_ptr<Directory> directory = *io.OpenDirectory("store", true);
  for (auto& [name, bytes] : golden) {
    if (!name.starts_with("data-")) continue;
    bytes.resize(GoldenOptions().file_bytes);
    std::unique_ptr<File> file = *directory->OpenFile(name, {.create = true});
    ASSERT_TRUE(io.WriteFully(*file, 0, bytes.data(), bytes.size()).ok());
  }
  absl::StatusOr<std::unique_ptr<SegmentStore>> store =
      SegmentStore::Open(io, *directory, GoldenOptions(), golden["state"], nullptr);
  ASSERT_TRUE(store.ok()) << store.status();
  // Where the pieces are is part of the format as well: a store filled alike has them there.
  SimulatedIo other_io({.direct = false});
  std::unique_ptr<Directory> other_directory = *other_io.OpenDirectory("store", true);
  std::unique_ptr<SegmentStore> other =
      *SegmentStore::Open(other_io, *other_directory, GoldenOptions(), "", nullptr);
  StoreModel model;
  ASSERT_TRUE(FillGolden(*other, &model).ok());
  absl::Status status = model.Adopt(**store);
  ASSERT_TRUE(status.ok()) << status;
  status = model.Check(io, **store);
  EXPECT_TRUE(status.ok()) << status;
  std::string piece = golden["zstd"];
  piece.resize((piece.size() + kSectorBytes - 1) / kSectorBytes * kSectorBytes);
  PieceHeader header;
  std::string raw;
  status = DecodePiece(kStoreDatabase, {kGoldenPieceAddress, static_cast<uint32_t>(piece.size())},
                       piece, &header, &raw);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(raw, GoldenText(6000));
  EXPECT_EQ(header.page, PageId(9));
}

}  // namespace
}  // namespace moraine
