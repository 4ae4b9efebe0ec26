// The middle of a few repeated measurements.
#ifndef MORAINE_BENCH_STATISTICS_H_
#define MORAINE_BENCH_STATISTICS_H_

#include <vector>

namespace moraine::bench {

// The mean of the two middle ones when their number is even; 0 of none.
double Median(std::vector<double> values);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_STATISTICS_H_
