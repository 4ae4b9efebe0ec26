// A database that is still open when the program, or the thread that keeps it, ends: held by a
// static object, closed by a handler of atexit, held by a thread_local object. Each case runs in a
// process of its own; afterwards everything written must be there.
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

#include "gtest/gtest.h"

#include "tests/api/database_fixture.h"
#include "tests/io/child_process.h"

namespace moraine {
namespace {

constexpr int kRecords = 2000;
constexpr int kFailed = 3;

class DatabaseExitTest : public DatabaseFixture {
 protected:
  // The child opens it.
  void SetUp() override {
    DatabaseFixture::SetUp();
    database_.reset();
  }

  static std::unique_ptr<Database> OpenAndFill(const std::string& path) {
    Options options;
    options.memory_bytes = uint64_t{32} << 20;
    absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(path, options);
    if (!database.ok()) _exit(kFailed);
    for (int i = 0; i < kRecords; ++i) {
      const absl::Status put = (*database)->Put((*database)->default_tree(), std::to_string(i),
                                                std::string(200, 'v'), Durability::kNone);
      if (!put.ok()) _exit(kFailed);
    }
    return *std::move(database);
  }

  void ExpectAllRecords() {
    Reopen();
    for (int i = 0; i < kRecords; ++i) {
      ASSERT_EQ(Text(database_->Get(tree_, std::to_string(i))), std::string(200, 'v')) << i;
    }
  }
};

TEST_F(DatabaseExitTest, AStaticObjectHoldsTheDatabase) {
  const int code = RunInChild([&]() -> int {
    static std::unique_ptr<Database> kept;
    kept = OpenAndFill(path());
    std::exit(0);
  });
  EXPECT_EQ(code, 0);
  ExpectAllRecords();
}

TEST_F(DatabaseExitTest, AnAtexitHandlerClosesTheDatabase) {
  const int code = RunInChild([&]() -> int {
    static Database* kept = nullptr;
    kept = OpenAndFill(path()).release();
    std::atexit([] {
      const bool closed = kept->Close().ok();
      std::unique_ptr<Database>(kept).reset();
      if (!closed) _exit(kFailed);
    });
    std::exit(0);
  });
  EXPECT_EQ(code, 0);
  ExpectAllRecords();
}

TEST_F(DatabaseExitTest, AThreadLocalObjectHoldsTheDatabase) {
  const int code = RunInChild([&] {
    std::thread([&] {
      thread_local std::unique_ptr<Database> kept;
      kept = OpenAndFill(path());
    }).join();
    return 0;
  });
  EXPECT_EQ(code, 0);
  ExpectAllRecords();
}

TEST_F(DatabaseExitTest, AStaticObjectHoldsWhatAnotherThreadOpened) {
  const int code = RunInChild([&]() -> int {
    static std::unique_ptr<Database> kept;
    std::thread([&] { kept = OpenAndFill(path()); }).join();
    std::exit(0);
  });
  EXPECT_EQ(code, 0);
  ExpectAllRecords();
}

}  // namespace
}  // namespace moraine
