// Last names as TPC-C makes them: three syllables, chosen by the digits of a number.
#ifndef MORAINE_BENCH_TRANSACTIONS_TPCC_NAMES_H_
#define MORAINE_BENCH_TRANSACTIONS_TPCC_NAMES_H_

#include <cstdint>
#include <string>

namespace moraine::bench {

// `number` below 1000.
inline std::string TpccLastName(uint32_t number) {
  constexpr const char* kSyllables[] = {"BAR", "OUGHT", "ABLE",  "PRI",   "PRES",
                                        "ESE", "ANTI",  "CALLY", "ATION", "EING"};
  return std::string(kSyllables[number / 100 % 10]) + kSyllables[number / 10 % 10] +
         kSyllables[number % 10];
}

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_TRANSACTIONS_TPCC_NAMES_H_
