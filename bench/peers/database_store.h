// moraine through its public C++ library, as an application uses it; moraine_store is the engine
// below.
#ifndef MORAINE_BENCH_PEERS_DATABASE_STORE_H_
#define MORAINE_BENCH_PEERS_DATABASE_STORE_H_

#include <memory>

#include "absl/status/statusor.h"

#include "bench/peers/store.h"

namespace moraine::bench {

absl::StatusOr<std::unique_ptr<Store>> OpenDatabase(const StoreSettings& settings);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_PEERS_DATABASE_STORE_H_
