// Sorting a handful of numbers and taking the one in the middle.
#include "bench/statistics.h"

#include <algorithm>
#include <cstddef>

namespace moraine::bench {

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  if (values.size() % 2 == 1) return values[middle];
  return (values[middle - 1] + values[middle]) / 2;
}

}  // namespace moraine::bench
