// stat, verify and version: what the database and the program say about themselves.
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "storage/base/status_macros.h"
#include "tools/cli/byte_text.h"
#include "tools/cli/command.h"
#include <moraine/version.h>

namespace moraine::cli {
namespace {

// The members that scripts rely on, then all fields of the library's own JSON.
nlohmann::ordered_json StatMembers(const Stats& stats) {
  nlohmann::ordered_json members = nlohmann::ordered_json::parse(stats.ToJson());
  auto ratio = [](uint64_t part, uint64_t whole) {
    return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
  };
  members["segments"] = stats.data_segments;
  members["fragments_per_page"] = ratio(stats.pieces_on_disk, stats.pages_on_disk);
  members["fragments_per_read"] = ratio(stats.pieces_loaded, stats.pages_loaded);
  members["submissions_per_read"] = ratio(stats.load_submissions, stats.pages_loaded);
  members["cache_bytes"] = stats.bytes_live;
  return members;
}

absl::StatusOr<int> Stat(Session& session) {
  MORAINE_RETURN_IF_ERROR(session.Open(Access::kRead, false));
  MORAINE_ASSIGN_OR_RETURN(const Stats stats, session.database().Stats());
  MORAINE_ASSIGN_OR_RETURN(const std::vector<TreeDescription> trees,
                           session.database().ListTrees());
  nlohmann::ordered_json members = StatMembers(stats);
  if (session.options().json) {
    for (const TreeDescription& tree : trees) {
      members["tree_list"].push_back(
          {{"name", ToJson(tree.name)}, {"merge_operator", tree.merge_operator}});
    }
    session.PrintJson(members);
    return kExitOk;
  }
  members.erase("schema");
  for (const auto& [name, value] : members.items()) {
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (!text.empty()) session.output().WriteLine(fmt::format("{:22} {}", name, text));
  }
  for (const TreeDescription& tree : trees) {
    const std::string merge =
        tree.merge_operator.empty() ? "" : fmt::format(" (merge: {})", tree.merge_operator);
    session.output().WriteLine(fmt::format("{:22} {}{}", "tree", Quote(tree.name), merge));
  }
  return kExitOk;
}

absl::StatusOr<int> Verify(Session& session) {
  MORAINE_RETURN_IF_ERROR(session.Open(Access::kRead, false));
  MORAINE_ASSIGN_OR_RETURN(const VerifyReport report, session.database().Verify());
  nlohmann::ordered_json findings = nlohmann::ordered_json::array();
  std::string text = fmt::format(
      "verified {} pages, {} records, {} log records, {} pages on disk: {}", report.pages,
      report.records, report.log_records, report.disk_pages,
      report.clean() ? "nothing wrong" : fmt::format("{} findings", report.findings.size()));
  for (const VerifyFinding& finding : report.findings) {
    findings.push_back({{"where", finding.where}, {"what", finding.what}});
    text += fmt::format("\n{}: {}", finding.where, finding.what);
  }
  session.PrintResult({{"clean", report.clean()},
                       {"pages", report.pages},
                       {"records", report.records},
                       {"log_records", report.log_records},
                       {"disk_pages", report.disk_pages},
                       {"findings", findings}},
                      text);
  return report.clean() ? kExitOk : kExitCorruption;
}

absl::StatusOr<int> Version(Session& session) {
  session.PrintResult({{"version", kVersion}}, fmt::format("moraine {}", kVersion));
  return kExitOk;
}

}  // namespace

void AddStat(CommandLine& line) { line.Add("stat", "Print sizes and counters").OnUse(Stat); }

void AddVerify(CommandLine& line) {
  line.Add("verify", "Check every page, key and checksum").OnUse(Verify);
}

void AddVersion(CommandLine& line) { line.AddPlain("version", "Print the version").OnUse(Version); }

}  // namespace moraine::cli
