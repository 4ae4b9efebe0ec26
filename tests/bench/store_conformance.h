// What every adapter has to do alike, so that a benchmark compares engines and not adapters. A test
// file instantiates the suite with its contenders.
#ifndef MORAINE_TESTS_BENCH_STORE_CONFORMANCE_H_
#define MORAINE_TESTS_BENCH_STORE_CONFORMANCE_H_

#include <memory>
#include <ostream>
#include <string>

#include "gtest/gtest.h"

#include "bench/peers/store.h"
#include "bench/temporary_directory.h"

namespace moraine::bench {

struct StoreCase {
  Contender contender;
  bool synced = false;
  bool cold = false;
  std::string Name() const {
    return contender.name + (synced ? "_synced" : "") + (cold ? "_cold" : "");
  }
};

inline void PrintTo(const StoreCase& store_case, std::ostream* out) { *out << store_case.Name(); }

class StoreConformanceTest : public testing::TestWithParam<StoreCase> {
 protected:
  void SetUp() override;
  void TearDown() override;
  // Opens the store in directory_.
  void OpenStore();
  std::unique_ptr<Session> NewSession();

  std::unique_ptr<TemporaryDirectory> directory_;
  std::unique_ptr<Store> store_;
};

}  // namespace moraine::bench

#endif  // MORAINE_TESTS_BENCH_STORE_CONFORMANCE_H_
