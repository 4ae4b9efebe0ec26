// The NCBI taxonomy, a million kinds of living things: node/ID is the line of nodes.dmp and those
// of names.dmp, child/PARENT/ID the tree, rank/RANK/ID the ranks, name/NAME/ID the names.
#include <fstream>
#include <unordered_map>
#include <utility>

#include "fmt/format.h"
#include "storage/base/status_macros.h"
#include "tools/first_run/dataset.h"

namespace moraine::first_run {
namespace {

// Names longer than this are cut in keys: a few list whole author teams.
constexpr size_t kMostNameBytes = 512;

// Field `index` of a line whose fields are separated by TAB, "|", TAB.
std::string_view Column(std::string_view line, size_t index) {
  for (; index > 0; --index) {
    const size_t bar = line.find("\t|");
    if (bar == std::string_view::npos) return {};
    line.remove_prefix(bar + 2);
  }
  if (line.starts_with('\t')) line.remove_prefix(1);
  return line.substr(0, line.find("\t|"));
}

class Taxonomy : public Dataset {
 public:
  absl::Status Read(const std::string& directory) {
    source_ = directory;
    std::unordered_map<std::string, size_t> index;
    MORAINE_RETURN_IF_ERROR(ForEachLine(directory + "/nodes.dmp", [&](std::string_view line) {
      const std::string id(Column(line, 0));
      if (id.empty() || !index.emplace(id, items_.size()).second) return;
      items_.push_back({id, std::string(line)});
    }));
    return ForEachLine(directory + "/names.dmp", [&](std::string_view line) {
      const auto node = index.find(std::string(Column(line, 0)));
      if (node == index.end()) return;
      items_[node->second].record.append("\n").append(line);
    });
  }

  std::string_view plural() const override { return "taxa"; }
  std::string_view prefix() const override { return "node/"; }
  std::string_view group_prefix() const override { return "rank/"; }
  std::string_view group_plural() const override { return "ranks"; }
  std::string_view popular_prefix() const override { return "child/"; }
  std::string_view popular_title() const override { return "taxa with the most children"; }

  void IndexKeys(std::string_view name, std::string_view record,
                 absl::FunctionRef<void(std::string_view)> emit) const override {
    const size_t end = record.find('\n');
    const std::string_view node = record.substr(0, end);
    emit(fmt::format("child/{}/{}", Column(node, 1), name));
    emit(fmt::format("rank/{}/{}", Column(node, 2), name));
    std::vector<std::string_view> emitted;  // one taxon may have the same name in two classes
    for (size_t begin = end; begin < record.size(); begin = record.find('\n', begin + 1)) {
      const std::string_view text = Column(record.substr(begin + 1), 1).substr(0, kMostNameBytes);
      bool again = false;
      for (const std::string_view other : emitted) again = again || other == text;
      if (again) continue;
      emitted.push_back(text);
      emit(fmt::format("name/{}/{}", text, name));
    }
  }

 private:
  static absl::Status ForEachLine(const std::string& path,
                                  absl::FunctionRef<void(std::string_view)> use) {
    std::ifstream stream(path, std::ios::binary);
    if (!stream) {
      return absl::NotFoundError(path + " is missing; `apt-get install emboss-data` brings it");
    }
    std::string line;
    while (std::getline(stream, line)) use(line);
    return absl::OkStatus();
  }
};

}  // namespace

absl::StatusOr<std::unique_ptr<Dataset>> LoadTaxonomy(const std::string& directory) {
  auto taxonomy = std::make_unique<Taxonomy>();
  MORAINE_RETURN_IF_ERROR(taxonomy->Read(directory));
  return taxonomy;
}

}  // namespace moraine::first_run
