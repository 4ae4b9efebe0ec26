// Which record is next: uniform, or by the law of Zipf, a few records often and most seldom (J. Gray
// et al., "Quickly generating billion-record synthetic databases", SIGMOD 1994, as in YCSB).
#ifndef MORAINE_BENCH_TRANSACTIONS_KEY_CHOICE_H_
#define MORAINE_BENCH_TRANSACTIONS_KEY_CHOICE_H_

#include <cmath>
#include <cstdint>

#include "bench/record_set.h"

namespace moraine::bench {

// Immutable; shared by all threads. The constructor takes some nanoseconds per record.
class ZipfTable {
 public:
  // `skew` in [0, 1); 0 is uniform.
  ZipfTable(uint64_t count, double skew) : count_(count), skew_(skew) {
    for (uint64_t rank = 1; rank <= count; ++rank)
      sum_ += 1 / std::pow(static_cast<double>(rank), skew);
    const double first_two = 1 + std::pow(0.5, skew);
    alpha_ = 1 / (1 - skew);
    eta_ = (1 - std::pow(2.0 / static_cast<double>(count), 1 - skew)) / (1 - first_two / sum_);
    second_ = first_two;
  }

  // A rank in [0, count), 0 the most frequent.
  uint64_t Draw(RandomStream* random) const {
    if (skew_ == 0) return random->Below(count_);
    const double unit = static_cast<double>(random->Next() >> 11) * 0x1p-53;
    const double scaled = unit * sum_;
    if (scaled < 1) return 0;
    if (scaled < second_) return 1 % count_;
    const auto rank = static_cast<uint64_t>(static_cast<double>(count_) *
                                            std::pow(eta_ * unit - eta_ + 1, alpha_));
    return rank < count_ ? rank : count_ - 1;
  }

  uint64_t count() const { return count_; }

 private:
  const uint64_t count_;
  const double skew_;
  double sum_ = 0;
  double alpha_ = 0;
  double eta_ = 0;
  double second_ = 0;  // of the sum, what the first two ranks have
};

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_TRANSACTIONS_KEY_CHOICE_H_
