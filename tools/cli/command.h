// The commands: each adds itself to the command line and says what to run.
#ifndef MORAINE_TOOLS_CLI_COMMAND_H_
#define MORAINE_TOOLS_CLI_COMMAND_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include <CLI/CLI.hpp>

#include "tools/cli/session.h"

namespace moraine::cli {

// Does the work and returns the exit code; an error is printed by the caller.
using Action = std::function<absl::StatusOr<int>(Session&)>;

// A value of the command line that may be left out. Unlike std::optional, with which CLI11 takes an
// empty argument for a missing one, this tells "" from nothing.
struct OptionalText {
  std::string text;
  CLI::Option* option = nullptr;

  bool given() const { return option->count() != 0; }
};

// The command line while it is being described.
class CommandLine {
 public:
  CommandLine(CLI::App& app, Session& session) : app_(app), session_(session) {}

  // A command on a database, with the options that all of them have.
  CLI::App* Add(const std::string& name, const std::string& description);
  // A command without a database.
  CLI::App* AddPlain(const std::string& name, const std::string& description);
  // `action` runs when `command` was given.
  void OnUse(CLI::App* command, Action action);

  // An option or, by a name without dashes, a positional argument.
  static CLI::Option* AddOptional(CLI::App* command, const std::string& name, OptionalText* value,
                                  const std::string& description);

  // Runs the action of the command that was given.
  absl::StatusOr<int> Run() { return action_(session_); }

 private:
  CLI::App& app_;
  Session& session_;
  Action action_;
};

void AddCreate(CommandLine& line);
void AddGet(CommandLine& line);
void AddPut(CommandLine& line);
void AddDelete(CommandLine& line);
void AddCompareAndSwap(CommandLine& line);
void AddMerge(CommandLine& line);
void AddScan(CommandLine& line);
void AddImport(CommandLine& line);
void AddExport(CommandLine& line);
void AddStat(CommandLine& line);
void AddVerify(CommandLine& line);
void AddVersion(CommandLine& line);

}  // namespace moraine::cli

#endif  // MORAINE_TOOLS_CLI_COMMAND_H_
