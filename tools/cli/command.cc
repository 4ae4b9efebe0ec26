// The options that every command has.
#include "tools/cli/command.h"

#include <utility>

namespace moraine::cli {

CLI::App* CommandLine::AddPlain(const std::string& name, const std::string& description) {
  CLI::App* command = app_.add_subcommand(name, description);
  command->add_flag("--json", session_.options().json, "print JSON, one object per line");
  return command;
}

CLI::App* CommandLine::Add(const std::string& name, const std::string& description) {
  CLI::App* command = AddPlain(name, description);
  CommonOptions& options = session_.options();
  command->add_option("database", options.path, "directory of the database")->required();
  command->add_option("--tree", options.tree, "tree to use")->capture_default_str();
  command->add_flag("--hex", options.hex, "keys and values are hexadecimal, read and printed");
  command->add_flag("--read-only", options.read_only, "refuse to change anything");
  command->add_option("--cache", options.cache_bytes, "memory to use, such as 64M or 2G")
      ->transform(CLI::AsSizeValue(false))
      ->option_text("SIZE");
  return command;
}

CLI::Option* CommandLine::AddOptional(CLI::App* command, const std::string& name,
                                      OptionalText* value, const std::string& description) {
  value->option = command->add_option(name, value->text, description);
  return value->option;
}

void CommandLine::OnUse(CLI::App* command, Action action) {
  command->callback([this, action = std::move(action)] { action_ = action; });
}

}  // namespace moraine::cli
