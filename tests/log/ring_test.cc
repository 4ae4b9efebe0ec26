// The ring alone, over memory of the test's own (as a checker would bring it): reservations follow
// each other, credit bounds them, padding ends where it should, laps do not see each other.
#include "storage/log/ring.h"

#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/log/ring_memory.h"
#include "tests/support/seeds.h"

namespace moraine {
namespace {

// One atomic word for every eight bytes; nothing else is stored.
class WordMemory {
 public:
  explicit WordMemory(uint64_t bytes) : words_(bytes / 8) {}
  uint64_t bytes() const { return words_.size() * 8; }
  template <class Policy>
  typename Policy::template Atomic<uint64_t>& Word(uint64_t position) {
    return words_[position / 8 % words_.size()];
  }
  void Clear(uint64_t position, uint64_t bytes) {
    for (uint64_t at = position; at < position + bytes; at += 8) {
      words_[at / 8 % words_.size()].store(0, std::memory_order_relaxed);
    }
  }

 private:
  std::vector<StdPolicy::Atomic<uint64_t>> words_;
};

using Ring = LogRing<StdPolicy, WordMemory>;

SlotWord Word(uint64_t bytes) {
  return SlotWord(1, static_cast<uint32_t>(bytes - kRecordHeaderBytes), RecordType::kOne);
}

TEST(LogRingTest, ReservationsFollowEachOther) {
  WordMemory memory(256);
  Ring ring(memory, 4096, 0);
  EXPECT_EQ(ring.Reserve(32), 4096u);
  EXPECT_EQ(ring.Reserve(24), 4128u);
  EXPECT_EQ(ring.Tail(), 4152u);
  EXPECT_EQ(ring.TailAfterAnnounce(), 4152u);
}

TEST(LogRingTest, CreditIsBoundedByFreeSpace) {
  WordMemory memory(256);
  Ring ring(memory, 0, 64);
  EXPECT_FALSE(ring.Take(193));
  EXPECT_TRUE(ring.Take(192));
  EXPECT_FALSE(ring.Take(1));
  ring.Give(100);
  EXPECT_FALSE(ring.Take(101));
  EXPECT_TRUE(ring.Take(100));
}

TEST(LogRingTest, UnpublishedSlotReadsAsUnpublished) {
  WordMemory memory(256);
  Ring ring(memory, 0, 0);
  uint64_t first = ring.Reserve(32);
  uint64_t second = ring.Reserve(32);
  ring.Publish(second, Word(32));
  EXPECT_FALSE(ring.Read(first).published());
  EXPECT_TRUE(ring.Read(second).published());
  ring.Publish(first, Word(32));
  EXPECT_EQ(ring.Read(first), Word(32));
}

TEST(LogRingTest, PaddingEndsAtTheUnit) {
  WordMemory memory(1024);
  Ring ring(memory, 0, 512);
  LogRange whole = ring.ReservePadding(128, 32);
  EXPECT_EQ(whole.begin, 0u);
  EXPECT_EQ(whole.bytes, 128u);
  ring.Reserve(96);
  LogRange exact = ring.ReservePadding(128, 32);
  EXPECT_EQ(exact.bytes, 32u);
  ring.Reserve(104);
  LogRange too_little_left = ring.ReservePadding(128, 32);
  EXPECT_EQ(too_little_left.bytes, 24u + 128u);
  EXPECT_EQ(too_little_left.end() % 128, 0u);
}

TEST(LogRingTest, ReleasedSpaceIsClearAndPaddingStaysAside) {
  WordMemory memory(256);
  Ring ring(memory, 0, 64);
  ASSERT_TRUE(ring.Take(192));
  ring.Publish(ring.Reserve(64), Word(64));
  ring.Publish(ring.Reserve(128), Word(128));
  LogRange padding = ring.ReservePadding(64, 32);
  ring.Publish(padding.begin, Word(64));
  EXPECT_EQ(ring.available(), 0u);
  ring.Release({0, 256}, 64);
  EXPECT_EQ(ring.available(), 192u);
  for (uint64_t at = 0; at < 256; at += 8) EXPECT_FALSE(ring.Read(at).published());
}

// Many laps of random records, published out of order: the reader of prefixes sees each exactly
// once, in order, and never what an earlier lap left.
TEST(LogRingTest, LapsDoNotSeeEachOther) {
  constexpr uint64_t kBytes = 1024;
  Random random(TestSeed());
  WordMemory memory(kBytes);
  Ring ring(memory, 512, 0);
  std::deque<LogRange> reserved;
  uint64_t flushed = 512;
  uint64_t expected = 512;
  for (int step = 0; step < 100'000; ++step) {
    uint64_t bytes = 24 + 8 * random.Below(20);
    if (random.OneIn(2) && ring.Take(bytes)) {
      reserved.push_back({ring.Reserve(bytes), bytes});
      ASSERT_EQ(reserved.back().begin, expected);
      expected += bytes;
    }
    if (random.OneIn(2) && !reserved.empty()) {
      size_t index = random.Below(reserved.size());
      ring.Publish(reserved[index].begin, Word(reserved[index].bytes));
      reserved.erase(reserved.begin() + static_cast<ptrdiff_t>(index));
    }
    uint64_t end = flushed;
    while (end < flushed + kBytes && ring.Read(end).published()) {
      end += ring.Read(end).record_bytes();
    }
    uint64_t first_open = reserved.empty() ? expected : reserved.front().begin;
    for (const LogRange& range : reserved) first_open = std::min(first_open, range.begin);
    ASSERT_EQ(end, first_open);
    if (random.OneIn(3)) {
      ring.Release({flushed, end - flushed}, 0);
      flushed = end;
    }
    ASSERT_LE(ring.Tail() - flushed + ring.available(), kBytes);
  }
}

TEST(RingMemoryTest, BytesGoOnBeyondTheEnd) {
  auto memory = RingMemory::Map(64 << 10);
  ASSERT_TRUE(memory.ok()) << memory.status();
  RingMemory& ring = **memory;
  EXPECT_EQ(reinterpret_cast<uintptr_t>(ring.Bytes(0)) % 4096, 0u);
  std::string text = "across the end";
  std::memcpy(ring.Bytes((64 << 10) - 5), text.data(), text.size());
  EXPECT_EQ(std::string(ring.Bytes(0), text.size() - 5), text.substr(5));
  EXPECT_EQ(ring.Bytes(64 << 10), ring.Bytes(0));
  ring.Clear((64 << 10) - 5, text.size());
  for (int i = 0; i < 9; ++i) EXPECT_EQ(ring.Bytes(0)[i], 0);
}

}  // namespace
}  // namespace moraine
