// The pipe between the two processes carries positions of items as 32-bit numbers.
#include "tools/first_run/crash.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <cstring>
#include <optional>

#include "fmt/format.h"
#include "storage/base/status_macros.h"
#include "tools/first_run/child_process.h"

namespace moraine::first_run {

void ReportAcknowledged(std::span<const uint32_t> positions) {
  // A write to a pipe of at most PIPE_BUF bytes is not mixed with those of other threads, and a
  // killed process has written it whole or not at all.
  constexpr size_t kMost = PIPE_BUF / sizeof(uint32_t);
  while (!positions.empty()) {
    const std::span<const uint32_t> part = positions.first(std::min(kMost, positions.size()));
    if (::write(STDOUT_FILENO, part.data(), part.size_bytes()) < 0) return;
    positions = positions.subspan(part.size());
  }
}

absl::StatusOr<std::vector<uint32_t>> KillInMidLoad(const std::vector<std::string>& command,
                                                    size_t item_count,
                                                    absl::FunctionRef<void(uint64_t)> tick) {
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<ChildProcess> child, ChildProcess::Start(command));
  std::string bytes;
  char piece[PIPE_BUF];
  bool killed = false;
  while (true) {
    MORAINE_ASSIGN_OR_RETURN(const size_t got, child->Read(piece, sizeof piece));
    if (got == 0) break;
    bytes.append(piece, got);
    const uint64_t reported = bytes.size() / sizeof(uint32_t);
    tick(reported);
    if (!killed && reported >= item_count / 2) {
      child->Kill();
      killed = true;
    }
  }
  const int code = child->Wait();
  if (!killed) {
    return absl::UnavailableError(
        fmt::format("the loading process ended by itself, with exit code {}", code));
  }
  std::vector<uint32_t> positions(bytes.size() / sizeof(uint32_t));
  std::memcpy(positions.data(), bytes.data(), positions.size() * sizeof(uint32_t));
  return positions;
}

absl::StatusOr<CrashCheck> CheckAfterCrash(const std::string& path, const Options& options,
                                           const Dataset& dataset,
                                           std::span<const uint32_t> acknowledged) {
  CrashCheck check;
  check.acknowledged = acknowledged.size();
  const auto start = std::chrono::steady_clock::now();
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<Database> database, Database::Open(path, options));
  check.open_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  MORAINE_ASSIGN_OR_RETURN(check.stats, database->Stats());
  const Tree tree = database->default_tree();
  MORAINE_ASSIGN_OR_RETURN(check.state, CheckState(*database, tree, dataset));
  std::string record;
  for (const uint32_t position : acknowledged) {
    if (position >= dataset.items().size()) return absl::InternalError("a position out of range");
    const Item& item = dataset.items()[position];
    const std::string key = std::string(dataset.prefix()) + item.name;
    MORAINE_ASSIGN_OR_RETURN(const bool found, database->Get(tree, key, &record));
    if (found && record == item.record) continue;
    ++check.lost;
    if (check.lost <= 3) {
      check.state.problems.push_back(
          fmt::format("{} was durable and is {}", key, found ? "different now" : "gone"));
    }
  }
  MORAINE_ASSIGN_OR_RETURN(const VerifyReport verified, database->Verify());
  for (const VerifyFinding& finding : verified.findings) {
    check.state.problems.push_back(finding.where + ": " + finding.what);
  }
  MORAINE_RETURN_IF_ERROR(database->Close());
  return check;
}

}  // namespace moraine::first_run
