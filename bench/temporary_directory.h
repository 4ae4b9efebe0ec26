// A fresh empty directory that goes away, with all that is in it, at the end of its scope.
#ifndef MORAINE_BENCH_TEMPORARY_DIRECTORY_H_
#define MORAINE_BENCH_TEMPORARY_DIRECTORY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace moraine::bench {

class TemporaryDirectory {
 public:
  // Makes one inside `parent`; inside $TEST_TMPDIR, $TMPDIR or /tmp when that is empty.
  static absl::StatusOr<std::unique_ptr<TemporaryDirectory>> Create(const std::string& parent);

  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();

  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_TEMPORARY_DIRECTORY_H_
