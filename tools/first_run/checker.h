// Checks one state of the database: every index key has its item and every item all its index
// keys. Because an item and its index keys are written in one batch, this must hold at every
// instant, also while they are being loaded and after a crash.
#ifndef MORAINE_TOOLS_FIRST_RUN_CHECKER_H_
#define MORAINE_TOOLS_FIRST_RUN_CHECKER_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "tools/first_run/dataset.h"
#include "tools/first_run/loader.h"
#include <moraine/database.h>

namespace moraine::first_run {

struct StateCheck {
  uint64_t items = 0;
  uint64_t index_keys = 0;
  std::map<std::string, uint64_t> groups;  // items per group
  std::vector<std::string> problems;       // the first few, in words; empty: all is well
};

// Reads the whole of `view` once.
absl::StatusOr<StateCheck> CheckState(const ReadView& view, const Tree& tree,
                                      const Dataset& dataset);

// The subjects under an index prefix with the most keys, the most first.
absl::StatusOr<std::vector<std::pair<std::string, uint64_t>>> MostFrequent(const ReadView& view,
                                                                           const Tree& tree,
                                                                           std::string_view prefix,
                                                                           size_t count);

// What reader threads found while the loader ran.
class SnapshotReaders {
 public:
  SnapshotReaders(Database& database, const Dataset& dataset, const Loader& loader)
      : database_(database), dataset_(dataset), loader_(loader) {}

  // For each of several threads: takes and checks snapshots until the loader has finished.
  void Run();

  uint64_t snapshots() const { return snapshots_; }  // after the threads were joined, like
  uint64_t keys_read() const { return keys_read_; }  // the ones below
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  absl::Status CheckOne(uint64_t* items_before);

  Database& database_;
  const Dataset& dataset_;
  const Loader& loader_;
  std::mutex mutex_;  // guards what follows
  uint64_t snapshots_ = 0;
  uint64_t keys_read_ = 0;
  std::vector<std::string> problems_;
};

}  // namespace moraine::first_run

#endif  // MORAINE_TOOLS_FIRST_RUN_CHECKER_H_
