// posix_spawn, a pipe, and waiting.
#include "tools/first_run/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "fmt/format.h"
#include "storage/base/status_macros.h"

extern char** environ;

namespace moraine::first_run {

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(
    const std::vector<std::string>& arguments) {
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) {
    return absl::UnavailableError(fmt::format("pipe: {}", std::strerror(errno)));
  }
  std::vector<char*> pointers;
  for (const std::string& argument : arguments) {
    pointers.push_back(const_cast<char*>(argument.c_str()));
  }
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
  pid_t process = 0;
  const int error =
      ::posix_spawnp(&process, pointers[0], &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(pipe_ends[1]);
  if (error != 0) {
    ::close(pipe_ends[0]);
    return absl::NotFoundError(fmt::format("{}: {}", arguments[0], std::strerror(error)));
  }
  return std::unique_ptr<ChildProcess>(new ChildProcess(process, pipe_ends[0]));
}

ChildProcess::~ChildProcess() {
  Kill();
  Wait();
  ::close(output_);
}

absl::StatusOr<size_t> ChildProcess::Read(char* data, size_t size) {
  while (true) {
    const ssize_t got = ::read(output_, data, size);
    if (got >= 0) return static_cast<size_t>(got);
    if (errno != EINTR) {
      return absl::UnavailableError(fmt::format("reading a pipe: {}", std::strerror(errno)));
    }
  }
}

void ChildProcess::Kill() {
  if (process_ != 0) ::kill(process_, SIGKILL);
}

int ChildProcess::Wait() {
  if (process_ == 0) return exit_code_;
  int state = 0;
  while (::waitpid(process_, &state, 0) < 0 && errno == EINTR) {
  }
  process_ = 0;
  exit_code_ = WIFSIGNALED(state) ? 128 + WTERMSIG(state) : WEXITSTATUS(state);
  return exit_code_;
}

absl::StatusOr<std::string> OutputOf(const std::vector<std::string>& arguments) {
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<ChildProcess> child, ChildProcess::Start(arguments));
  std::string output;
  std::string piece(size_t{256} << 10, '\0');
  while (true) {
    MORAINE_ASSIGN_OR_RETURN(const size_t got, child->Read(piece.data(), piece.size()));
    if (got == 0) break;
    output.append(piece, 0, got);
  }
  if (const int code = child->Wait(); code != 0) {
    return absl::UnavailableError(fmt::format("{} ended with exit code {}", arguments[0], code));
  }
  return output;
}

}  // namespace moraine::first_run
