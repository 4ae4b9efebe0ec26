// Errors as a program sees them. Every call of moraine that can fail returns an absl::Status or an
// absl::StatusOr; nothing throws. This header says what the codes mean and turns one into a
// message and an exit code.
//
//   NotFound            no database at the path, no tree of that name; never: an absent key
//   AlreadyExists       the database or the tree is there already
//   InvalidArgument     a key, value or name of a size that cannot be stored
//   FailedPrecondition  misuse: a closed database, a read-only one written to, no merge operator,
//                       or another process has the database open
//   ResourceExhausted   the memory budget or the disk is full; nothing was written
//   Aborted             a conflict with another writer; trying again may succeed (transaction.h)
//   DeadlineExceeded    a transaction met conflicts until its time was over; nothing was written
//   Unknown             a commit took effect, but the device failed before it was durable: only
//                       opening the database again tells whether it survived
//   DataLoss            damaged bytes: the message names file, offset, expected and found
//   Unavailable         the device failed; the database refuses writes until it is opened again
#ifndef MORAINE_API_STATUS_H_
#define MORAINE_API_STATUS_H_

#include "absl/status/status.h"

#include <moraine/namespace.h>

namespace moraine::MORAINE_V1 {

// Exit codes of the moraine command, free for other programs to use.
enum ExitCode : int {
  kExitOk = 0,
  kExitNotFound = 1,    // not found, or a check failed
  kExitUsage = 2,       // the caller asked for something that cannot be done
  kExitCorruption = 3,  // damaged bytes
  kExitConflict = 4,    // another writer was first, or the thing exists already
  kExitDevice = 5,      // input, output, memory or space
};

// The exit code that fits a status.
ExitCode ExitCodeOf(const absl::Status& status);

// Prints "moraine: MESSAGE (CODE)" to standard error unless the status is OK, and returns its exit
// code: `return moraine::PrintAndExit(status);` at the end of main.
int PrintAndExit(const absl::Status& status);

}  // namespace moraine::MORAINE_V1

#endif  // MORAINE_API_STATUS_H_
