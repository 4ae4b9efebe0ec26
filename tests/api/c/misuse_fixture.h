// Everything a caller in C can hold, good and bad, for the tests of wrong arguments.
#ifndef MORAINE_TESTS_API_C_MISUSE_FIXTURE_H_
#define MORAINE_TESTS_API_C_MISUSE_FIXTURE_H_

#include <filesystem>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/seeds.h"
#include <moraine/c.h>

namespace moraine {

// Live handles of each kind, and dead ones: freed, or of a database that was closed.
class MisuseFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = FreshDirectory("misuse");
    Open("/gone", &dead_database_, &dead_tree_);
    moraine_snapshot_take(dead_database_, &dead_snapshot_, nullptr);
    moraine_cursor_open(dead_database_, dead_tree_, nullptr, &dead_cursor_, nullptr);
    moraine_batch_new(&dead_batch_, nullptr);
    moraine_transaction_begin(dead_database_, nullptr, &dead_transaction_, nullptr);
    moraine_batch_new(&orphan_batch_, nullptr);
    moraine_batch_put(orphan_batch_, dead_tree_, "k", 1, "v", 1, nullptr);
    moraine_close(nullptr, &dead_error_);
    EXPECT_EQ(moraine_error_free(dead_error_), MORAINE_OK);
    EXPECT_EQ(moraine_batch_free(dead_batch_), MORAINE_OK);
    EXPECT_EQ(moraine_cursor_free(dead_cursor_), MORAINE_OK);
    EXPECT_EQ(moraine_transaction_free(dead_transaction_), MORAINE_OK);
    EXPECT_EQ(moraine_snapshot_free(dead_snapshot_), MORAINE_OK);
    EXPECT_EQ(moraine_close(dead_database_, nullptr), MORAINE_OK);

    Open("/here", &database_, &tree_);
    Open("/there", &other_database_, &other_tree_);
    moraine_put(database_, tree_, "k", 1, "v", 1, MORAINE_NONE, nullptr);
    moraine_snapshot_take(database_, &snapshot_, nullptr);
    moraine_cursor_open(database_, tree_, nullptr, &cursor_, nullptr);
    moraine_batch_new(&batch_, nullptr);
    moraine_transaction_begin(database_, nullptr, &transaction_, nullptr);
    moraine_close(nullptr, &error_);
  }

  void TearDown() override {
    EXPECT_EQ(moraine_error_free(error_), MORAINE_OK);
    EXPECT_EQ(moraine_batch_free(orphan_batch_), MORAINE_OK);
    EXPECT_EQ(moraine_batch_free(batch_), MORAINE_OK);
    EXPECT_EQ(moraine_cursor_free(cursor_), MORAINE_OK);
    EXPECT_EQ(moraine_transaction_free(transaction_), MORAINE_OK);
    EXPECT_EQ(moraine_snapshot_free(snapshot_), MORAINE_OK);
    EXPECT_EQ(moraine_close(other_database_, nullptr), MORAINE_OK);
    EXPECT_EQ(moraine_close(database_, nullptr), MORAINE_OK);
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  void Open(const std::string& name, moraine_database** database, moraine_tree** tree) const {
    moraine_options options = MORAINE_OPTIONS_INIT;
    options.create_if_missing = 1;
    options.memory_bytes = 64 << 20;
    options.no_io_uring = 1;
    ASSERT_EQ(moraine_open((directory_ + name).c_str(), &options, database, nullptr), MORAINE_OK);
    ASSERT_EQ(moraine_tree_default(*database, tree, nullptr), MORAINE_OK);
  }

  // What is no handle at all but may be read: NULL, zeroes, and an address within a handle.
  std::vector<const void*> NoHandles() const {
    return {nullptr, zeroes_, reinterpret_cast<const char*>(database_) + 8};
  }

  std::string directory_;
  moraine_database* database_ = nullptr;
  moraine_tree* tree_ = nullptr;
  moraine_snapshot* snapshot_ = nullptr;
  moraine_cursor* cursor_ = nullptr;
  moraine_batch* batch_ = nullptr;
  moraine_transaction* transaction_ = nullptr;
  moraine_error* error_ = nullptr;
  moraine_database* other_database_ = nullptr;
  moraine_tree* other_tree_ = nullptr;
  moraine_database* dead_database_ = nullptr;
  moraine_tree* dead_tree_ = nullptr;
  moraine_snapshot* dead_snapshot_ = nullptr;
  moraine_cursor* dead_cursor_ = nullptr;
  moraine_batch* dead_batch_ = nullptr;
  moraine_transaction* dead_transaction_ = nullptr;
  moraine_error* dead_error_ = nullptr;
  moraine_batch* orphan_batch_ = nullptr;  // alive, with a tree of a closed database
  alignas(64) const char zeroes_[64] = {};
};

}  // namespace moraine

#endif  // MORAINE_TESTS_API_C_MISUSE_FIXTURE_H_
