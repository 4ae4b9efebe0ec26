// The moraine command: reads the command line, runs one command, turns errors into exit codes.
#include <csignal>
#include <string>

#include <CLI/CLI.hpp>

#include "tools/cli/command.h"

namespace moraine::cli {
namespace {

constexpr char kDescription[] = "moraine: an embedded, transactional, ordered key-value store";
constexpr char kFooter[] =
    "Keys and values are bytes; give and print them as hexadecimal with --hex. Write -- before a\n"
    "key that begins with a dash.\n"
    "Exit codes: 0 ok, 1 not found or a failed check, 2 usage, 3 corruption, 4 conflict,\n"
    "5 input, output or space.";

int Main(int argument_count, char** arguments) {
  // A closed pipe is an error of write(), which Output understands; the signal would end the
  // process with the database open.
  std::signal(SIGPIPE, SIG_IGN);

  Session session;
  CLI::App app(kDescription, "moraine");
  app.footer(kFooter);
  app.require_subcommand(1);
  CommandLine line(app, session);
  for (const auto add : {AddCreate, AddGet, AddPut, AddDelete, AddCompareAndSwap, AddMerge, AddScan,
                         AddImport, AddExport, AddTransaction, AddStat, AddSpace, AddCompact,
                         AddVerify, AddCheckHistory, AddVersion}) {
    add(line);
  }
  try {
    app.parse(argument_count, arguments);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }

  absl::StatusOr<int> code = line.Run();
  const absl::Status closed = session.Close();
  if (!code.ok()) return session.Fail(code.status());
  if (!closed.ok()) return session.Fail(closed);
  return *code;
}

}  // namespace
}  // namespace moraine::cli

int main(int argument_count, char** arguments) {
  return moraine::cli::Main(argument_count, arguments);
}
