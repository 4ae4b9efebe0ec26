// A database in a directory of its own, for the tests of api.
#ifndef MORAINE_TESTS_API_DATABASE_FIXTURE_H_
#define MORAINE_TESTS_API_DATABASE_FIXTURE_H_

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"
#include <moraine/database.h>

namespace moraine {

class DatabaseFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = FreshDirectory("api");
    Reopen();
  }

  void TearDown() override {
    database_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  std::string path() const { return directory_ + "/db"; }

  // Closes the database, when it is open, and opens it again.
  void Reopen(Options options = {}) {
    if (database_ != nullptr) {
      ASSERT_TRUE(database_->Close().ok());
    }
    database_.reset();
    options.create_if_missing = !options.read_only;
    absl::StatusOr<std::unique_ptr<Database>> opened = Database::Open(path(), options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    database_ = *std::move(opened);
    tree_ = database_->default_tree();
  }

  // The value as text; "(absent)" and "(error ...)" cannot be mistaken for the values of the tests.
  static std::string Text(const absl::StatusOr<std::optional<Value>>& value) {
    if (!value.ok()) return "(error " + value.status().ToString() + ")";
    return value->has_value() ? (*value)->ToString() : "(absent)";
  }
  static std::string Text(const absl::StatusOr<std::optional<Record>>& record) {
    if (!record.ok()) return "(error " + record.status().ToString() + ")";
    return record->has_value() ? (*record)->key + "=" + (*record)->value.ToString() : "(absent)";
  }
  // "key=value" of each record of a scan; a failing scan fails the test.
  static std::vector<std::string> List(Scan scan) {
    std::vector<std::string> records;
    for (auto [key, value] : scan) records.push_back(std::string(key) + "=" + std::string(value));
    EXPECT_TRUE(scan.status().ok()) << scan.status();
    return records;
  }

  void Put(std::string_view key, std::string_view value) {
    const absl::Status put = database_->Put(tree_, key, value, Durability::kNone);
    ASSERT_TRUE(put.ok()) << put;
  }

  std::string directory_;
  std::unique_ptr<Database> database_;
  Tree tree_;
};

using Strings = std::vector<std::string>;

}  // namespace moraine

#endif  // MORAINE_TESTS_API_DATABASE_FIXTURE_H_
