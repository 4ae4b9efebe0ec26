// The checker is checked: it accepts whole states, and notices each way in which one can be torn.
#include "tools/first_run/checker.h"

#include <fstream>
#include <thread>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"

namespace moraine::first_run {
namespace {

class CheckerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string directory = FreshDirectory("checker");
    std::ofstream file(directory + "/available", std::ios::binary);
    for (int i = 0; i < 700; ++i) {
      file << "Package: p" << i << "\nDepends: p" << i / 2 << ", p" << i / 3
           << (i % 2 == 0 ? ", base" : "") << "\nSection: s" << i % 7 << "\n\n";
    }
    file.close();
    auto dataset = LoadPackages(directory + "/available");
    ASSERT_TRUE(dataset.ok()) << dataset.status();
    dataset_ = *std::move(dataset);
    auto database = Database::Open(directory + "/db", {.create_if_missing = true});
    ASSERT_TRUE(database.ok()) << database.status();
    database_ = *std::move(database);
    tree_ = database_->default_tree();
  }

  void Load() {
    Loader loader(*database_, *dataset_, {});
    SnapshotReaders readers(*database_, *dataset_, loader);
    std::thread reader([&readers] { readers.Run(); });
    const absl::Status loaded = loader.Run(3, [](const LoadCounts&) {});
    reader.join();
    ASSERT_TRUE(loaded.ok()) << loaded;
    EXPECT_EQ(loader.counts().items, dataset_->items().size());
    EXPECT_EQ(readers.problems(), std::vector<std::string>{});
  }

  StateCheck Check() {
    auto check = CheckState(*database_, tree_, *dataset_);
    EXPECT_TRUE(check.ok()) << check.status();
    return *std::move(check);
  }

  std::unique_ptr<Dataset> dataset_;
  std::unique_ptr<Database> database_;
  Tree tree_;
};

TEST_F(CheckerTest, AcceptsTheEmptyAndTheLoadedState) {
  EXPECT_EQ(Check().problems, std::vector<std::string>{});
  Load();
  const StateCheck check = Check();
  EXPECT_EQ(check.problems, std::vector<std::string>{});
  EXPECT_EQ(check.items, 700);
  EXPECT_EQ(check.groups.size(), 7);
  EXPECT_EQ(check.groups.at("s0"), 100);
  const auto popular = MostFrequent(*database_, tree_, "rdep/", 2);
  ASSERT_TRUE(popular.ok()) << popular.status();
  EXPECT_EQ((*popular)[0].first, "base");
  EXPECT_EQ((*popular)[0].second, 350);
}

TEST_F(CheckerTest, NoticesAMissingIndexKey) {
  Load();
  ASSERT_TRUE(database_->Delete(tree_, "section/s3/p3").ok());
  EXPECT_EQ(Check().problems, std::vector<std::string>{"pkg/p3 has no index key section/s3/p3"});
}

TEST_F(CheckerTest, NoticesAMissingItem) {
  Load();
  ASSERT_TRUE(database_->Delete(tree_, "pkg/p3").ok());
  EXPECT_FALSE(Check().problems.empty());
}

TEST_F(CheckerTest, NoticesAnIndexKeyTooMany) {
  Load();
  ASSERT_TRUE(database_->Put(tree_, "rdep/p699/p3", "").ok());
  EXPECT_FALSE(Check().problems.empty());
}

TEST_F(CheckerTest, NoticesARecordWithOtherDependencies) {
  Load();
  ASSERT_TRUE(database_->Put(tree_, "pkg/p3", "Package: p3\nSection: s3\n").ok());
  EXPECT_FALSE(Check().problems.empty());
}

}  // namespace
}  // namespace moraine::first_run
