// Debian's package lists: pkg/NAME is the record as apt prints it, rdep/DEP/NAME says that NAME
// depends on DEP, section/SECTION/NAME sorts by section.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <unordered_set>
#include <utility>

#include "fmt/format.h"
#include "storage/base/status_macros.h"
#include "tools/first_run/child_process.h"
#include "tools/first_run/dataset.h"

namespace moraine::first_run {
namespace {

// The text of a field, without continuation lines (none of those used here has any).
std::string_view Field(std::string_view record, std::string_view name) {
  size_t begin = 0;
  while (begin < record.size()) {
    const size_t end = std::min(record.find('\n', begin), record.size());
    const std::string_view line = record.substr(begin, end - begin);
    if (line.size() > name.size() && line[name.size()] == ':' && line.starts_with(name)) {
      const size_t text = line.find_first_not_of(' ', name.size() + 1);
      return text == std::string_view::npos ? std::string_view() : line.substr(text);
    }
    begin = end + 1;
  }
  return {};
}

// Calls `emit` with each package name of a list like "a (>= 1) | b, c:any".
void NamesIn(std::string_view list, absl::FunctionRef<void(std::string_view)> emit) {
  while (!list.empty()) {
    const size_t end = std::min(list.find_first_of(",|"), list.size());
    std::string_view name = list.substr(0, end);
    name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
    name = name.substr(0, name.find_first_of(" (:["));
    if (!name.empty()) emit(name);
    list.remove_prefix(std::min(end + 1, list.size()));
  }
}

class Packages : public Dataset {
 public:
  Packages(std::string_view text, std::string source) {
    source_ = std::move(source);
    std::unordered_set<std::string> seen;
    while (!text.empty()) {
      const size_t end = std::min(text.find("\n\n"), text.size());
      const std::string_view record = text.substr(0, end);
      const std::string_view name = Field(record, "Package");
      // One version of each package: apt lists the one it would install first.
      if (!name.empty() && seen.emplace(name).second) {
        items_.push_back({std::string(name), std::string(record)});
      }
      text.remove_prefix(std::min(end + 2, text.size()));
    }
  }

  std::string_view plural() const override { return "packages"; }
  std::string_view prefix() const override { return "pkg/"; }
  std::string_view group_prefix() const override { return "section/"; }
  std::string_view group_plural() const override { return "sections"; }
  std::string_view popular_prefix() const override { return "rdep/"; }
  std::string_view popular_title() const override { return "most depended-on packages"; }

  void IndexKeys(std::string_view name, std::string_view record,
                 absl::FunctionRef<void(std::string_view)> emit) const override {
    std::vector<std::string_view> dependencies;
    const auto add = [&dependencies](std::string_view d) { dependencies.push_back(d); };
    NamesIn(Field(record, "Depends"), add);
    NamesIn(Field(record, "Pre-Depends"), add);
    std::sort(dependencies.begin(), dependencies.end());
    dependencies.erase(std::unique(dependencies.begin(), dependencies.end()), dependencies.end());
    for (const std::string_view dependency : dependencies) {
      emit(fmt::format("rdep/{}/{}", dependency, name));
    }
    if (const std::string_view section = Field(record, "Section"); !section.empty()) {
      emit(fmt::format("section/{}/{}", section, name));
    }
  }
};

}  // namespace

absl::StatusOr<std::unique_ptr<Dataset>> LoadPackages(const std::string& file) {
  std::string text;
  if (file.empty()) {
    MORAINE_ASSIGN_OR_RETURN(text, OutputOf({"apt-cache", "dumpavail"}));
  } else {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) return absl::NotFoundError(file + ": cannot be read");
    text.assign(std::istreambuf_iterator<char>(stream), {});
  }
  auto packages = std::make_unique<Packages>(text, file.empty() ? "apt-cache dumpavail" : file);
  if (packages->items().empty()) {
    return absl::NotFoundError(packages->source() +
                               " lists no packages; run `apt-get update` first");
  }
  return packages;
}

}  // namespace moraine::first_run
