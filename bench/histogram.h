// Latencies in a fixed table: 32 buckets per power of two, so a percentile is at most 3 % off and
// recording is an index computation and an increment. One per thread, merged afterwards.
#ifndef MORAINE_BENCH_HISTOGRAM_H_
#define MORAINE_BENCH_HISTOGRAM_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace moraine::bench {

class Histogram {
 public:
  void Record(uint64_t value_ns) { ++counts_[BucketOf(value_ns)]; }
  void Merge(const Histogram& other);
  uint64_t count() const;
  // The value that `fraction` of the recorded ones do not exceed (middle of its bucket); 0 when
  // nothing was recorded.
  double PercentileNs(double fraction) const;

 private:
  static constexpr int kSubBits = 5;
  static constexpr uint64_t kSubBuckets = uint64_t{1} << kSubBits;
  static constexpr int kMostBits = 42;  // an hour; longer ones share the last bucket
  static constexpr size_t kBuckets = (kMostBits - kSubBits + 1) * kSubBuckets;

  // Values below 32 have a bucket each; above, the five bits after the leading one choose.
  static size_t BucketOf(uint64_t value) {
    if (value < kSubBuckets) return value;
    const int shift = std::bit_width(value) - 1 - kSubBits;
    const size_t bucket = shift * kSubBuckets + (value >> shift);
    return bucket < kBuckets ? bucket : kBuckets - 1;
  }
  static double MiddleOf(size_t bucket);

  std::array<uint64_t, kBuckets> counts_{};
};

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_HISTOGRAM_H_
