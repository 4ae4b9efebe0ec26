// The cold half of check.h, kept out of line so that a check costs one compare and branch.
#include "storage/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace moraine::internal {

void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace moraine::internal
