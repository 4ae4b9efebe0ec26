// Opening with good messages, and printing for people and for programs.
#include "tools/cli/session.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "storage/base/status_macros.h"
#include "tools/cli/byte_text.h"

namespace moraine::cli {
namespace {

std::string_view MessageOf(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

absl::Status Extended(const absl::Status& status, std::string_view advice) {
  return absl::Status(status.code(), fmt::format("{}; {}", MessageOf(status), advice));
}

}  // namespace

Session::Session() : output_(STDOUT_FILENO, "standard output") {}

absl::Status Session::Open(Access access, bool with_tree) {
  Options options;
  options.read_only = access == Access::kRead || options_.read_only;
  options.checkpoint_on_close = access == Access::kLoad;
  if (options_.cache_bytes != 0) options.memory_bytes = options_.cache_bytes;
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(options_.path, options);
  if (absl::IsNotFound(database.status())) {
    return Extended(database.status(),
                    fmt::format("`moraine create {}` makes a new database", options_.path));
  }
  if (!database.ok()) return database.status();
  database_ = *std::move(database);
  if (!with_tree) return absl::OkStatus();
  absl::StatusOr<Tree> tree = database_->OpenTree(options_.tree);
  if (absl::IsNotFound(tree.status())) {
    return absl::NotFoundError(fmt::format(
        "{} has no tree {}; `moraine stat {}` lists its trees, `moraine create {} --tree NAME` "
        "adds one",
        options_.path, Quote(options_.tree), options_.path, options_.path));
  }
  if (!tree.ok()) return tree.status();
  tree_ = *tree;
  return absl::OkStatus();
}

absl::Status Session::Close() {
  absl::Status closed;
  if (database_ != nullptr) closed = database_->Close();
  database_.reset();
  absl::Status flushed = output_.Flush();
  return closed.ok() ? flushed : closed;
}

absl::StatusOr<std::string> Session::FromArgument(const std::string& text) const {
  if (!options_.hex) return text;
  return HexDecode(text);
}

std::string Session::Shown(std::string_view bytes) const {
  return options_.hex ? HexEncode(bytes) : std::string(bytes);
}

nlohmann::json Session::ShownJson(std::string_view bytes) const {
  return options_.hex ? nlohmann::json(HexEncode(bytes)) : ToJson(bytes);
}

void Session::PrintJson(const nlohmann::ordered_json& members) {
  nlohmann::ordered_json line = {{"schema", 1}};
  line.update(members);
  output_.WriteLine(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void Session::PrintResult(const nlohmann::ordered_json& json, std::string_view text) {
  if (options_.json) {
    PrintJson(json);
  } else {
    output_.WriteLine(text);
  }
}

int Session::Fail(const absl::Status& status) {
  if (!options_.json) {
    fmt::print(stderr, "moraine: {}\n", MessageOf(status));
  } else {
    PrintJson({{"error",
                {{"code", absl::StatusCodeToString(status.code())},
                 {"message", std::string(MessageOf(status))}}}});
    (void)output_.Flush();
  }
  return ExitCodeOf(status);
}

}  // namespace moraine::cli
