// An engine on a simulated device with two trees, one plain and one that adds, and short forms of
// what a transaction can do.
#ifndef MORAINE_TESTS_TXN_TXN_FIXTURE_H_
#define MORAINE_TESTS_TXN_TXN_FIXTURE_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "storage/engine.h"
#include "tests/support/engine_harness.h"
#include "tests/support/seeds.h"
#include "tests/support/simulated_io.h"
#include "txn/transaction.h"

namespace moraine {

using Rows = std::vector<std::pair<std::string, std::string>>;

class TxnWorld {
 public:
  TxnWorld() {
    engine_ = Engine::Open("db", SmallEngineOptions(&io_)).value();
    plain_ = engine_->CreateTree("plain", {}).value();
    sums_ = engine_->CreateTree("sums", {.merge_operator = "add"}).value();
  }

  Engine& engine() { return *engine_; }
  Tree& plain() { return *plain_; }
  Tree& sums() { return *sums_; }

  std::unique_ptr<Transaction> Begin(Isolation isolation = Isolation::kSerializable) {
    TransactionOptions options;
    options.isolation = isolation;
    return Transaction::Begin(*engine_, options).value();
  }
  // A single write outside any transaction.
  void Put(Tree& tree, std::string_view key, std::string_view value) {
    WriteOperation write{WriteKind::kPut, &tree, key, value};
    ASSERT_TRUE(engine_->Write(write, Durability::kNone).ok());
  }
  void Delete(Tree& tree, std::string_view key) {
    WriteOperation write{WriteKind::kDelete, &tree, key, {}};
    ASSERT_TRUE(engine_->Write(write, Durability::kNone).ok());
  }
  std::optional<std::string> Latest(Tree& tree, std::string_view key) {
    return ReadValue(*engine_, tree, key).value();
  }

 private:
  SimulatedIo io_{{}};
  std::unique_ptr<Engine> engine_;
  Tree* plain_;
  Tree* sums_;
};

inline std::optional<std::string> GetIn(Transaction& transaction, Tree& tree,
                                        std::string_view key) {
  std::string value;
  absl::StatusOr<bool> found =
      transaction.Get(tree, key, [&](std::string_view bytes) { value = bytes; });
  EXPECT_TRUE(found.ok()) << found.status();
  return found.ok() && *found ? std::optional(value) : std::nullopt;
}

inline Rows ScanIn(Transaction& transaction, Tree& tree, KeyInterval interval = {},
                   bool backward = false) {
  Rows rows;
  std::unique_ptr<Cursor> cursor = transaction.NewCursor(tree, std::move(interval)).value();
  absl::Status status = backward ? cursor->SeekToLast() : cursor->SeekToFirst();
  while (status.ok() && cursor->Valid()) {
    rows.emplace_back(cursor->key(), cursor->value());
    status = backward ? cursor->Previous() : cursor->Next();
  }
  EXPECT_TRUE(status.ok()) << status;
  return rows;
}

}  // namespace moraine

#endif  // MORAINE_TESTS_TXN_TXN_FIXTURE_H_
