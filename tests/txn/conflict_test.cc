// Conflicts travel inside a status and come out as they went in.
#include "txn/conflict.h"

#include <string>

#include "gtest/gtest.h"

#include "tests/txn/txn_fixture.h"

namespace moraine {
namespace {

TEST(ConflictTest, ComesOutAsItWentIn) {
  TxnWorld world;
  std::string key("a\0b", 3);
  ReadItem item{&world.plain(), ReadKind::kRest, "a", {}};
  absl::Status status = ConflictError(item, {0, key, 4711});
  EXPECT_TRUE(absl::IsAborted(status));
  std::optional<Conflict> conflict = ConflictOf(status);
  ASSERT_TRUE(conflict);
  EXPECT_EQ(conflict->tree, &world.plain());
  EXPECT_EQ(conflict->key, key);
  EXPECT_EQ(conflict->winner, Lsn(4711));
}

TEST(ConflictTest, OtherErrorsCarryNone) {
  EXPECT_FALSE(ConflictOf(absl::OkStatus()));
  EXPECT_FALSE(ConflictOf(absl::AbortedError("something else")));
}

TEST(ConflictTest, LongKeysAreCutInTheMessageOnly) {
  TxnWorld world;
  std::string key(1000, 'k');
  ReadItem item{&world.plain(), ReadKind::kKey, key, {}};
  absl::Status status = ConflictError(item, {0, key, 1});
  EXPECT_LT(status.message().size(), 300u);
  EXPECT_EQ(ConflictOf(status)->key, key);
}

}  // namespace
}  // namespace moraine
