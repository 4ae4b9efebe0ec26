// Parsing package lists and the taxonomy, and the index keys that follow from a record.
#include "tools/first_run/dataset.h"

#include <algorithm>
#include <fstream>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"

namespace moraine::first_run {
namespace {

void WriteFile(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::vector<std::string> KeysOf(const Dataset& dataset, size_t item) {
  std::vector<std::string> keys;
  dataset.IndexKeys(dataset.items()[item].name, dataset.items()[item].record,
                    [&keys](std::string_view key) { keys.emplace_back(key); });
  std::sort(keys.begin(), keys.end());
  return keys;
}

using Strings = std::vector<std::string>;

TEST(DatasetTest, PackagesHaveDependenciesAndSections) {
  const std::string file = FreshDirectory("packages") + "/available";
  WriteFile(file,
            "Package: a\nDepends: libc6 (>= 2.34), x | y:any, libc6 (<< 3), z [amd64]\n"
            "Pre-Depends: dpkg\nDescription: first\n Depends: not this\nSection: non-free/games\n"
            "\n"
            "Package: b\n\n"
            "Package: a\nDepends: second-version\n");
  const auto packages = LoadPackages(file);
  ASSERT_TRUE(packages.ok()) << packages.status();
  ASSERT_EQ((*packages)->items().size(), 2);
  EXPECT_EQ(KeysOf(**packages, 0), (Strings{"rdep/dpkg/a", "rdep/libc6/a", "rdep/x/a", "rdep/y/a",
                                            "rdep/z/a", "section/non-free/games/a"}));
  EXPECT_EQ((*packages)->items()[1].name, "b");
  EXPECT_EQ(KeysOf(**packages, 1), Strings{});
}

TEST(DatasetTest, AnEmptyListSaysWhatToDo) {
  const std::string file = FreshDirectory("packages") + "/available";
  WriteFile(file, "");
  const absl::Status status = LoadPackages(file).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_NE(status.message().find("apt-get update"), absl::string_view::npos);
}

TEST(DatasetTest, TaxaHaveParentsRanksAndNames) {
  const std::string directory = FreshDirectory("taxonomy");
  WriteFile(directory + "/nodes.dmp",
            "1\t|\t1\t|\tno rank\t|\t\t|\t8\t|\n2\t|\t1\t|\tsuperkingdom\t|\t\t|\n");
  WriteFile(directory + "/names.dmp",
            "1\t|\troot\t|\t\t|\tscientific name\t|\n2\t|\tBacteria\t|\tBacteria <b>\t|\tx\t|\n"
            "2\t|\teubacteria\t|\t\t|\tcommon name\t|\n2\t|\tBacteria\t|\t\t|\tsynonym\t|\n"
            "9\t|\tnobody\t|\t\t|\tx\t|\n");
  const auto taxonomy = LoadTaxonomy(directory);
  ASSERT_TRUE(taxonomy.ok()) << taxonomy.status();
  ASSERT_EQ((*taxonomy)->items().size(), 2);
  EXPECT_EQ(KeysOf(**taxonomy, 0), (Strings{"child/1/1", "name/root/1", "rank/no rank/1"}));
  EXPECT_EQ(KeysOf(**taxonomy, 1),
            (Strings{"child/1/2", "name/Bacteria/2", "name/eubacteria/2", "rank/superkingdom/2"}));
}

TEST(DatasetTest, KeysComeApartAgain) {
  EXPECT_EQ(OwnerOf("section/non-free/games/doom"), "doom");
  EXPECT_EQ(SubjectOf("section/non-free/games/doom", "section/"), "non-free/games");
  EXPECT_EQ(SubjectOf("section", "section/"), "");
}

}  // namespace
}  // namespace moraine::first_run
