// Work in a process of its own: another program (fio), or a function of this one that must not
// share memory, caches or limits with what runs before and after it.
#ifndef MORAINE_BENCH_CHILD_PROCESS_H_
#define MORAINE_BENCH_CHILD_PROCESS_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace moraine::bench {

struct ChildOutput {
  std::string text;   // all that it wrote: to standard output, or to the pipe it was given
  int exit_code = 0;  // 128 plus the signal that ended it
};

// `arguments[0]` is looked up in PATH; NotFound when it is not there. Standard error is ours.
absl::StatusOr<ChildOutput> RunProgram(const std::vector<std::string>& arguments);

// Runs `work` in a forked child and ends it without destructors of static objects. Only where this
// process has one thread. `work` writes its results to `pipe` and returns the exit code.
absl::StatusOr<ChildOutput> RunInChild(absl::FunctionRef<int(int pipe)> work);

}  // namespace moraine::bench

#endif  // MORAINE_BENCH_CHILD_PROCESS_H_
