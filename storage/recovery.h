// From files to trees: the newest checkpoint is loaded page by page, then the log is replayed from
// there, in order. What was acknowledged as durable is there afterwards, every batch whole or not
// at all, and the result is a prefix of the commit order.
#ifndef MORAINE_STORAGE_RECOVERY_H_
#define MORAINE_STORAGE_RECOVERY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/base/ids.h"
#include "storage/catalog.h"
#include "storage/io/io.h"
#include "storage/log/log.h"

namespace moraine {

struct RecoveryResult {
  Lsn log_end;        // where the log goes on
  Lsn checkpoint{0};  // position of the checkpoint that was loaded; 0: none
  uint64_t replayed_records = 0;
};

// The positions of the checkpoints in the directory, ascending.
absl::StatusOr<std::vector<Lsn>> ListCheckpoints(Directory& directory);

class Recovery {
 public:
  Recovery(Io& io, Directory& directory, const LogOptions& log_options, Catalog* catalog)
      : io_(io), directory_(directory), log_options_(log_options), catalog_(*catalog) {}

  // Fills the empty trees of the catalog. Single-threaded; the environment has no log yet.
  absl::StatusOr<RecoveryResult> Run();

 private:
  absl::Status LoadCheckpoint(Lsn position);
  absl::Status ReplayRecord(const LogReader::Record& record);
  absl::Status ReplayOperations(std::string_view payload, Lsn lsn);
  absl::Status ReplayOne(const LoggedOperation& operation, Lsn lsn);

  Io& io_;
  Directory& directory_;
  const LogOptions& log_options_;
  Catalog& catalog_;
  RecoveryResult result_;
  Lsn replay_from_ = kFirstLsn;
  std::map<uint64_t, std::string>
      chains_;  // bytes of large writes by the position of their first chunk
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_RECOVERY_H_
