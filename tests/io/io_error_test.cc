// The table of error codes, which callers act upon.
#include "storage/io/io_error.h"

#include <errno.h>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace moraine {
namespace {

TEST(IoErrorTest, CodeSaysWhatTheCallerMayDo) {
  const std::pair<int, absl::StatusCode> kExpected[] = {
      {ENOENT, absl::StatusCode::kNotFound},
      {EEXIST, absl::StatusCode::kAlreadyExists},
      {ENOSPC, absl::StatusCode::kResourceExhausted},
      {EDQUOT, absl::StatusCode::kResourceExhausted},
      {EFBIG, absl::StatusCode::kResourceExhausted},
      {EMFILE, absl::StatusCode::kResourceExhausted},
      {ENOMEM, absl::StatusCode::kResourceExhausted},
      {EACCES, absl::StatusCode::kPermissionDenied},
      {EROFS, absl::StatusCode::kPermissionDenied},
      {ELOOP, absl::StatusCode::kFailedPrecondition},
      {EBADF, absl::StatusCode::kFailedPrecondition},
      {EINVAL, absl::StatusCode::kInvalidArgument},
      {EIO, absl::StatusCode::kUnavailable},
      {ENODEV, absl::StatusCode::kUnavailable},
  };
  for (const auto& [error_number, code] : kExpected) {
    EXPECT_EQ(SystemError(error_number, "open", "a file").code(), code) << error_number;
  }
}

TEST(IoErrorTest, MessageNamesActionFileAndCause) {
  EXPECT_EQ(SystemError(ENOSPC, "write", "db/data at offset 5").message(),
            "write db/data at offset 5: No space left on device");
}

}  // namespace
}  // namespace moraine
