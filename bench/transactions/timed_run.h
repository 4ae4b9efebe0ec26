// The timed loop of runs in which threads do different things: a writer beside a scan, mixes of
// operations. Each thread has a step, which belongs to a role; what a role did is one result.
#ifndef MORAINE_BENCH_TRANSACTIONS_TIMED_RUN_H_
#define MORAINE_BENCH_TRANSACTIONS_TIMED_RUN_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "bench/peers/store.h"
#include "bench/run_result.h"

namespace moraine::bench {

// One operation of one thread; how many operations it counts for. Checks what it got.
class Step {
 public:
  virtual ~Step() = default;
  virtual absl::StatusOr<uint64_t> operator()() = 0;
};

struct Role {
  std::string workload;  // the name on its line
  int threads = 1;
  // Called on the thread that runs the step, with a session of its own.
  std::function<std::unique_ptr<Step>(Session& session, int thread)> make;
};

struct RoleResult {
  std::string workload;
  int threads = 1;
  RunResult result;
  uint64_t retries = 0;  // transactions begun again
  double abort_rate() const {
    const auto all = static_cast<double>(result.ops + retries);
    return all > 0 ? static_cast<double>(retries) / all : 0;
  }
};

struct TimedPlan {
  double seconds = 1;
  double warm_up_seconds = 0.25;
};

// All threads of all roles warm up, meet, and count until the time is over. Usage of the process is
// in the result of the first role.
absl::StatusOr<std::vector<RoleResult>> RunRoles(Store& store, const std::vector<Role>& roles,
                                                 const TimedPlan& plan);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_TRANSACTIONS_TIMED_RUN_H_
