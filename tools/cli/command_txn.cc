// txn: runs the operations of JSON lines in one transaction. All of them are read before it begins,
// so that it can run again when another writer was first; the results are printed once it committed.
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "storage/base/status_macros.h"
#include "tools/cli/byte_text.h"
#include "tools/cli/command.h"
#include "tools/cli/input.h"

namespace moraine::cli {
namespace {

using Json = nlohmann::ordered_json;

struct TxnArguments {
  OptionalText file;
  std::string isolation = "serializable";
};

struct Operation {
  enum class Kind : uint8_t { kGet, kPut, kDelete, kMerge, kCompareAndSwap, kScan };
  Kind kind = Kind::kGet;
  Tree tree;
  std::string key;
  std::optional<std::string> value;  // put, merge, cas: nullopt deletes
  std::optional<std::string> expected;
  Range range;
  Direction direction = Direction::kForward;
  uint64_t limit = UINT64_MAX;
};

struct Known {
  std::string_view name;
  Operation::Kind kind;
  std::set<std::string> members;  // beside "op" and "tree"
};

const std::vector<Known>& KnownOperations() {
  using Kind = Operation::Kind;
  static const std::vector<Known> known = {
      {"get", Kind::kGet, {"key"}},
      {"put", Kind::kPut, {"key", "value"}},
      {"del", Kind::kDelete, {"key"}},
      {"merge", Kind::kMerge, {"key", "value"}},
      {"cas", Kind::kCompareAndSwap, {"key", "expected", "value"}},
      {"scan", Kind::kScan, {"prefix", "from", "to", "reverse", "limit"}},
  };
  return known;
}

// Reads one line; the messages of its errors say what is wrong, not where.
class LineReader {
 public:
  LineReader(Session& session, const Json& line) : session_(session), line_(line) {}

  absl::StatusOr<Operation> Read() {
    Operation operation;
    const Known* known = nullptr;
    for (const Known& candidate : KnownOperations()) {
      if (line_.is_object() && line_.value("op", Json()) == candidate.name) known = &candidate;
    }
    if (known == nullptr)
      return absl::InvalidArgumentError(R"("op" must be get, put, del, merge, cas or scan)");
    for (const auto& [name, member] : line_.items()) {
      if (name != "op" && name != "tree" && !known->members.contains(name))
        return absl::InvalidArgumentError(fmt::format("{} has no {}", known->name, Quote(name)));
    }
    operation.kind = known->kind;
    operation.tree = session_.tree();
    if (line_.contains("tree")) {
      if (!line_["tree"].is_string()) return absl::InvalidArgumentError("\"tree\" must be a name");
      MORAINE_ASSIGN_OR_RETURN(operation.tree,
                               session_.database().OpenTree(line_["tree"].get<std::string>()));
    }
    if (known->kind == Operation::Kind::kScan) {
      MORAINE_RETURN_IF_ERROR(ReadRange(&operation));
      return operation;
    }
    MORAINE_ASSIGN_OR_RETURN(operation.key, Bytes("key"));
    bool cas = known->kind == Operation::Kind::kCompareAndSwap;
    if (known->members.contains("value")) {
      MORAINE_ASSIGN_OR_RETURN(operation.value, BytesOrNull("value", cas));
    }
    if (cas) {
      MORAINE_ASSIGN_OR_RETURN(operation.expected, BytesOrNull("expected", true));
    }
    return operation;
  }

 private:
  absl::StatusOr<std::string> Bytes(const std::string& name) const {
    const Json member = line_.value(name, Json());
    if (member.is_string()) return session_.FromArgument(member.get<std::string>());
    if (member.is_object() && member.size() == 1 && member.contains("hex") &&
        member["hex"].is_string())
      return HexDecode(member["hex"].get<std::string>());
    return absl::InvalidArgumentError(
        fmt::format(R"("{}" must be a string, or {{"hex":"00ff"}} for bytes)", name));
  }

  absl::StatusOr<std::optional<std::string>> BytesOrNull(const std::string& name,
                                                         bool may_be_null) const {
    if (may_be_null && line_.contains(name) && line_[name].is_null())
      return std::optional<std::string>();
    MORAINE_ASSIGN_OR_RETURN(std::string bytes, Bytes(name));
    return std::optional<std::string>(std::move(bytes));
  }

  absl::Status ReadRange(Operation* operation) const {
    if (line_.contains("prefix") && (line_.contains("from") || line_.contains("to")))
      return absl::InvalidArgumentError("\"prefix\" excludes \"from\" and \"to\"");
    if (line_.contains("prefix")) {
      MORAINE_ASSIGN_OR_RETURN(const std::string prefix, Bytes("prefix"));
      operation->range = Prefix(prefix);
    }
    if (line_.contains("from")) {
      MORAINE_ASSIGN_OR_RETURN(const std::string from, Bytes("from"));
      operation->range.lower = Including(from);
    }
    if (line_.contains("to")) {
      MORAINE_ASSIGN_OR_RETURN(const std::string to, Bytes("to"));
      operation->range.upper = Excluding(to);
    }
    const Json reverse = line_.value("reverse", Json(false));
    const Json limit = line_.value("limit", Json(UINT64_MAX));
    if (!reverse.is_boolean() || !limit.is_number_unsigned())
      return absl::InvalidArgumentError("\"reverse\" must be true or false, \"limit\" a number");
    if (reverse.get<bool>()) operation->direction = Direction::kBackward;
    operation->limit = limit.get<uint64_t>();
    return absl::OkStatus();
  }

  Session& session_;
  const Json& line_;
};

absl::StatusOr<std::vector<Operation>> ReadAll(Session& session, Input& input) {
  std::vector<Operation> operations;
  std::string text;
  for (;;) {
    const uint64_t number = input.line();
    if (!input.NextLine(&text)) break;
    if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
    const Json line = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (line.is_discarded()) return input.Malformed(number, "no JSON object");
    absl::StatusOr<Operation> operation = LineReader(session, line).Read();
    if (absl::IsInvalidArgument(operation.status()))
      return input.Malformed(number, std::string(operation.status().message()));
    if (!operation.ok()) return operation.status();
    operations.push_back(*std::move(operation));
  }
  if (!input.status().ok()) return input.status();
  return operations;
}

// One try: what to print, and whether a cas found something else than it expected.
struct Results {
  std::vector<Json> lines;
  bool mismatch = false;
};

class Runner {
 public:
  Runner(const Session& session, Transaction& transaction, Results& results)
      : session_(session), transaction_(transaction), results_(results) {}

  absl::Status Run(const Operation& operation) {
    const Tree& tree = operation.tree;
    switch (operation.kind) {
      case Operation::Kind::kGet: {
        MORAINE_ASSIGN_OR_RETURN(const std::optional<Value> value,
                                 transaction_.Get(tree, operation.key));
        return Print({{"op", "get"}, {"key", Shown(operation.key)}, {"value", Shown(value)}});
      }
      case Operation::Kind::kPut:
        MORAINE_RETURN_IF_ERROR(transaction_.Put(tree, operation.key, *operation.value));
        return Print({{"op", "put"}, {"key", Shown(operation.key)}});
      case Operation::Kind::kDelete:
        MORAINE_RETURN_IF_ERROR(transaction_.Delete(tree, operation.key));
        return Print({{"op", "del"}, {"key", Shown(operation.key)}});
      case Operation::Kind::kMerge:
        MORAINE_RETURN_IF_ERROR(transaction_.Merge(tree, operation.key, *operation.value));
        return Print({{"op", "merge"}, {"key", Shown(operation.key)}});
      case Operation::Kind::kCompareAndSwap:
        return RunCompareAndSwap(operation);
      case Operation::Kind::kScan:
        return RunScan(operation);
    }
    return absl::InternalError("an operation that nobody knows");
  }

 private:
  Json Shown(std::string_view bytes) const { return session_.ShownJson(bytes); }
  Json Shown(const std::optional<Value>& value) const {
    return value ? Shown(value->view()) : Json();
  }
  absl::Status Print(Json line) {
    results_.lines.push_back(std::move(line));
    return absl::OkStatus();
  }

  absl::Status RunCompareAndSwap(const Operation& operation) {
    MORAINE_ASSIGN_OR_RETURN(const CompareAndSwapResult result,
                             transaction_.CompareAndSwap(operation.tree, operation.key,
                                                         operation.expected, operation.value));
    Json line = {{"op", "cas"}, {"key", Shown(operation.key)}, {"swapped", result.swapped}};
    if (!result.swapped) line["actual"] = Shown(result.actual);
    results_.mismatch = !result.swapped;
    return Print(std::move(line));
  }

  absl::Status RunScan(const Operation& operation) {
    Json records = Json::array();
    Scan scan = transaction_.Scan(operation.tree, operation.range, operation.direction);
    uint64_t left = operation.limit;
    if (left > 0) {
      for (const auto [key, value] : scan) {
        records.push_back({{"key", Shown(key)}, {"value", Shown(value)}});
        if (--left == 0) break;
      }
    }
    MORAINE_RETURN_IF_ERROR(scan.status());
    return Print({{"op", "scan"}, {"records", std::move(records)}});
  }

  const Session& session_;
  Transaction& transaction_;
  Results& results_;
};

absl::StatusOr<int> RunTxn(Session& session, const TxnArguments& arguments) {
  MORAINE_RETURN_IF_ERROR(session.Open(Access::kWrite));
  MORAINE_ASSIGN_OR_RETURN(const std::unique_ptr<Input> input,
                           Input::Open(arguments.file.given ? arguments.file.text : "-"));
  MORAINE_ASSIGN_OR_RETURN(const std::vector<Operation> operations, ReadAll(session, *input));
  TransactionOptions options;
  if (arguments.isolation == "snapshot") options.isolation = Isolation::kSnapshot;
  Results results;
  auto body = [&](Transaction& transaction) -> absl::Status {
    results = {};
    Runner runner(session, transaction, results);
    for (const Operation& operation : operations) {
      MORAINE_RETURN_IF_ERROR(runner.Run(operation));
      if (results.mismatch) return absl::AbortedError("cas did not swap; nothing was changed");
    }
    return absl::OkStatus();
  };
  const absl::Status done = session.database().Transact(body, options);
  if (!done.ok() && !results.mismatch) return done;
  for (const Json& line : results.lines) session.PrintJson(line);
  session.PrintJson({{"op", "commit"}, {"committed", done.ok()}});
  return done.ok() ? kExitOk : kExitConflict;
}

}  // namespace

void AddTransaction(CommandLine& line) {
  auto arguments = std::make_shared<TxnArguments>();
  line.Add("txn", "Run operations from JSON lines in one transaction and commit it")
      .Optional("file", &arguments->file, "where they are; standard input when left out")
      .Text("--isolation", &arguments->isolation, "how much it cares about other writers",
            {"serializable", "snapshot"})
      .OnUse([arguments](Session& session) { return RunTxn(session, *arguments); });
}

}  // namespace moraine::cli
