// cas: set or delete a key if it holds what is expected.
#include <memory>
#include <optional>

#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "storage/base/status_macros.h"
#include "tools/cli/byte_text.h"
#include "tools/cli/command.h"

namespace moraine::cli {
namespace {

struct CasArguments {
  std::string key;
  OptionalText first;  // EXPECTED and NEW, less what the flags stand for
  OptionalText second;
  bool expect_absent = false;
  bool remove = false;
};

// The value, or nullopt when a flag stands for it.
absl::StatusOr<std::optional<std::string>> Operand(const Session& session, bool by_flag,
                                                   const OptionalText& value) {
  if (by_flag) return std::optional<std::string>();
  MORAINE_ASSIGN_OR_RETURN(std::string bytes, session.FromArgument(value.text));
  return std::optional<std::string>(std::move(bytes));
}

absl::StatusOr<int> CompareAndSwap(Session& session, const CasArguments& arguments) {
  const int wanted = 2 - (arguments.expect_absent ? 1 : 0) - (arguments.remove ? 1 : 0);
  const int given = (arguments.first.given ? 1 : 0) + (arguments.second.given ? 1 : 0);
  if (given != wanted) {
    return absl::InvalidArgumentError(
        "cas takes KEY EXPECTED NEW; --absent stands for EXPECTED, --delete for NEW");
  }
  MORAINE_ASSIGN_OR_RETURN(const std::string key, session.FromArgument(arguments.key));
  MORAINE_ASSIGN_OR_RETURN(const std::optional<std::string> expected,
                           Operand(session, arguments.expect_absent, arguments.first));
  MORAINE_ASSIGN_OR_RETURN(const std::optional<std::string> desired,
                           Operand(session, arguments.remove,
                                   arguments.expect_absent ? arguments.first : arguments.second));
  MORAINE_RETURN_IF_ERROR(session.Open(Access::kWrite));
  MORAINE_ASSIGN_OR_RETURN(
      const CompareAndSwapResult result,
      session.database().CompareAndSwap(session.tree(), key, expected, desired));
  if (session.options().json) {
    nlohmann::ordered_json line = {{"key", session.ShownJson(key)}, {"swapped", result.swapped}};
    if (!result.swapped) {
      line["actual"] = result.actual ? session.ShownJson(result.actual->view()) : nullptr;
    }
    session.PrintJson(line);
  } else if (!result.swapped) {
    // The actual value alone on standard output, for scripts; the words beside it.
    if (result.actual.has_value()) session.output().WriteLine(session.Shown(*result.actual));
    fmt::print(stderr, "moraine: {} {}; nothing was changed\n", Quote(key),
               result.actual ? "holds another value" : "is absent");
  }
  return result.swapped ? kExitOk : kExitConflict;
}

}  // namespace

void AddCompareAndSwap(CommandLine& line) {
  auto arguments = std::make_shared<CasArguments>();
  line.Add("cas", "Set a key if it holds EXPECTED; print what it holds if not")
      .Required("key", &arguments->key, "the key")
      .Optional("expected", &arguments->first, "what the key must hold")
      .Optional("new", &arguments->second, "what it shall hold")
      .Flag("--absent", &arguments->expect_absent, "expect that the key is absent")
      .Flag("--delete", &arguments->remove, "delete the key instead of setting it")
      .OnUse([arguments](Session& session) { return CompareAndSwap(session, *arguments); });
}

}  // namespace moraine::cli
