// The conformance suite of adapters over moraine: its engine, and its library.
#include "bench/peers/moraine_store.h"

#include "bench/peers/database_store.h"
#include "tests/bench/store_conformance.h"

namespace moraine::bench {
namespace {

INSTANTIATE_TEST_SUITE_P(Moraine, StoreConformanceTest,
                         testing::Values(StoreCase{{"moraine", OpenMoraine}, false},
                                         StoreCase{{"moraine", OpenMoraine}, true}),
                         [](const auto& chosen) { return chosen.param.Name(); });

INSTANTIATE_TEST_SUITE_P(Database, StoreConformanceTest,
                         testing::Values(StoreCase{{"moraine", OpenDatabase}, false},
                                         StoreCase{{"moraine", OpenDatabase}, true},
                                         StoreCase{{"moraine", OpenDatabase}, false, true}),
                         [](const auto& chosen) { return chosen.param.Name(); });

}  // namespace
}  // namespace moraine::bench
