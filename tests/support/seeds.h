// Seeds and numeric flags of random tests. Every such test draws from one seed, prints it as
// `--seed=N`, and runs the same again when that is given back to it. The command line is read from
// the system, so a test needs no main function of its own.
#ifndef MORAINE_TESTS_SUPPORT_SEEDS_H_
#define MORAINE_TESTS_SUPPORT_SEEDS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace moraine {

// The seed of this process: from --seed=N, or drawn fresh; printed at the first call.
uint64_t TestSeed();

// The value of --name=N, or `otherwise`: how a soak run asks for more than a presubmit does.
uint64_t TestFlag(std::string_view name, uint64_t otherwise);

// Sanitizers cost about ten times the time: tests take this part of their rounds under them.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr uint64_t kSanitizerSlowdown = 10;
#else
inline constexpr uint64_t kSanitizerSlowdown = 1;
#endif

// A directory that is empty now and belongs to this test alone, below the test's scratch space.
std::string FreshDirectory(std::string_view name);

// A small, fast generator (xorshift over a splitmix start): the same numbers on every machine,
// which the generators of the standard library promise but their distributions do not.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(Mix(seed) | 1) {}

  uint64_t Next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_ * 0x2545f4914f6cdd1d;
  }
  // Uniform in [0, bound); `bound` > 0.
  uint64_t Below(uint64_t bound) { return (Next() >> 11) % bound; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  // Small numbers often, large ones now and then: every magnitude up to `bits` bits equally likely.
  uint64_t Skewed(unsigned bits) {
    unsigned width = static_cast<unsigned>(Below(bits + 1));
    return width == 0 ? 0 : Next() >> (64 - width);
  }
  std::string Bytes(size_t count);

  // A seed for part `index` of a test, independent of the others.
  static uint64_t Derive(uint64_t seed, uint64_t index) { return Mix(seed ^ Mix(index + 1)); }

 private:
  static uint64_t Mix(uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
  }

  uint64_t state_;
};

}  // namespace moraine

#endif  // MORAINE_TESTS_SUPPORT_SEEDS_H_
