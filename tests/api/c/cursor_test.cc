// Cursors against a sorted map: random moves and seeks, in ranges of every kind, both ways, of the
// latest state and of snapshots, while other records come and go.
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"
#include <moraine/c.h>

namespace moraine {
namespace {

using Map = std::map<std::string, std::string>;

moraine_slice SliceOf(const std::string& text) { return {text.data(), text.size()}; }

std::string TextOf(moraine_slice slice) {
  return {static_cast<const char*>(slice.data), slice.size};
}

// What a cursor should do, said in the plainest way.
class Model {
 public:
  Model(const Map& records, bool reverse) {
    for (const auto& record : records) records_.push_back(record);
    if (reverse) records_ = {records_.rbegin(), records_.rend()};
    reverse_ = reverse;
  }

  std::optional<std::pair<std::string, std::string>> At() const {
    if (place_ < 0 || place_ >= size() || !placed_) return std::nullopt;
    return records_[static_cast<size_t>(place_)];
  }
  void Next() { Go(placed_ ? std::min(place_ + 1, size()) : 0); }
  void Previous() { Go(placed_ ? std::max(place_ - 1, int64_t{-1}) : size() - 1); }
  void First() { Go(size() == 0 ? size() : 0); }
  void Last() { Go(size() - 1); }
  void Seek(const std::string& target) {
    int64_t place = 0;
    while (place < size() && Before(records_[static_cast<size_t>(place)].first, target)) ++place;
    Go(place);
  }

 private:
  int64_t size() const { return static_cast<int64_t>(records_.size()); }
  bool Before(const std::string& a, const std::string& b) const { return reverse_ ? a > b : a < b; }
  void Go(int64_t place) {
    place_ = place;
    placed_ = true;
  }

  std::vector<std::pair<std::string, std::string>> records_;
  bool reverse_ = false;
  bool placed_ = false;
  int64_t place_ = 0;
};

class CursorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = FreshDirectory("cursor");
    moraine_options options = MORAINE_OPTIONS_INIT;
    options.create_if_missing = 1;
    ASSERT_EQ(moraine_open((directory_ + "/db").c_str(), &options, &database_, nullptr),
              MORAINE_OK);
    ASSERT_EQ(moraine_tree_default(database_, &tree_, nullptr), MORAINE_OK);
  }
  void TearDown() override {
    EXPECT_EQ(moraine_close(database_, nullptr), MORAINE_OK);
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  // Few letters, so that keys are each other's prefixes and neighbours.
  std::string Key() {
    std::string key;
    for (uint64_t i = random_.Below(5); i > 0; --i) {
      key += static_cast<char>(random_.OneIn(4) ? 0xff : 'a' + random_.Below(3));
    }
    return key;
  }

  void Write() {
    const std::string key = Key();
    if (random_.OneIn(3)) {
      records_.erase(key);
      ASSERT_EQ(moraine_delete(database_, tree_, key.data(), key.size(), MORAINE_NONE, nullptr),
                MORAINE_OK);
    } else {
      const std::string value = random_.Bytes(random_.Below(20));
      records_[key] = value;
      ASSERT_EQ(moraine_put(database_, tree_, key.data(), key.size(), value.data(), value.size(),
                            MORAINE_NONE, nullptr),
                MORAINE_OK);
    }
  }

  // The records of `records_` in `range`.
  Map Inside(const moraine_range& range) const {
    Map inside;
    const std::string prefix = TextOf(range.prefix);
    const std::string lower = TextOf(range.lower);
    const std::string upper = TextOf(range.upper);
    for (const auto& [key, value] : records_) {
      if (key.substr(0, prefix.size()) != prefix) continue;
      if (range.lower_kind == MORAINE_INCLUSIVE && key < lower) continue;
      if (range.lower_kind == MORAINE_EXCLUSIVE && key <= lower) continue;
      if (range.upper_kind == MORAINE_INCLUSIVE && key > upper) continue;
      if (range.upper_kind == MORAINE_EXCLUSIVE && key >= upper) continue;
      inside[key] = value;
    }
    return inside;
  }

  void WalkAtRandom(moraine_view* view) {
    const std::string lower = Key();
    const std::string upper = Key();
    const std::string prefix = random_.OneIn(2) ? Key() : "";
    moraine_range range = MORAINE_RANGE_INIT;
    range.prefix = SliceOf(prefix);
    range.lower = SliceOf(lower);
    range.upper = SliceOf(upper);
    range.lower_kind = static_cast<uint8_t>(random_.Below(3));
    range.upper_kind = static_cast<uint8_t>(random_.Below(3));
    range.reverse = random_.OneIn(2) ? 1 : 0;
    Model model(Inside(range), range.reverse != 0);
    moraine_cursor* cursor = nullptr;
    ASSERT_EQ(moraine_cursor_open(view, tree_, &range, &cursor, nullptr), MORAINE_OK);
    for (int step = 0; step < 30; ++step) {
      if (random_.OneIn(5)) Write();
      Step(cursor, &model);
      if (HasFatalFailure()) break;
    }
    EXPECT_EQ(moraine_cursor_free(cursor), MORAINE_OK);
  }

  void Step(moraine_cursor* cursor, Model* model) {
    moraine_slice key = {nullptr, 0};
    moraine_slice value = {nullptr, 0};
    moraine_code code = MORAINE_INTERNAL;
    const std::string target = Key();
    const uint64_t move = random_.Below(9);
    if (move < 3) {
      model->Next();
      code = moraine_cursor_next(cursor, &key, &value, nullptr);
    } else if (move < 6) {
      model->Previous();
      code = moraine_cursor_previous(cursor, &key, &value, nullptr);
    } else if (move == 6) {
      model->First();
      code = moraine_cursor_first(cursor, &key, &value, nullptr);
    } else if (move == 7) {
      model->Last();
      code = moraine_cursor_last(cursor, &key, &value, nullptr);
    } else {
      model->Seek(target);
      code = moraine_cursor_seek(cursor, target.data(), target.size(), &key, &value, nullptr);
    }
    const auto expected = model->At();
    ASSERT_EQ(code, expected.has_value() ? MORAINE_OK : MORAINE_NOT_FOUND) << "move " << move;
    if (!expected.has_value()) return;
    ASSERT_EQ(TextOf(key), expected->first) << "move " << move;
    ASSERT_EQ(TextOf(value), expected->second) << "move " << move;
  }

  std::string directory_;
  moraine_database* database_ = nullptr;
  moraine_tree* tree_ = nullptr;
  Map records_;
  Random random_{TestSeed()};
};

TEST_F(CursorTest, MovesAsInASortedMap) {
  const int rounds = static_cast<int>(TestFlag("rounds", 2000 / kSanitizerSlowdown));
  for (int round = 0; round < rounds && !HasFatalFailure(); ++round) {
    for (int i = 0; i < 3; ++i) Write();
    if (random_.OneIn(2)) {
      WalkAtRandom(database_);
      continue;
    }
    moraine_snapshot* snapshot = nullptr;
    ASSERT_EQ(moraine_snapshot_take(database_, &snapshot, nullptr), MORAINE_OK);
    WalkAtRandom(snapshot);
    EXPECT_EQ(moraine_snapshot_free(snapshot), MORAINE_OK);
  }
}

TEST_F(CursorTest, FetchGivesAllInGroups) {
  for (int i = 0; i < 200; ++i) Write();
  moraine_cursor* cursor = nullptr;
  ASSERT_EQ(moraine_cursor_open(database_, tree_, nullptr, &cursor, nullptr), MORAINE_OK);
  Map found;
  moraine_slice keys[7];
  moraine_slice values[7];
  size_t count = 0;
  while (moraine_cursor_fetch(cursor, 7, keys, values, &count, nullptr) == MORAINE_OK) {
    ASSERT_GT(count, 0u);
    for (size_t i = 0; i < count; ++i) found[TextOf(keys[i])] = TextOf(values[i]);
  }
  EXPECT_EQ(found, records_);
  EXPECT_EQ(moraine_cursor_free(cursor), MORAINE_OK);
}

TEST_F(CursorTest, FetchStopsEarlyWhenValuesAreLarge) {
  const std::string large(200 << 10, 'x');
  for (const char* key : {"a", "b", "c", "d"}) {
    ASSERT_EQ(
        moraine_put(database_, tree_, key, 1, large.data(), large.size(), MORAINE_NONE, nullptr),
        MORAINE_OK);
  }
  moraine_cursor* cursor = nullptr;
  ASSERT_EQ(moraine_cursor_open(database_, tree_, nullptr, &cursor, nullptr), MORAINE_OK);
  moraine_slice keys[4];
  moraine_slice values[4];
  size_t count = 0;
  ASSERT_EQ(moraine_cursor_fetch(cursor, 4, keys, values, &count, nullptr), MORAINE_OK);
  EXPECT_EQ(count, 2u);
  EXPECT_EQ(TextOf(values[1]), large);
  ASSERT_EQ(moraine_cursor_fetch(cursor, 4, keys, nullptr, &count, nullptr), MORAINE_OK);
  EXPECT_EQ(count, 2u);
  EXPECT_EQ(TextOf(keys[1]), "d");
  EXPECT_EQ(moraine_cursor_free(cursor), MORAINE_OK);
}

TEST_F(CursorTest, OutlivesItsSnapshot) {
  for (int i = 0; i < 20; ++i) Write();
  const Map before = records_;
  moraine_snapshot* snapshot = nullptr;
  moraine_cursor* cursor = nullptr;
  ASSERT_EQ(moraine_snapshot_take(database_, &snapshot, nullptr), MORAINE_OK);
  ASSERT_EQ(moraine_cursor_open(snapshot, tree_, nullptr, &cursor, nullptr), MORAINE_OK);
  ASSERT_EQ(moraine_snapshot_free(snapshot), MORAINE_OK);
  for (int i = 0; i < 50; ++i) Write();
  moraine_slice key;
  moraine_slice value;
  Map found;
  while (moraine_cursor_next(cursor, &key, &value, nullptr) == MORAINE_OK) {
    found[TextOf(key)] = TextOf(value);
  }
  EXPECT_EQ(found, before);
  EXPECT_EQ(moraine_cursor_free(cursor), MORAINE_OK);
}

}  // namespace
}  // namespace moraine
