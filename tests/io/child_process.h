// Runs a part of a test in a process of its own: for what changes a whole process (a system call
// filter, a limit on file sizes, its death).
#ifndef MORAINE_TESTS_IO_CHILD_PROCESS_H_
#define MORAINE_TESTS_IO_CHILD_PROCESS_H_

#include <sys/wait.h>
#include <unistd.h>

namespace moraine {

inline constexpr int kChildSkipped = 77;

// The value `body` returned in a child process (0 to 255), or -1 when the child was killed.
template <class Body>
int RunInChild(Body body) {
  const pid_t child = fork();
  // noexcept: what goes wrong must not run the rest of the test a second time.
  if (child == 0) [&]() noexcept { _exit(body()); }();
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

}  // namespace moraine

#endif  // MORAINE_TESTS_IO_CHILD_PROCESS_H_
