// System error numbers as statuses: the one table that decides what a caller may do about a failure
// of the disk. Messages name the action, the file and, for transfers, the offset.
#ifndef MORAINE_STORAGE_IO_IO_ERROR_H_
#define MORAINE_STORAGE_IO_IO_ERROR_H_

#include <string_view>

#include "absl/status/status.h"

namespace moraine {

// NotFound and AlreadyExists as they say; ResourceExhausted: disk, quota, descriptors or kernel
// memory; PermissionDenied; FailedPrecondition: not the kind of file that is wanted (a symbolic
// link, a directory, opened for reading only); InvalidArgument; everything else, EIO first, is
// Unavailable: the device failed.
absl::Status SystemError(int error_number, std::string_view action, std::string_view path);

}  // namespace moraine

#endif  // MORAINE_STORAGE_IO_IO_ERROR_H_
