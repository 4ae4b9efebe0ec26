// Walks one interval of a tree as a transaction sees it: the tree at its snapshot, its own writes
// laid over, and reports to its read set what it has seen, gaps included.
#ifndef MORAINE_TXN_TRANSACTION_CURSOR_H_
#define MORAINE_TXN_TRANSACTION_CURSOR_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "storage/engine.h"
#include "txn/read_set.h"
#include "txn/transaction.h"
#include "txn/write_set.h"

namespace moraine {

// The cursor below stays at the next candidate in the direction of the walk; own writes are looked
// up by key at each step, so they may change meanwhile. The base cursor of the engine copies
// leaves, so the position survives whatever happens in the tree.
class TransactionCursor final : public Cursor {
 public:
  TransactionCursor(Transaction& transaction, Tree& tree, KeyInterval interval,
                    std::unique_ptr<Cursor> below);

  bool Valid() const override { return valid_; }
  std::string_view key() const override { return key_; }
  std::string_view value() const override { return value_; }
  absl::Status Seek(std::string_view key) override;
  absl::Status SeekForPrevious(std::string_view key) override;
  absl::Status SeekToFirst() override;
  absl::Status SeekToLast() override;
  absl::Status Next() override;
  absl::Status Previous() override;

 private:
  enum class Direction : uint8_t { kForward, kBackward };
  // A place between keys, or at one; `key` nullopt: behind the last key of the tree.
  struct Place {
    std::optional<std::string> key;
    bool inclusive;  // a record with this very key counts
  };

  absl::Status CheckUsable() const;
  absl::Status StartForward(std::string_view from);
  absl::Status StartBackward(const Place& from);
  absl::Status Step(Direction direction);
  // Finds the first record in the walk's direction from `from` on.
  absl::Status Advance(Place from);
  bool Reaches(const Place& from, std::string_view key) const;
  bool Before(std::string_view a, std::string_view b) const;
  bool InInterval(std::string_view key) const;
  const WriteSet::TreeWrites::value_type* OwnCandidate(const Place& from) const;
  absl::Status StepBelow();
  void SawUpward();
  void SawDownward();

  Transaction& transaction_;
  Tree& tree_;
  const KeyInterval interval_;
  const std::unique_ptr<Cursor> below_;
  const WriteSet::TreeWrites& own_;
  ReadSet::Walk* walk_ = nullptr;  // of the read set; null when nothing is recorded
  Direction direction_ = Direction::kForward;
  bool valid_ = false;
  std::string key_;
  std::string_view value_;  // in made_, or of the cursor below
  std::string made_;
};

}  // namespace moraine

#endif  // MORAINE_TXN_TRANSACTION_CURSOR_H_
