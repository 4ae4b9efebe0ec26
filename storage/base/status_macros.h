// Early return for absl::Status and absl::StatusOr, which every layer uses for errors.
//
//   MORAINE_RETURN_IF_ERROR(file.Sync());
//   MORAINE_ASSIGN_OR_RETURN(Page page, cache.Read(id));
//
// The error path returns the status unchanged; where context helps (file, offset, key), the
// callee puts it into the message, since only the callee knows it.
#ifndef MORAINE_STORAGE_BASE_STATUS_MACROS_H_
#define MORAINE_STORAGE_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define MORAINE_MACRO_CONCAT_INNER(a, b) a##b
#define MORAINE_MACRO_CONCAT(a, b) MORAINE_MACRO_CONCAT_INNER(a, b)

// Returns the status of `expression` from the enclosing function unless it is OK.
#define MORAINE_RETURN_IF_ERROR(expression)                                 \
  do {                                                                      \
    if (absl::Status moraine_status = (expression); !moraine_status.ok()) { \
      return moraine_status;                                                \
    }                                                                       \
  } while (false)

// Evaluates `expression`, a StatusOr; assigns its value to `target`, which may be a
// declaration, or returns its status. It expands to several statements, so it needs braces
// as the body of an if. A target with a comma in its type needs parentheses or an alias.
#define MORAINE_ASSIGN_OR_RETURN(target, expression)                                         \
  MORAINE_ASSIGN_OR_RETURN_INNER(MORAINE_MACRO_CONCAT(moraine_status_or_, __LINE__), target, \
                                 expression)

#define MORAINE_ASSIGN_OR_RETURN_INNER(holder, target, expression) \
  auto holder = (expression);                                      \
  if (!holder.ok()) {                                              \
    return std::move(holder).status();                             \
  }                                                                \
  target = *std::move(holder)

#endif  // MORAINE_STORAGE_BASE_STATUS_MACROS_H_
