// Fingerprint search in deltas and runs against naive loops, and the sizes of allocations.
#include "storage/tree/version.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "storage/tree/run.h"
#include "tests/support/seeds.h"

namespace moraine {
namespace {

uint64_t NaiveMatches(uint64_t fingerprints, uint8_t wanted, uint32_t count) {
  uint64_t matches = 0;
  for (uint32_t i = 0; i < 8 && i < count; ++i) {
    if (static_cast<uint8_t>(fingerprints >> (8 * i)) == wanted) matches |= uint64_t{0x80} << 8 * i;
  }
  return matches;
}

TEST(DeltaTest, MatchesAreExactForEveryPairOfNeighbours) {
  // A borrow between bytes would show between two neighbours.
  for (uint64_t pair = 0; pair < 65536; ++pair) {
    for (uint32_t shift = 0; shift <= 48; shift += 16) {
      uint64_t prints = pair << shift;
      for (uint8_t wanted : {uint8_t{0}, uint8_t{1}, uint8_t{0x7f}, uint8_t{0x80}, uint8_t{0xff},
                             static_cast<uint8_t>(pair), static_cast<uint8_t>(pair >> 8)}) {
        ASSERT_EQ(MatchFingerprints(prints, wanted, 8), NaiveMatches(prints, wanted, 8))
            << prints << " " << int{wanted};
      }
    }
  }
}

TEST(DeltaTest, MatchesAgreeWithALoopAtEveryCount) {
  Random random(TestSeed());
  for (int i = 0; i < 100000; ++i) {
    uint64_t prints = random.Next();
    if (random.OneIn(2)) prints &= 0x0101010101010101 * random.Below(4);
    uint8_t wanted =
        static_cast<uint8_t>(random.OneIn(2) ? prints >> 8 * random.Below(8) : random.Next());
    for (uint32_t count = 0; count <= 8; ++count) {
      ASSERT_EQ(MatchFingerprints(prints, wanted, count), NaiveMatches(prints, wanted, count))
          << prints << " " << int{wanted} << " " << count;
    }
  }
}

TEST(DeltaTest, FingerprintsSpreadOverAllValues) {
  std::set<uint8_t> seen;
  for (int i = 0; i < 10000; ++i) seen.insert(FingerprintOf("key" + std::to_string(i)));
  EXPECT_EQ(seen.size(), 256u);
  EXPECT_EQ(FingerprintOf(""), FingerprintOf(std::string_view()));
}

TEST(VersionTest, AllocationsHoldVersionKeyValueAndDelta) {
  for (uint32_t slots = 0; slots <= kDeltaSlots; ++slots) {
    for (size_t key_bytes : {0, 1, 7, 8, 4096}) {
      for (size_t value_bytes : {0, 1, 3, 100}) {
        Version version{};
        version.key_bytes = static_cast<uint16_t>(key_bytes);
        version.value_bytes = static_cast<uint32_t>(value_bytes);
        version.delta_capacity = static_cast<uint8_t>(slots);
        size_t offset = Version::DeltaOffset(key_bytes, value_bytes);
        EXPECT_EQ(offset % alignof(Delta), 0u);
        EXPECT_GE(offset, sizeof(Version) + key_bytes + value_bytes);
        EXPECT_LT(offset, sizeof(Version) + key_bytes + value_bytes + 8);
        EXPECT_EQ(version.allocation_bytes(), slots == 0 ? offset : offset + Delta::Bytes(slots));
      }
    }
  }
}

TEST(StatusObjectTest, TheSmallerPositionIsOlderAndTiesAreBroken) {
  StatusObject old(8, 5);
  StatusObject young(16, 1);
  StatusObject tied(8, 6);
  EXPECT_TRUE(old.OlderThan(young));
  EXPECT_FALSE(young.OlderThan(old));
  EXPECT_TRUE(old.OlderThan(tied));
  EXPECT_FALSE(tied.OlderThan(old));
  EXPECT_FALSE(old.OlderThan(old));
}

// A run in memory of exactly its size.
class RunBuffer {
 public:
  explicit RunBuffer(const std::vector<uint8_t>& fingerprints)
      : memory_(std::make_unique<char[]>(Run::Bytes(static_cast<uint32_t>(fingerprints.size())))) {
    run_ = new (memory_.get()) Run{};
    run_->count = static_cast<uint32_t>(fingerprints.size());
    std::memset(run_->fingerprints(), 0, Run::FingerprintBytes(run_->count));
    std::copy(fingerprints.begin(), fingerprints.end(), run_->fingerprints());
    for (uint32_t i = 0; i < run_->count; ++i) run_->versions()[i] = nullptr;
    for (uint32_t i = 0; i < run_->count; ++i) run_->heads()[i] = i;
  }
  const Run& run() const { return *run_; }

 private:
  std::unique_ptr<char[]> memory_;
  Run* run_;
};

TEST(RunTest, NextMatchAgreesWithALoop) {
  Random random(Random::Derive(TestSeed(), 1));
  for (uint32_t count = 0; count <= 70; ++count) {
    for (int round = 0; round < 20; ++round) {
      std::vector<uint8_t> prints(count);
      // Few values, zero among them: the filling behind the last one is zero too.
      for (uint8_t& print : prints) print = static_cast<uint8_t>(random.Below(4));
      RunBuffer buffer(prints);
      for (uint8_t wanted = 0; wanted < 5; ++wanted) {
        for (uint32_t from = 0; from <= count; ++from) {
          uint32_t expected = from;
          while (expected < count && prints[expected] != wanted) ++expected;
          ASSERT_EQ(buffer.run().NextMatch(wanted, from), expected)
              << "count " << count << ", from " << from;
        }
      }
    }
  }
}

TEST(RunTest, PartsLieBehindEachOtherAligned) {
  for (uint32_t count = 0; count <= 70; ++count) {
    RunBuffer buffer{std::vector<uint8_t>(count)};
    const auto& run = buffer.run();  // Run names something else in a test
    const char* begin = reinterpret_cast<const char*>(&run);
    EXPECT_EQ(run.fingerprints(), reinterpret_cast<const uint8_t*>(begin + 64));
    EXPECT_GE(reinterpret_cast<const char*>(run.versions()), begin + 64 + count);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(run.versions()) % alignof(Version*), 0u);
    EXPECT_EQ(reinterpret_cast<const char*>(run.heads() + count), begin + run.allocation_bytes());
  }
}

}  // namespace
}  // namespace moraine
