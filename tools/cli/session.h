// What every command shares: the options of the command line, the open database and its tree, the
// way results and errors are printed.
#ifndef MORAINE_TOOLS_CLI_SESSION_H_
#define MORAINE_TOOLS_CLI_SESSION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "nlohmann/json_fwd.hpp"
#include "tools/cli/output.h"
#include <moraine/database.h>

namespace moraine::cli {

// Given by the user, on any command.
struct CommonOptions {
  std::string path;
  std::string tree{kDefaultTreeName};
  bool json = false;
  bool hex = false;
  bool read_only = false;
  uint64_t cache_bytes = 0;  // 0: the library's default
};

enum class Access : uint8_t {
  kRead,   // opened read-only: a command that reads never changes a file
  kWrite,  // a few writes: the next open replays them, no checkpoint is written
  kLoad,   // many writes: closing writes a checkpoint
};

class Session {
 public:
  Session();

  // Opens the database and, unless `with_tree` is false, the tree that the options name. An error
  // says what to do next.
  absl::Status Open(Access access, bool with_tree = true);
  // Closes it; the first error of closing and of writing to standard output.
  absl::Status Close();

  // A key or value of the command line: as it is, or from hexadecimal with --hex.
  absl::StatusOr<std::string> FromArgument(const std::string& text) const;
  // The same for what is shown: as it is, or as hexadecimal.
  std::string Shown(std::string_view bytes) const;
  nlohmann::json ShownJson(std::string_view bytes) const;

  // Prints a JSON object on one line, with "schema":1 in front.
  void PrintJson(const nlohmann::ordered_json& members);
  // Prints `json` with --json and otherwise `text`, as one line.
  void PrintResult(const nlohmann::ordered_json& json, std::string_view text);
  // Prints an error, as JSON on standard output or as text on standard error, and returns its exit
  // code.
  int Fail(const absl::Status& status);

  CommonOptions& options() { return options_; }
  const CommonOptions& options() const { return options_; }
  Database& database() { return *database_; }
  const Tree& tree() const { return tree_; }
  Output& output() { return output_; }

 private:
  CommonOptions options_;
  std::unique_ptr<Database> database_;
  Tree tree_;
  Output output_;
};

}  // namespace moraine::cli

#endif  // MORAINE_TOOLS_CLI_SESSION_H_
