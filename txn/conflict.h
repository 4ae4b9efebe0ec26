// Why a transaction did not get through, as a value and inside an absl::Status. Whoever gets a
// status with a conflict may run the transaction again; an Aborted status without one is not ours.
#ifndef MORAINE_TXN_CONFLICT_H_
#define MORAINE_TXN_CONFLICT_H_

#include <optional>
#include <string>

#include "absl/status/status.h"

#include "storage/engine.h"

namespace moraine {

struct Conflict {
  const Tree* tree = nullptr;
  std::string key;  // what another writer has changed since it was read
  Lsn winner;       // that write's place in the commit order
};

// Aborted, with a message for people and the conflict for ConflictOf.
absl::Status ConflictError(const ReadItem& item, const ReadConflict& conflict);

// The conflict that a status carries; nullopt: it is about something else. Within the process that
// made it only: it names the tree by its address.
std::optional<Conflict> ConflictOf(const absl::Status& status);

}  // namespace moraine

#endif  // MORAINE_TXN_CONFLICT_H_
