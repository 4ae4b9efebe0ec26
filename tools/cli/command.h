// The commands: each adds itself to the command line and says what to run. The parser of the
// command line (CLI11) is behind command.cc, since it is slow to compile.
#ifndef MORAINE_TOOLS_CLI_COMMAND_H_
#define MORAINE_TOOLS_CLI_COMMAND_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "tools/cli/session.h"

namespace CLI {
class App;
}  // namespace CLI

namespace moraine::cli {

// Does the work and returns the exit code; an error is printed by the caller.
using Action = std::function<absl::StatusOr<int>(Session&)>;

// A text that may be left out; "" is given, too.
struct OptionalText {
  std::string text;
  bool given = false;
};

class CommandLine;

// One command while it is being described. A name without dashes is a positional argument. The
// values are written when the command line is parsed and must live until then.
class Command {
 public:
  Command(CommandLine& line, CLI::App& app) : line_(&line), app_(&app) {}

  Command& Required(const std::string& name, std::string* value, const std::string& description);
  // `excludes`: an option that cannot be given together with this one.
  Command& Optional(const std::string& name, OptionalText* value, const std::string& description,
                    const std::string& excludes = "");
  // Keeps its value when left out; `allowed`: when not empty, the only values.
  Command& Text(const std::string& name, std::string* value, const std::string& description,
                const std::vector<std::string>& allowed = {});
  Command& Number(const std::string& name, uint64_t* value, const std::string& description);
  // A number of bytes such as 64M.
  Command& Size(const std::string& name, uint64_t* value, const std::string& description);
  Command& Flag(const std::string& name, bool* value, const std::string& description);
  // What runs when the command is given.
  void OnUse(Action action);

 private:
  CommandLine* line_;
  CLI::App* app_;
};

// All commands.
class CommandLine {
 public:
  CommandLine(CLI::App& app, Session& session) : app_(app), session_(session) {}

  // A command on a database, with the options that all of them have.
  Command Add(const std::string& name, const std::string& description);
  // A command without a database.
  Command AddPlain(const std::string& name, const std::string& description);

  // Runs the action of the command that was given.
  absl::StatusOr<int> Run() { return action_(session_); }

 private:
  friend class Command;

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
void AddTransaction(CommandLine& line);
void AddStat(CommandLine& line);
void AddSpace(CommandLine& line);
void AddCompact(CommandLine& line);
void AddVerify(CommandLine& line);
void AddCheckHistory(CommandLine& line);
void AddVersion(CommandLine& line);

}  // namespace moraine::cli

#endif  // MORAINE_TOOLS_CLI_COMMAND_H_
