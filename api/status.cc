// The one table from status codes to exit codes.
#include <cstdio>
#include <string>

#include <moraine/status.h>

namespace moraine::MORAINE_V1 {

ExitCode ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kNotFound:
      return kExitNotFound;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnimplemented:
      return kExitUsage;
    case absl::StatusCode::kDataLoss:
      return kExitCorruption;
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kAlreadyExists:
      return kExitConflict;
    default:
      return kExitDevice;
  }
}

int PrintAndExit(const absl::Status& status) {
  if (!status.ok()) {
    const std::string code = absl::StatusCodeToString(status.code());
    std::fprintf(stderr, "moraine: %.*s (%s)\n", static_cast<int>(status.message().size()),
                 status.message().data(), code.c_str());
  }
  return ExitCodeOf(status);
}

}  // namespace moraine::MORAINE_V1
