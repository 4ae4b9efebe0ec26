// create: a new database, or a new tree in one that is there.
#include <memory>

#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "storage/base/status_macros.h"
#include "tools/cli/byte_text.h"
#include "tools/cli/command.h"

namespace moraine::cli {
namespace {

struct CreateArguments {
  std::string merge_operator;
};

absl::StatusOr<int> Create(Session& session, const CreateArguments& arguments) {
  const CommonOptions& given = session.options();
  const bool adds_tree = given.tree != kDefaultTreeName;
  if (!adds_tree && !arguments.merge_operator.empty()) {
    return absl::InvalidArgumentError("--merge belongs to a tree: give its name with --tree");
  }
  if (given.read_only) {
    return absl::InvalidArgumentError("create changes the disk: leave out --read-only");
  }
  Options options;
  options.create_if_missing = true;
  options.error_if_exists = !adds_tree;
  if (given.cache_bytes != 0) options.memory_bytes = given.cache_bytes;
  MORAINE_ASSIGN_OR_RETURN(std::unique_ptr<Database> database, Database::Open(given.path, options));
  if (adds_tree) {
    absl::StatusOr<Tree> tree =
        database->CreateTree(given.tree, {.merge_operator = arguments.merge_operator});
    if (!tree.ok()) return tree.status();
  }
  MORAINE_RETURN_IF_ERROR(database->Close());
  if (given.json) session.PrintJson({{"database", given.path}, {"tree", given.tree}});
  return kExitOk;
}

}  // namespace

void AddCreate(CommandLine& line) {
  auto arguments = std::make_shared<CreateArguments>();
  line.Add("create", "Create a database, or with --tree a tree in it")
      .Text("--merge", &arguments->merge_operator,
            "merge operator of the tree: add, max, min, append or bit_or")
      .OnUse([arguments](Session& session) { return Create(session, *arguments); });
}

}  // namespace moraine::cli
