// Running another program: once to read what it prints, once to be killed in the middle of its
// work.
#ifndef MORAINE_TOOLS_FIRST_RUN_CHILD_PROCESS_H_
#define MORAINE_TOOLS_FIRST_RUN_CHILD_PROCESS_H_

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace moraine::first_run {

// A program whose standard output comes to this process through a pipe.
class ChildProcess {
 public:
  // `arguments[0]` is looked up in PATH.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(
      const std::vector<std::string>& arguments);
  // Kills it if it still runs.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Waits for output and reads up to `size` bytes of it; 0 at its end.
  absl::StatusOr<size_t> Read(char* data, size_t size);
  // Ends it at once, as a crash would: no destructor and no handler of it runs.
  void Kill();
  // Waits for its end; its exit code, or 128 plus the signal that ended it.
  int Wait();

 private:
  ChildProcess(pid_t process, int output) : process_(process), output_(output) {}

  pid_t process_;  // 0: waited for
  int output_;
  int exit_code_ = 0;
};

// Everything that a program prints; an error unless it exits with 0.
absl::StatusOr<std::string> OutputOf(const std::vector<std::string>& arguments);

}  // namespace moraine::first_run

#endif  // MORAINE_TOOLS_FIRST_RUN_CHILD_PROCESS_H_
