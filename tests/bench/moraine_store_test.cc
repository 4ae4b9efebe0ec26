// The conformance suite of adapters over moraine.
#include "bench/peers/moraine_store.h"

#include "tests/bench/store_conformance.h"

namespace moraine::bench {
namespace {

INSTANTIATE_TEST_SUITE_P(Moraine, StoreConformanceTest,
                         testing::Values(StoreCase{{"moraine", OpenMoraine}, false},
                                         StoreCase{{"moraine", OpenMoraine}, true}),
                         [](const auto& chosen) { return chosen.param.Name(); });

}  // namespace
}  // namespace moraine::bench
