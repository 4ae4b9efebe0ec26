// From files to trees: the page table of the last checkpoint is loaded, pages themselves stay where
// they are, and the log is replayed from the checkpoint's redo position, in order, onto pages that
// need not be in memory. What was acknowledged as durable is there afterwards, every batch whole or
// not at all, and the result is a prefix of the commit order.
#ifndef MORAINE_STORAGE_RECOVERY_H_
#define MORAINE_STORAGE_RECOVERY_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/base/ids.h"
#include "storage/catalog.h"
#include "storage/database_files.h"
#include "storage/io/io.h"
#include "storage/log/log.h"
#include "storage/manifest.h"
#include "storage/table_chunk.h"
#include "storage/tree/tree_environment.h"

namespace moraine {

struct RecoveryResult {
  Lsn log_end;  // where the log goes on
  uint64_t replayed_records = 0;
};

class Recovery {
 public:
  // `environment` is the catalog's; its recovery_position moves on with the replay.
  Recovery(Io& io, Directory& directory, const LogOptions& log_options,
           TreeEnvironment* environment, Catalog* catalog)
      : io_(io),
        directory_(directory),
        log_options_(log_options),
        environment_(*environment),
        catalog_(*catalog) {}

  // Fills the page table and the catalog from a checkpoint's manifest, then replays the log.
  // Single-threaded; the environment has no log yet.
  absl::StatusOr<RecoveryResult> Run(const Manifest& manifest);

 private:
  absl::Status LoadTable(const Manifest& manifest);
  absl::Status AdoptChunk(uint32_t chunk, std::string_view payload);
  absl::Status AdoptEntry(const TableEntry& entry);
  absl::Status AdoptTrees(const Manifest& manifest);
  absl::Status ReplayRecord(const LogReader::Record& record);
  absl::Status ReplayOperations(std::string_view payload, Lsn lsn);
  absl::Status ReplayOne(const LoggedOperation& operation, Lsn lsn);

  Io& io_;
  Directory& directory_;
  const LogOptions& log_options_;
  TreeEnvironment& environment_;
  Catalog& catalog_;
  RecoveryResult result_;
  Lsn redo_;
  std::set<TreeId> trees_;  // of the checkpoint
  std::map<uint64_t, std::string>
      chains_;  // bytes of large writes by the position of their first chunk
};

// The manifest that the superblock names; an empty one for generation 0.
absl::StatusOr<Manifest> ReadManifest(Io& io, Directory& directory, const Superblock& superblock);

}  // namespace moraine

#endif  // MORAINE_STORAGE_RECOVERY_H_
