// get, put, del and merge: one key each.
#include <unistd.h>

#include <memory>
#include <optional>

#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "storage/base/status_macros.h"
#include "tools/cli/byte_text.h"
#include "tools/cli/command.h"
#include "tools/cli/input.h"

namespace moraine::cli {
namespace {

struct PointArguments {
  std::string key;
  OptionalText value;  // left out: read from standard input
  bool raw = false;
};

// The value argument, or all of standard input.
absl::StatusOr<std::string> ReadValue(const Session& session, const PointArguments& arguments) {
  if (arguments.value.given) return session.FromArgument(arguments.value.text);
  if (::isatty(STDIN_FILENO) != 0) {
    fmt::print(stderr, "moraine: reading the value from the terminal; end it with Ctrl-D\n");
  }
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<Input> input, Input::Open("-"));
  std::string bytes;
  input->Rest(&bytes);
  if (!input->status().ok()) return input->status();
  if (session.options().hex) {
    // A line break after the digits is the shell's, not the value's.
    while (!bytes.empty() && (bytes.back() == '\n' || bytes.back() == '\r')) bytes.pop_back();
    return HexDecode(bytes);
  }
  return bytes;
}

absl::StatusOr<int> Get(Session& session, const PointArguments& arguments) {
  MORAINE_ASSIGN_OR_RETURN(const std::string key, session.FromArgument(arguments.key));
  MORAINE_RETURN_IF_ERROR(session.Open(Access::kRead));
  MORAINE_ASSIGN_OR_RETURN(const std::optional<Value> value,
                           session.database().Get(session.tree(), key));
  if (!value.has_value()) {
    if (!session.options().json) {
      return absl::NotFoundError(
          fmt::format("tree {} has no key {}", Quote(session.options().tree), Quote(key)));
    }
    session.PrintJson({{"key", session.ShownJson(key)}, {"found", false}});
    return kExitNotFound;
  }
  if (session.options().json) {
    session.PrintJson({{"key", session.ShownJson(key)},
                       {"found", true},
                       {"value", session.ShownJson(value->view())}});
    return kExitOk;
  }
  session.output().Write(session.Shown(value->view()));
  if (!arguments.raw) session.output().Write("\n");
  return kExitOk;
}

absl::StatusOr<int> Put(Session& session, const PointArguments& arguments) {
  MORAINE_ASSIGN_OR_RETURN(const std::string key, session.FromArgument(arguments.key));
  MORAINE_ASSIGN_OR_RETURN(const std::string value, ReadValue(session, arguments));
  MORAINE_RETURN_IF_ERROR(session.Open(Access::kWrite));
  MORAINE_RETURN_IF_ERROR(session.database().Put(session.tree(), key, value));
  if (session.options().json) {
    session.PrintJson({{"key", session.ShownJson(key)}, {"value_bytes", value.size()}});
  }
  return kExitOk;
}

absl::StatusOr<int> Delete(Session& session, const PointArguments& arguments) {
  MORAINE_ASSIGN_OR_RETURN(const std::string key, session.FromArgument(arguments.key));
  MORAINE_RETURN_IF_ERROR(session.Open(Access::kWrite));
  MORAINE_ASSIGN_OR_RETURN(const std::optional<Value> previous,
                           session.database().GetAndSet(session.tree(), key, std::nullopt));
  if (session.options().json) {
    session.PrintJson({{"key", session.ShownJson(key)}, {"deleted", previous.has_value()}});
  } else if (!previous.has_value()) {
    return absl::NotFoundError(
        fmt::format("tree {} has no key {}", Quote(session.options().tree), Quote(key)));
  }
  return previous.has_value() ? kExitOk : kExitNotFound;
}

absl::StatusOr<int> Merge(Session& session, const PointArguments& arguments) {
  MORAINE_ASSIGN_OR_RETURN(const std::string key, session.FromArgument(arguments.key));
  MORAINE_ASSIGN_OR_RETURN(const std::string operand, ReadValue(session, arguments));
  MORAINE_RETURN_IF_ERROR(session.Open(Access::kWrite));
  MORAINE_RETURN_IF_ERROR(session.database().Merge(session.tree(), key, operand));
  if (session.options().json) {
    session.PrintJson({{"key", session.ShownJson(key)}, {"operand_bytes", operand.size()}});
  }
  return kExitOk;
}

using PointAction = absl::StatusOr<int> (*)(Session&, const PointArguments&);

// Adds a command on one key; `value_name` is empty for one that takes no value.
Command AddPoint(CommandLine& line, const std::string& name, const std::string& description,
                 const std::string& value_name, PointAction action,
                 std::shared_ptr<PointArguments> arguments) {
  Command command = line.Add(name, description);
  command.Required("key", &arguments->key, "the key");
  if (!value_name.empty()) {
    command.Optional(value_name, &arguments->value, "its bytes; standard input when left out");
  }
  command.OnUse([action, arguments](Session& session) { return action(session, *arguments); });
  return command;
}

}  // namespace

void AddGet(CommandLine& line) {
  auto arguments = std::make_shared<PointArguments>();
  AddPoint(line, "get", "Print the value of a key", "", Get, arguments)
      .Flag("--raw", &arguments->raw, "print no line break after the value");
}

void AddPut(CommandLine& line) {
  AddPoint(line, "put", "Set the value of a key", "value", Put, std::make_shared<PointArguments>());
}

void AddDelete(CommandLine& line) {
  AddPoint(line, "del", "Delete a key", "", Delete, std::make_shared<PointArguments>());
}

void AddMerge(CommandLine& line) {
  AddPoint(line, "merge", "Combine an operand with the value, by the tree's merge operator",
           "operand", Merge, std::make_shared<PointArguments>());
}

}  // namespace moraine::cli
