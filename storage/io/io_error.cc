// The table from error numbers to status codes.
#include "storage/io/io_error.h"

#include <errno.h>

#include <string>
#include <system_error>

namespace moraine {
namespace {

absl::StatusCode CodeOf(int error_number) {
  switch (error_number) {
    case ENOENT:
      return absl::StatusCode::kNotFound;
    case EEXIST:
      return absl::StatusCode::kAlreadyExists;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return absl::StatusCode::kResourceExhausted;
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    case ELOOP:
    case ENOTDIR:
    case EISDIR:
    case ENXIO:
    case EBADF:
    case ENOTEMPTY:
      return absl::StatusCode::kFailedPrecondition;
    case EINVAL:
    case ENAMETOOLONG:
      return absl::StatusCode::kInvalidArgument;
    default:
      return absl::StatusCode::kUnavailable;
  }
}

}  // namespace

absl::Status SystemError(int error_number, std::string_view action, std::string_view path) {
  std::string message(action);
  message.append(" ").append(path).append(": ");
  message.append(std::generic_category().message(error_number));
  return absl::Status(CodeOf(error_number), message);
}

}  // namespace moraine
