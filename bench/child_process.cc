// A pipe, posix_spawn or fork, and waiting.
#include "bench/child_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "storage/base/status_macros.h"

extern char** environ;

namespace moraine::bench {
namespace {

absl::Status CallError(const std::string& call) {
  return absl::UnavailableError(call + ": " + std::strerror(errno));
}

// Reads until the writing end is closed, then waits for the child.
absl::StatusOr<ChildOutput> Collect(pid_t child, int pipe) {
  ChildOutput output;
  std::string piece(size_t{64} << 10, '\0');
  absl::Status status;
  while (true) {
    const ssize_t got = read(pipe, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) status = CallError("reading a pipe");
    if (got <= 0) break;
    output.text.append(piece, 0, static_cast<size_t>(got));
  }
  close(pipe);
  int state = 0;
  while (waitpid(child, &state, 0) < 0 && errno == EINTR) {
  }
  MORAINE_RETURN_IF_ERROR(status);
  output.exit_code = WIFSIGNALED(state) ? 128 + WTERMSIG(state) : WEXITSTATUS(state);
  return output;
}

}  // namespace

absl::StatusOr<ChildOutput> RunProgram(const std::vector<std::string>& arguments) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return CallError("pipe");
  std::vector<std::string> copies = arguments;  // the call wants pointers to mutable text
  std::vector<char*> pointers;
  for (std::string& argument : copies) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  pid_t child = 0;
  const int error = posix_spawnp(&child, pointers[0], &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error == 0) return Collect(child, ends[0]);
  close(ends[0]);
  return absl::NotFoundError(arguments[0] + ": " + std::strerror(error));
}

absl::StatusOr<ChildOutput> RunInChild(absl::FunctionRef<int(int pipe)> work) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return CallError("pipe");
  std::fflush(nullptr);  // or the child would write buffered output once more
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // a child must not go on working for nobody
    close(ends[0]);
    const int exit_code = work(ends[1]);
    std::fflush(nullptr);
    _exit(exit_code);
  }
  close(ends[1]);
  if (child > 0) return Collect(child, ends[0]);
  absl::Status status = CallError("fork");
  close(ends[0]);
  return status;
}

}  // namespace moraine::bench
