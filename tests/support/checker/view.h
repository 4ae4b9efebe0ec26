// What a thread of a checked program knows: how far it has seen each shared word, and which plain
// accesses of the others happened before its next step. Releases hand a view on, acquires join it.
//
// Fixed arrays: views are copied into every message, millions of times a second.
#ifndef MORAINE_TESTS_SUPPORT_CHECKER_VIEW_H_
#define MORAINE_TESTS_SUPPORT_CHECKER_VIEW_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace moraine::checker {

using ThreadIndex = uint8_t;     // 0 is the body of the scenario, before and after its threads
using LocationIndex = uint16_t;  // a shared word
using MessageIndex = uint16_t;   // one store to a word, in the order of execution; 0 is the initial

inline constexpr size_t kMostThreads = 6;
inline constexpr size_t kMostLocations = 64;

// Vector clock: how many steps of each thread happened before.
struct Clock {
  std::array<uint32_t, kMostThreads> at{};

  bool Covers(ThreadIndex thread, uint32_t time) const { return at[thread] >= time; }
  bool Covers(const Clock& other) const {
    for (size_t i = 0; i < kMostThreads; ++i) {
      if (at[i] < other.at[i]) return false;
    }
    return true;
  }
  void Join(const Clock& other) {
    for (size_t i = 0; i < kMostThreads; ++i) at[i] = std::max(at[i], other.at[i]);
  }
};

struct View {
  Clock clock;
  // The newest message, in modification order, that the thread must not read behind.
  std::array<MessageIndex, kMostLocations> seen{};
};

// A shared word's content: a number, or a term of the solver whose value is open (symbolic.h).
struct Value {
  uint64_t bits = 0;
  uint32_t term = 0;  // 0: `bits` is the value

  bool concrete() const { return term == 0; }
  bool operator==(const Value&) const = default;
};

}  // namespace moraine::checker

#endif  // MORAINE_TESTS_SUPPORT_CHECKER_VIEW_H_
