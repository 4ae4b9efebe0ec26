// Cursors of transactions against an ordered map: every position, every step, both ways, while the
// transaction writes; and what they report as seen, exactly: a commit fails if and only if a key
// changed that some read has covered.
#include "txn/transaction_cursor.h"

#include <map>
#include <set>
#include <string>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"
#include "tests/txn/txn_fixture.h"

namespace moraine {
namespace {

constexpr uint64_t kKeys = 24;

std::string KeyOf(uint64_t number) {
  std::string key = std::to_string(100 + number);
  return key;
}

// A transaction, the map that it ought to look like, and the keys that it has seen.
class Reference {
 public:
  Reference(TxnWorld& world, Random& random) : world_(world), random_(random) {
    transaction_ = world.Begin();
    Rows rows = ReadAll(world.engine(), world.sums()).value();
    map_.insert(rows.begin(), rows.end());
  }

  Transaction& transaction() { return *transaction_; }
  const std::set<std::string>& seen() const { return seen_; }
  const std::map<std::string, std::string>& map() const { return map_; }

  void WriteOne() {
    Tree& tree = world_.sums();
    std::string key = KeyOf(random_.Below(kKeys));
    switch (random_.Below(3)) {
      case 0: {
        std::string value = std::to_string(random_.Below(100));
        ASSERT_TRUE(transaction_->Put(tree, key, value).ok());
        map_[key] = value;
        break;
      }
      case 1:
        ASSERT_TRUE(transaction_->Delete(tree, key).ok());
        map_.erase(key);
        break;
      default:
        ASSERT_TRUE(transaction_->Merge(tree, key, "1").ok());
        map_[key] = std::to_string(map_.contains(key) ? std::stoll(map_[key]) + 1 : 1);
    }
  }

  void See(const std::string& first, const std::string& last) {
    for (uint64_t i = 0; i < kKeys; ++i) {
      if (KeyOf(i) >= first && KeyOf(i) <= last) seen_.insert(KeyOf(i));
    }
  }

  // One cursor over a random interval, moved at random.
  void Walk() {
    uint64_t low = random_.Below(kKeys);
    KeyInterval interval{random_.OneIn(3) ? "" : KeyOf(low), std::nullopt};
    std::string top = "~";  // the last key of the interval, for See
    if (random_.Below(3) != 0) {
      uint64_t high = low + random_.Below(kKeys - low + 1);
      interval.high = KeyOf(high);
      top = high == 0 ? "" : KeyOf(high - 1);
    }
    auto inside = [&](const std::string& key) {
      return key >= interval.low && (!interval.high || key < *interval.high);
    };
    std::unique_ptr<Cursor> cursor = transaction_->NewCursor(world_.sums(), interval).value();
    for (int step = 0; step < 12; ++step) {
      if (random_.OneIn(4)) WriteOne();
      bool was_valid = cursor->Valid();
      std::string from = was_valid ? std::string(cursor->key()) : "";
      std::optional<std::string> expected;
      auto forward = [&](std::map<std::string, std::string>::iterator at,
                         const std::string& first) {
        if (at != map_.end() && inside(at->first)) expected = at->first;
        See(first, expected.value_or(top));
      };
      auto backward = [&](std::map<std::string, std::string>::iterator end,
                          const std::string& high) {
        if (end != map_.begin() && inside(std::prev(end)->first)) expected = std::prev(end)->first;
        See(expected.value_or(interval.low), high);
      };
      std::string target = KeyOf(random_.Below(kKeys));
      switch (random_.Below(was_valid ? 8 : 4)) {
        case 0:
          ASSERT_TRUE(cursor->Seek(target).ok());
          target = std::max(target, interval.low);
          forward(map_.lower_bound(target), target);
          break;
        case 1:
          ASSERT_TRUE(cursor->SeekForPrevious(target).ok());
          if (interval.high && target >= *interval.high) {
            backward(map_.lower_bound(*interval.high), top);
          } else {
            backward(map_.upper_bound(target), target);
          }
          break;
        case 2:
          ASSERT_TRUE(cursor->SeekToFirst().ok());
          forward(map_.lower_bound(interval.low), interval.low);
          break;
        case 3:
          ASSERT_TRUE(cursor->SeekToLast().ok());
          backward(interval.high ? map_.lower_bound(*interval.high) : map_.end(), top);
          break;
        case 4:
        case 5:
          ASSERT_TRUE(cursor->Next().ok());
          forward(map_.upper_bound(from), from);
          break;
        default:
          ASSERT_TRUE(cursor->Previous().ok());
          backward(map_.lower_bound(from), from);
      }
      ASSERT_EQ(cursor->Valid(), expected.has_value()) << "from " << from << " to " << target;
      if (!expected) continue;
      ASSERT_EQ(cursor->key(), *expected);
      ASSERT_EQ(cursor->value(), map_.at(*expected));
    }
  }

 private:
  TxnWorld& world_;
  Random& random_;
  std::unique_ptr<Transaction> transaction_;
  std::map<std::string, std::string> map_;
  std::set<std::string> seen_;
};

TEST(TransactionCursorTest, WalksLikeAMapAndSeesExactlyWhatItPassed) {
  TxnWorld world;
  Random random(TestSeed());
  uint64_t refused = 0;
  uint64_t rounds = 3000 / kSanitizerSlowdown;
  for (uint64_t round = 0; round < rounds; ++round) {
    SCOPED_TRACE(round);
    Reference reference(world, random);
    for (uint64_t i = random.Below(5); i > 0; --i) reference.WriteOne();
    for (uint64_t i = 1 + random.Below(2); i > 0; --i) {
      reference.Walk();
      if (testing::Test::HasFatalFailure()) return;
    }
    // Something must be written, or nothing would be validated.
    ASSERT_TRUE(reference.transaction().Put(world.plain(), "x", "1").ok());
    std::string changed = KeyOf(random.Below(kKeys));
    bool change = random.Below(4) != 0;
    if (change) world.Put(world.sums(), changed, std::to_string(random.Below(100)));
    absl::StatusOr<Lsn> position = reference.transaction().Commit(Durability::kNone);
    bool expect_conflict = change && reference.seen().contains(changed);
    ASSERT_EQ(!position.ok(), expect_conflict) << position.status() << " changed " << changed;
    if (!position.ok()) {
      ASSERT_EQ(ConflictOf(position.status())->key, changed);
      ++refused;
    } else if (!change) {
      Rows rows(reference.map().begin(), reference.map().end());
      ASSERT_EQ(ReadAll(world.engine(), world.sums()).value(), rows);
    }
  }
  EXPECT_GT(refused, rounds / 10);
  EXPECT_LT(refused, rounds * 9 / 10);
}

}  // namespace
}  // namespace moraine
