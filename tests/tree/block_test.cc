// Blocks against sorted vectors: search, validation of damaged bytes, and separators. Keys are drawn
// from a small alphabet, so that equal heads, prefixes of each other, empty keys and zero bytes meet
// all the time.
#include "storage/tree/block.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "storage/tree/block_builder.h"
#include "tests/support/seeds.h"

namespace moraine {
namespace {

struct ModelEntry {
  std::string key;
  std::string value;
  uint64_t ts = 0;
  PageId child;
  bool tombstone = false;
  bool operator==(const ModelEntry&) const = default;
};

struct ModelBlock {
  uint32_t level = 0;
  std::string low;
  std::optional<std::string> high;
  size_t stripped_bytes = 0;  // what the builder is told that the suffixes lack
  std::vector<ModelEntry> entries;
};

// Bytes of a block in memory of exactly their size, so that AddressSanitizer sees a read past them.
class BlockBuffer {
 public:
  explicit BlockBuffer(size_t bytes) : bytes_(bytes), data_(std::make_unique<char[]>(bytes)) {}
  explicit BlockBuffer(std::string_view from) : BlockBuffer(from.size()) {
    std::memcpy(data_.get(), from.data(), from.size());
  }
  char* data() { return data_.get(); }
  std::string_view bytes() const { return {data_.get(), bytes_}; }
  BlockView view() const { return BlockView(data_.get()); }

 private:
  size_t bytes_;
  std::unique_ptr<char[]> data_;
};

std::string RandomKey(Random& random, size_t most) {
  constexpr char kAlphabet[] = {'\0', '\1', 'a', 'b', '\x7f', '\x80', '\xff'};
  std::string key(random.Below(most + 1), '\0');
  for (char& c : key) c = kAlphabet[random.Below(sizeof(kAlphabet))];
  return key;
}

BlockBuffer Build(const ModelBlock& model) {
  std::vector<PendingEntry> entries;
  for (const ModelEntry& entry : model.entries) {
    entries.push_back({std::string_view(entry.key).substr(model.stripped_bytes), entry.value,
                       entry.ts, entry.child, entry.tombstone});
  }
  BlockSpec spec;
  spec.level = model.level;
  spec.low_fence = model.low;
  spec.has_high_fence = model.high.has_value();
  if (model.high) spec.high_fence = *model.high;
  spec.right_page = PageId(model.high ? 77 : 0);
  spec.max_ts = 4096;
  spec.stripped_bytes = model.stripped_bytes;
  BlockBuffer block(BlockBytes(spec, entries));
  BuildBlock(spec, entries, block.data());
  return block;
}

ModelBlock RandomModel(Random& random, uint32_t level, size_t most_entries) {
  ModelBlock model;
  model.level = level;
  std::string prefix = random.OneIn(2) ? RandomKey(random, 6) : "";
  bool last_page = random.OneIn(4);
  if (last_page) prefix.clear();
  std::map<std::string, int> keys;
  size_t count = random.Below(most_entries + 1);
  // A long common part behind the fences' prefix makes all heads equal.
  std::string common = random.OneIn(3) ? RandomKey(random, 6) : "";
  for (size_t i = 0; i < count; ++i) keys[prefix + common + RandomKey(random, 7)];
  if (!last_page) model.high = prefix + std::string(16, '\xff');
  if (level > 0) {
    keys[prefix];  // the first child begins at the low fence
    model.low = prefix;
  } else {
    model.low = !keys.empty() && random.OneIn(2) ? keys.begin()->first : prefix;
  }
  size_t shared = model.high ? CommonPrefixBytes(model.low, *model.high) : 0;
  model.stripped_bytes = random.Below(shared + 1);
  bool versions = level == 0 && random.OneIn(2);
  for (const auto& [key, unused] : keys) {
    uint64_t versions_left = versions ? 1 + random.Below(3) : 1;
    uint64_t ts = versions ? 8 * random.Below(100) : 0;
    for (; versions_left > 0; --versions_left) {
      ModelEntry entry{key, "", ts, PageId(), false};
      entry.tombstone = versions && random.OneIn(4);
      if (level > 0) entry.child = PageId(static_cast<uint32_t>(1 + random.Below(1000)));
      if (level == 0 && !entry.tombstone) entry.value = random.Bytes(random.Below(20));
      model.entries.push_back(entry);
      if (ts == 0) break;
      ts = random.OneIn(3) ? 0 : 8 * random.Below(ts / 8);
    }
  }
  return model;
}

std::vector<ModelEntry> EntriesOf(BlockView block) {
  std::vector<ModelEntry> entries;
  for (uint32_t i = 0; i < block.count(); ++i) {
    BlockEntry entry = block.level() == 0 ? block.Leaf(i) : block.Inner(i);
    EXPECT_EQ(entry.suffix, block.Suffix(i));
    entries.push_back({std::string(block.prefix()) + std::string(entry.suffix),
                       std::string(entry.value), entry.ts, entry.child, entry.tombstone});
  }
  return entries;
}

void ExpectSearchAgrees(const BlockBuffer& bytes, const ModelBlock& model, std::string_view key) {
  auto expected = std::lower_bound(
      model.entries.begin(), model.entries.end(), key,
      [](const ModelEntry& entry, std::string_view wanted) { return entry.key < wanted; });
  BlockPosition position = bytes.view().LowerBound(key);
  ASSERT_EQ(position.index, expected - model.entries.begin());
  ASSERT_EQ(position.found, expected != model.entries.end() && expected->key == key);
  if (model.level == 0) return;
  auto covering = position.found ? expected : expected - 1;
  ASSERT_EQ(bytes.view().ChildFor(key), covering->child);
}

TEST(BlockTest, HeadsOrderLikeTheBytesTheyStandFor) {
  Random random(TestSeed());
  for (int i = 0; i < 20000; ++i) {
    std::string a = RandomKey(random, 6);
    std::string b = RandomKey(random, 6);
    if (HeadOf(a) < HeadOf(b)) {
      ASSERT_LT(a, b);
    }
  }
}

TEST(BlockTest, SearchAgreesWithASortedVector) {
  Random random(Random::Derive(TestSeed(), 1));
  uint64_t rounds = TestFlag("rounds", 600) / kSanitizerSlowdown;
  for (uint64_t round = 0; round < rounds; ++round) {
    ModelBlock model =
        RandomModel(random, static_cast<uint32_t>(round % 3), round % 5 == 0 ? 400 : 40);
    BlockBuffer bytes = Build(model);
    ASSERT_EQ(ValidateBlock(bytes.bytes(), model.level), absl::OkStatus()) << "round " << round;
    ASSERT_EQ(EntriesOf(bytes.view()), model.entries);
    ASSERT_EQ(bytes.view().low_fence(), model.low);
    ASSERT_EQ(bytes.view().has_high_fence(), model.high.has_value());
    std::vector<std::string> probes;
    for (const ModelEntry& entry : model.entries) {
      probes.push_back(entry.key);
      probes.push_back(entry.key + '\0');
      probes.push_back(entry.key + '\xff');
      if (!entry.key.empty()) probes.push_back(entry.key.substr(0, entry.key.size() - 1));
    }
    for (int i = 0; i < 30; ++i) probes.push_back(model.low + RandomKey(random, 8));
    for (const std::string& probe : probes) {
      if (probe < model.low || !bytes.view().BelowHighFence(probe)) continue;
      ExpectSearchAgrees(bytes, model, probe);
      if (HasFatalFailure()) FAIL() << "round " << round;
    }
  }
}

TEST(BlockTest, SizesAreCountedExactly) {
  Random random(Random::Derive(TestSeed(), 2));
  for (int round = 0; round < 100; ++round) {
    ModelBlock model = RandomModel(random, 0, 30);
    BlockBuffer bytes = Build(model);
    BlockView view = bytes.view();
    uint64_t payload = 0;
    bool versions = false;
    for (const ModelEntry& entry : model.entries) {
      payload += entry.key.size() + entry.value.size();
      versions |= entry.ts != 0 || entry.tombstone;
    }
    EXPECT_EQ(view.header().size_bytes, bytes.bytes().size());
    EXPECT_EQ(view.header().size_bytes % 8, 0u);
    EXPECT_EQ(view.header().payload_bytes, payload);
    EXPECT_EQ(view.has_versions(), versions);
    EXPECT_EQ(view.header().search_offset % 64, 0u);
  }
}

// What readers and folds do with a block: nothing of it may leave the bytes, and the order that
// they rely on must hold.
void ExpectUsable(const BlockBuffer& bytes) {
  BlockView view = bytes.view();
  std::vector<ModelEntry> entries = EntriesOf(view);
  for (size_t i = 0; i < entries.size(); ++i) {
    const ModelEntry& entry = entries[i];
    ASSERT_GE(entry.key, view.low_fence());
    ASSERT_TRUE(view.BelowHighFence(entry.key));
    bool same_key = i > 0 && entries[i - 1].key == entry.key;
    if (i > 0) {
      ASSERT_LE(entries[i - 1].key, entry.key);
    }
    if (same_key) {
      ASSERT_EQ(view.level(), 0u);
      ASSERT_GE(entries[i - 1].ts, std::max<uint64_t>(entry.ts, 1)) << "two versions, no order";
    } else {
      BlockPosition position = view.LowerBound(entry.key);
      ASSERT_TRUE(position.found);
      ASSERT_EQ(position.index, i);
    }
    if (entry.ts != 0 || entry.tombstone) {
      ASSERT_TRUE(view.has_versions());
    }
  }
  if (view.level() > 0) view.ChildFor(view.low_fence());
  if (view.has_high_fence()) {
    ASSERT_LT(view.low_fence(), view.high_fence());
  }
  ModelBlock again{view.level(), std::string(view.low_fence()), std::nullopt,
                   view.header().prefix_bytes, entries};
  if (view.has_high_fence()) again.high = std::string(view.high_fence());
  ASSERT_EQ(ValidateBlock(Build(again).bytes(), view.level()), absl::OkStatus());
}

TEST(BlockTest, DamagedBytesAreRejectedOrHarmless) {
  Random random(Random::Derive(TestSeed(), 3));
  uint64_t rounds = TestFlag("rounds", 60) / kSanitizerSlowdown;
  for (uint64_t round = 0; round < rounds; ++round) {
    ModelBlock model =
        RandomModel(random, static_cast<uint32_t>(round % 2), round % 4 == 0 ? 40 : 6);
    BlockBuffer intact = Build(model);
    size_t size = intact.bytes().size();
    for (size_t at = 0; at < size; ++at) {
      char old = intact.bytes()[at];
      for (int pattern = 0; pattern < 6; ++pattern) {
        const char damaged[] = {static_cast<char>(old ^ 1),
                                static_cast<char>(old ^ 0x80),
                                static_cast<char>(old ^ 0xff),
                                static_cast<char>(old + 1),
                                '\0',
                                random.Bytes(1)[0]};
        BlockBuffer bytes(intact.bytes());
        bytes.data()[at] = damaged[pattern];
        absl::Status status = ValidateBlock(bytes.bytes(), model.level);
        if (!status.ok()) {
          ASSERT_EQ(status.code(), absl::StatusCode::kDataLoss);
          continue;
        }
        ExpectUsable(bytes);
        if (HasFatalFailure()) {
          FAIL() << "round " << round << ", byte " << at << " of " << size << " is now "
                 << int{static_cast<uint8_t>(damaged[pattern])};
        }
      }
    }
  }
}

TEST(BlockTest, ShortenedBytesAreRejected) {
  Random random(Random::Derive(TestSeed(), 4));
  ModelBlock model = RandomModel(random, 0, 30);
  BlockBuffer intact = Build(model);
  for (size_t size = 0; size < intact.bytes().size(); ++size) {
    BlockBuffer bytes(intact.bytes().substr(0, size));
    ASSERT_EQ(ValidateBlock(bytes.bytes(), 0).code(), absl::StatusCode::kDataLoss) << size;
  }
  EXPECT_FALSE(ValidateBlock(intact.bytes(), 1).ok());
}

template <class Field>
absl::Status WithHeader(const ModelBlock& model, size_t offset, Field value) {
  BlockBuffer bytes = Build(model);
  std::memcpy(bytes.data() + offset, &value, sizeof(value));
  return ValidateBlock(bytes.bytes(), model.level);
}

// A block that claims a prefix but no high fence made the builder of its successor subtract below
// zero.
TEST(BlockTest, APrefixNeedsAHighFence) {
  ModelBlock model{0, "abc", "abd", 0, {{"abcx", "1"}}};
  ASSERT_EQ(ValidateBlock(Build(model).bytes(), 0), absl::OkStatus());
  EXPECT_FALSE(WithHeader(model, offsetof(BlockHeader, flags), kNoHighFence).ok());
}

// An empty page whose fences are swapped would send its loader and every descent astray.
TEST(BlockTest, FencesAreInOrder) {
  ModelBlock model{0, "b", "c", 0, {}};
  BlockBuffer bytes = Build(model);
  bytes.data()[sizeof(BlockHeader) + 1] = 'a';
  EXPECT_FALSE(ValidateBlock(bytes.bytes(), 0).ok());
  bytes.data()[sizeof(BlockHeader) + 1] = 'b';
  EXPECT_FALSE(ValidateBlock(bytes.bytes(), 0).ok());
}

// Readers skip timestamps and tombstones when the flag is clear: a tombstone would read as "".
TEST(BlockTest, VersionsNeedTheirFlag) {
  ModelBlock model{0, "", std::nullopt, 0, {{"a", "", 0, PageId(), true}}};
  EXPECT_EQ(WithHeader(model, offsetof(BlockHeader, flags), uint8_t{kNoHighFence | kHasVersions}),
            absl::OkStatus());
  EXPECT_FALSE(WithHeader(model, offsetof(BlockHeader, flags), kNoHighFence).ok());
}

TEST(BlockTest, VersionsOfOneKeyAreNewestFirst) {
  ModelBlock model{0, "", std::nullopt, 0, {{"a", "1", 16}, {"a", "2", 8}}};
  EXPECT_EQ(ValidateBlock(Build(model).bytes(), 0), absl::OkStatus());
  std::swap(model.entries[0], model.entries[1]);
  EXPECT_FALSE(ValidateBlock(Build(model).bytes(), 0).ok());
  model.entries = {{"a", "1"}, {"a", "2"}};
  EXPECT_FALSE(ValidateBlock(Build(model).bytes(), 0).ok());
  model.entries = {{"a", "1", 8}, {"a", "2", 8}};  // a batch that merged into its own put
  EXPECT_EQ(ValidateBlock(Build(model).bytes(), 0), absl::OkStatus());
}

// ChildFor of a key before the first child would read slot -1.
TEST(BlockTest, TheFirstChildBeginsAtTheLowFence) {
  ModelBlock model{1, "b", "z", 0, {{"b", "", 0, PageId(3)}, {"m", "", 0, PageId(4)}}};
  EXPECT_EQ(ValidateBlock(Build(model).bytes(), 1), absl::OkStatus());
  model.entries.front().key = "c";
  EXPECT_FALSE(ValidateBlock(Build(model).bytes(), 1).ok());
}

TEST(BlockBuilderTest, SeparatorsAreShortestAndBetween) {
  Random random(Random::Derive(TestSeed(), 5));
  for (int i = 0; i < 20000; ++i) {
    std::string left = RandomKey(random, 6);
    std::string right = RandomKey(random, 6);
    EXPECT_EQ(CommonPrefixBytes(left, right),
              static_cast<size_t>(
                  std::mismatch(left.begin(), left.end(), right.begin(), right.end()).first -
                  left.begin()));
    if (left >= right) continue;
    std::string separator = ShortestSeparator(left, right);
    ASSERT_LT(left, separator);
    ASSERT_LE(separator, right);
    // Nothing shorter lies between: the longest shorter candidate is a prefix of `right`.
    ASSERT_LE(right.substr(0, separator.size() - 1), left);
  }
}

}  // namespace
}  // namespace moraine
