// Making such a directory under a name nobody else has, and removing it with what is in it.
#include "bench/temporary_directory.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace moraine::bench {

absl::StatusOr<std::unique_ptr<TemporaryDirectory>> TemporaryDirectory::Create(
    const std::string& parent) {
  std::string base = parent;
  for (const char* name : {"TEST_TMPDIR", "TMPDIR"}) {
    if (const char* value = std::getenv(name); base.empty() && value != nullptr) base = value;
  }
  if (base.empty()) base = "/tmp";
  std::string path = base + "/moraine_bench.XXXXXX";
  if (mkdtemp(path.data()) == nullptr) {
    return absl::UnavailableError(base + ": cannot make a directory in it: " +
                                  std::strerror(errno) + "; choose another with --directory");
  }
  return std::make_unique<TemporaryDirectory>(path);
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace moraine::bench
