// Merging and reading of latency histograms.
#include "bench/histogram.h"

#include <cmath>
#include <numeric>

namespace moraine::bench {

void Histogram::Merge(const Histogram& other) {
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) counts_[bucket] += other.counts_[bucket];
}

uint64_t Histogram::count() const {
  return std::accumulate(counts_.begin(), counts_.end(), uint64_t{0});
}

double Histogram::MiddleOf(size_t bucket) {
  if (bucket < kSubBuckets) return static_cast<double>(bucket);
  const uint64_t shift = bucket / kSubBuckets - 1;
  const uint64_t low = (bucket - shift * kSubBuckets) << shift;
  return static_cast<double>(low) + static_cast<double>((uint64_t{1} << shift) - 1) / 2;
}

double Histogram::PercentileNs(double fraction) const {
  const uint64_t total = count();
  if (total == 0) return 0;
  const auto rank = static_cast<uint64_t>(std::ceil(fraction * static_cast<double>(total)));
  uint64_t seen = 0;
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += counts_[bucket];
    if (seen >= rank && seen > 0) return MiddleOf(bucket);
  }
  return MiddleOf(kBuckets - 1);
}

}  // namespace moraine::bench
