// The crash: a second process loads the same data into a fresh database and is killed in the middle
// of it; then the database is opened again and everything the process was told to be durable must
// be there.
#ifndef MORAINE_TOOLS_FIRST_RUN_CRASH_H_
#define MORAINE_TOOLS_FIRST_RUN_CRASH_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "tools/first_run/checker.h"
#include "tools/first_run/dataset.h"
#include <moraine/database.h>

namespace moraine::first_run {

// In the child: reports durable positions on standard output. Several writers may call it.
void ReportAcknowledged(std::span<const uint32_t> positions);

// In the parent: runs `command`, which loads and reports, and kills it when it has reported half of
// `item_count`. Returns all it reported. `tick` is called with their number now and then.
absl::StatusOr<std::vector<uint32_t>> KillInMidLoad(const std::vector<std::string>& command,
                                                    size_t item_count,
                                                    absl::FunctionRef<void(uint64_t)> tick);

struct CrashCheck {
  StateCheck state;           // with the problems of both kinds
  uint64_t acknowledged = 0;  // items reported durable before the kill
  uint64_t lost = 0;          // of these, not found afterwards: must be 0
  double open_seconds = 0;    // of opening, with recovery
  Stats stats;                // after opening
};

// Opens what the killed process left behind and checks it.
absl::StatusOr<CrashCheck> CheckAfterCrash(const std::string& path, const Options& options,
                                           const Dataset& dataset,
                                           std::span<const uint32_t> acknowledged);

}  // namespace moraine::first_run

#endif  // MORAINE_TOOLS_FIRST_RUN_CRASH_H_
