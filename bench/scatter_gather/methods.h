// The table of what is measured.
#ifndef MORAINE_BENCH_SCATTER_GATHER_METHODS_H_
#define MORAINE_BENCH_SCATTER_GATHER_METHODS_H_

#include <span>
#include <string_view>

#include "bench/scatter_gather/page_reader.h"

namespace moraine::bench {

// The names that verdicts speak of.
inline constexpr std::string_view kSerialMethod = "pread";
inline constexpr std::string_view kBareMethod = "uring";
inline constexpr std::string_view kOwnMethod = "moraine";

std::span<const ReadMethodRow> AllReadMethods();

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_SCATTER_GATHER_METHODS_H_
