// The checker against brute force: small random histories, half broken, whose every order is tried.
// Serializable and strict: exactly those that some serial order explains. Snapshot isolation:
// exactly those that some interleaving of begins and commits explains, when all writes were read.
// And a large one, to see that the time is linear. Flags: --histories=N, --operations=N, --seed=N.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"
#include "tools/history/checker.h"

namespace moraine::history {
namespace {

constexpr uint32_t kKeys = 3;
using Lists = std::vector<std::vector<uint64_t>>;

struct SmallOperation {
  bool append = false;
  uint32_t key = 0;
  uint64_t element = 0;
  std::vector<uint64_t> read;
};
struct SmallTransaction {
  std::vector<SmallOperation> operations;
  uint64_t begin = 0;
  uint64_t end = 0;
};
using SmallHistory = std::vector<SmallTransaction>;

// Runs on `lists`; false when a read says something else.
bool Explains(const SmallTransaction& transaction, Lists* lists) {
  for (const SmallOperation& operation : transaction.operations) {
    std::vector<uint64_t>& list = (*lists)[operation.key];
    if (operation.append) {
      list.push_back(operation.element);
    } else if (list != operation.read) {
      return false;
    }
  }
  return true;
}

// Whether the transactions that are left can run one after another from here.
bool IsSerial(const SmallHistory& history, uint32_t left, const Lists& lists, bool strict) {
  if (left == 0) return true;
  for (size_t i = 0; i < history.size(); ++i) {
    if ((left >> i & 1) == 0) continue;
    bool too_early = false;
    for (size_t j = 0; j < history.size(); ++j)
      too_early = too_early || ((left >> j & 1) != 0 && history[j].end < history[i].begin);
    if (strict && too_early) continue;
    Lists after = lists;
    if (Explains(history[i], &after) &&
        IsSerial(history, left & ~(uint32_t{1} << i), after, strict))
      return true;
  }
  return false;
}

// Begins and commits in every order; a transaction reads what was committed when it began, and only
// one of two that overlap may write a list.
class SnapshotSearch {
 public:
  explicit SnapshotSearch(const SmallHistory& history)
      : history_(history), begun_(history.size()), lengths_(history.size()) {}

  bool Exists(uint32_t waiting, uint32_t running, const Lists& lists) {
    if (waiting == 0 && running == 0) return true;
    for (size_t i = 0; i < history_.size(); ++i) {
      uint32_t bit = uint32_t{1} << i;
      if ((waiting & bit) != 0) {
        Lists mine = lists;
        if (!Explains(history_[i], &mine)) continue;
        begun_[i] = lists;
        if (Exists(waiting & ~bit, running | bit, lists)) return true;
      } else if ((running & bit) != 0) {
        Lists saved = begun_[i];
        Lists after = lists;
        bool first = true;
        for (const SmallOperation& operation : history_[i].operations) {
          if (!operation.append) continue;
          first = first && saved[operation.key] == lists[operation.key];
          after[operation.key].push_back(operation.element);
        }
        if (first && Exists(waiting, running & ~bit, after)) return true;
        begun_[i] = saved;
      }
    }
    return false;
  }

 private:
  const SmallHistory& history_;
  std::vector<Lists> begun_;
  std::vector<size_t> lengths_;
};

// A serial run, then some reads of it replaced by other prefixes; with `observed`, all lists are read
// at the end.
SmallHistory RandomHistory(Random& random, bool observed) {
  SmallHistory history(2 + random.Below(3));
  Lists lists(kKeys);
  uint64_t element = 0;
  for (SmallTransaction& transaction : history) {
    for (uint64_t i = 1 + random.Below(4); i > 0; --i) {
      SmallOperation operation;
      operation.key = static_cast<uint32_t>(random.Below(kKeys));
      operation.append = random.OneIn(2);
      operation.element = ++element;
      if (operation.append) lists[operation.key].push_back(operation.element);
      operation.read = lists[operation.key];
      transaction.operations.push_back(operation);
    }
  }
  if (observed) {
    SmallTransaction& last = history.emplace_back();
    for (uint32_t key = 0; key < kKeys; ++key)
      last.operations.push_back({false, key, 0, lists[key]});
  }
  size_t may_change = history.size() - (observed ? 1 : 0);
  for (uint64_t changes = random.Below(3); changes > 0; --changes) {
    SmallTransaction& transaction = history[random.Below(may_change)];
    SmallOperation& read = transaction.operations[random.Below(transaction.operations.size())];
    if (read.append) continue;
    // Its own appends stay at the end; what it saw of others shrinks or grows.
    std::vector<uint64_t> own;
    for (const SmallOperation& operation : transaction.operations) {
      if (&operation == &read) break;
      if (operation.append && operation.key == read.key) own.push_back(operation.element);
    }
    std::vector<uint64_t> others = lists[read.key];
    std::erase_if(others, [&](uint64_t one) { return std::ranges::count(own, one) > 0; });
    others.resize(random.Below(others.size() + 1));
    read.read = others;
    read.read.insert(read.read.end(), own.begin(), own.end());
  }
  for (SmallTransaction& transaction : history) {
    transaction.begin = random.Below(12);
    transaction.end = transaction.begin + random.Below(6);
  }
  return history;
}

History ToHistory(const SmallHistory& small) {
  History history;
  for (const SmallTransaction& transaction : small) {
    History::Header header;
    header.line = 1 + static_cast<uint64_t>(&transaction - small.data());
    header.begin = transaction.begin;
    header.end = transaction.end;
    history.Begin(header);
    for (const SmallOperation& operation : transaction.operations) {
      std::string key = std::to_string(operation.key);
      std::vector<Element> elements;
      for (uint64_t one : operation.read) elements.push_back(History::Number(one));
      if (operation.append) {
        history.Append(key, History::Number(operation.element));
      } else {
        history.Read(key, elements);
      }
    }
  }
  EXPECT_TRUE(history.Finish().ok());
  return history;
}

TEST(CheckerRandomTest, AgreesWithBruteForce) {
  uint64_t rounds = TestFlag("histories", 20'000 / kSanitizerSlowdown);
  Random random(TestSeed());
  uint64_t broken[3] = {};
  for (uint64_t round = 0; round < rounds; ++round) {
    bool observed = random.OneIn(2);
    SmallHistory small = RandomHistory(random, observed);
    History history = ToHistory(small);
    uint32_t all = (uint32_t{1} << small.size()) - 1;
    bool serializable = IsSerial(small, all, Lists(kKeys), false);
    bool strict = IsSerial(small, all, Lists(kKeys), true);
    bool snapshot = SnapshotSearch(small).Exists(all, 0, Lists(kKeys));
    Report report = CheckHistory(history, Level::kSerializable);
    ASSERT_EQ(report.valid(), serializable) << "round " << round << "\n" << report.Text(history);
    Report strict_report = CheckHistory(history, Level::kStrict);
    ASSERT_EQ(strict_report.valid(), strict) << "round " << round << "\n"
                                             << strict_report.Text(history);
    Report snapshot_report = CheckHistory(history, Level::kSnapshot);
    // Two unread writes of one list have an order that nobody knows.
    bool agrees = snapshot_report.valid() == snapshot || (!observed && snapshot_report.valid());
    ASSERT_TRUE(agrees) << "round " << round << "\n" << snapshot_report.Text(history);
    broken[0] += serializable ? 0 : 1;
    broken[1] += strict ? 0 : 1;
    broken[2] += snapshot ? 0 : 1;
  }
  std::printf("%llu not serializable, %llu not strict, %llu not snapshot isolation, of %llu\n",
              static_cast<unsigned long long>(broken[0]),
              static_cast<unsigned long long>(broken[1]),
              static_cast<unsigned long long>(broken[2]), static_cast<unsigned long long>(rounds));
  EXPECT_GT(broken[2], rounds / 20);
  EXPECT_GT(broken[0], broken[2]);
  EXPECT_GT(broken[1], broken[0]);
  EXPECT_LT(broken[1], rounds);
}

// Transactions of four operations, run one after another on lists of about twenty elements; the
// last one is wrong when asked.
History LargeHistory(uint64_t operations, bool broken) {
  Random random(TestSeed());
  History history;
  std::vector<std::vector<Element>> lists;
  uint64_t count = operations / 4;
  for (uint64_t index = 0; index < count; ++index) {
    History::Header header;
    header.line = index + 1;
    header.begin = 2 * index;
    header.end = 2 * index + 3;  // each overlaps the next
    history.Begin(header);
    uint64_t first = index / 40 * 8;
    lists.resize(first + 8);
    for (uint64_t i = 0; i < 4; ++i) {
      uint64_t key = first + random.Below(8);
      if (random.OneIn(2)) {
        lists[key].push_back(History::Number(4 * index + i));
        history.Append(std::to_string(key), lists[key].back());
      } else {
        history.Read(std::to_string(key), lists[key]);
      }
    }
  }
  if (broken) {
    // A second look at the first transactions, and a write skew between two lists of long ago.
    for (int side = 0; side < 2; ++side) {
      History::Header header;
      header.line = count + 1 + static_cast<uint64_t>(side);
      history.Begin(header);
      history.Read(side == 0 ? "left" : "right", {});
      history.Append(side == 0 ? "right" : "left", History::Number(1));
    }
  }
  EXPECT_TRUE(history.Finish().ok());
  return history;
}

TEST(CheckerRandomTest, AMillionOperationsTakeSeconds) {
  uint64_t operations = TestFlag("operations", 1'000'000 / kSanitizerSlowdown);
  for (bool broken : {false, true}) {
    auto begin = std::chrono::steady_clock::now();
    History history = LargeHistory(operations, broken);
    auto built = std::chrono::steady_clock::now();
    Report report = CheckHistory(history, Level::kStrict);
    auto end = std::chrono::steady_clock::now();
    EXPECT_EQ(report.valid(), !broken) << report.Text(history);
    double seconds = std::chrono::duration<double>(end - built).count();
    std::printf("%llu operations: %.2f s to build, %.2f s to check\n",
                static_cast<unsigned long long>(history.operation_count()),
                std::chrono::duration<double>(built - begin).count(), seconds);
    EXPECT_LT(seconds, 20);
  }
}

}  // namespace
}  // namespace moraine::history
