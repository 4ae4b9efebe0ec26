// Describing commands to CLI11: the only file besides main.cc that includes it.
#include "tools/cli/command.h"

#include <utility>

#include <CLI/CLI.hpp>

namespace moraine::cli {

Command& Command::Required(const std::string& name, std::string* value,
                           const std::string& description) {
  app_->add_option(name, *value, description)->required();
  return *this;
}

Command& Command::Optional(const std::string& name, OptionalText* value,
                           const std::string& description, const std::string& excludes) {
  // Not std::optional: CLI11 would take an empty argument for a missing one.
  CLI::Option* option = app_->add_option(name, value->text, description);
  option->each([value](const std::string&) { value->given = true; });
  if (!excludes.empty()) option->excludes(app_->get_option(excludes));
  return *this;
}

Command& Command::Text(const std::string& name, std::string* value, const std::string& description,
                       const std::vector<std::string>& allowed) {
  CLI::Option* option = app_->add_option(name, *value, description);
  if (!value->empty()) option->capture_default_str();
  if (!allowed.empty()) option->check(CLI::IsMember(allowed));
  return *this;
}

Command& Command::Number(const std::string& name, uint64_t* value, const std::string& description) {
  app_->add_option(name, *value, description);
  return *this;
}

Command& Command::Size(const std::string& name, uint64_t* value, const std::string& description) {
  app_->add_option(name, *value, description)
      ->transform(CLI::AsSizeValue(false))
      ->option_text("SIZE");
  return *this;
}

Command& Command::Flag(const std::string& name, bool* value, const std::string& description) {
  app_->add_flag(name, *value, description);
  return *this;
}

void Command::OnUse(Action action) {
  app_->callback([line = line_, action = std::move(action)] { line->action_ = action; });
}

Command CommandLine::AddPlain(const std::string& name, const std::string& description) {
  Command command(*this, *app_.add_subcommand(name, description));
  command.Flag("--json", &session_.options().json, "print JSON, one object per line");
  return command;
}

Command CommandLine::Add(const std::string& name, const std::string& description) {
  CommonOptions& options = session_.options();
  return AddPlain(name, description)
      .Required("database", &options.path, "directory of the database")
      .Text("--tree", &options.tree, "tree to use")
      .Flag("--hex", &options.hex, "keys and values are hexadecimal, read and printed")
      .Flag("--read-only", &options.read_only, "refuse to change anything")
      .Size("--cache", &options.cache_bytes, "memory to use, such as 64M or 2G");
}

}  // namespace moraine::cli
