// Merging of two sorted sequences, either way, and the record of what was seen.
#include "txn/transaction_cursor.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "storage/base/status_macros.h"

namespace moraine {

TransactionCursor::TransactionCursor(Transaction& transaction, Tree& tree, KeyInterval interval,
                                     std::unique_ptr<Cursor> below)
    : transaction_(transaction),
      tree_(tree),
      interval_(std::move(interval)),
      below_(std::move(below)),
      own_(transaction.writes_.Of(tree)) {}

absl::Status TransactionCursor::CheckUsable() const {
  MORAINE_RETURN_IF_ERROR(transaction_.CheckActive());
  return transaction_.CheckRoom(0);
}

bool TransactionCursor::Before(std::string_view a, std::string_view b) const {
  return direction_ == Direction::kForward ? a < b : a > b;
}

bool TransactionCursor::Reaches(const Place& from, std::string_view key) const {
  if (!from.key) return true;
  return Before(*from.key, key) || (from.inclusive && key == *from.key);
}

bool TransactionCursor::InInterval(std::string_view key) const {
  return key >= interval_.low && (!interval_.high || key < *interval_.high);
}

const WriteSet::TreeWrites::value_type* TransactionCursor::OwnCandidate(const Place& from) const {
  if (own_.empty()) return nullptr;
  if (direction_ == Direction::kForward) {
    auto found = from.inclusive ? own_.lower_bound(*from.key) : own_.upper_bound(*from.key);
    return found != own_.end() && InInterval(found->first) ? &*found : nullptr;
  }
  auto end = own_.end();
  if (from.key) end = from.inclusive ? own_.upper_bound(*from.key) : own_.lower_bound(*from.key);
  if (end == own_.begin()) return nullptr;
  auto found = std::prev(end);
  return InInterval(found->first) ? &*found : nullptr;
}

absl::Status TransactionCursor::StepBelow() {
  return direction_ == Direction::kForward ? below_->Next() : below_->Previous();
}

absl::Status TransactionCursor::Advance(Place from) {
  valid_ = false;
  for (;;) {
    while (below_->Valid() && !Reaches(from, below_->key())) MORAINE_RETURN_IF_ERROR(StepBelow());
    const auto* own = OwnCandidate(from);
    bool has_below = below_->Valid() && InInterval(below_->key());
    if (own == nullptr && !has_below) return absl::OkStatus();
    if (own == nullptr || (has_below && Before(below_->key(), own->first))) {
      key_.assign(below_->key());
      value_ = below_->value();
      valid_ = true;
      return absl::OkStatus();
    }
    std::optional<std::string_view> below;
    if (has_below && below_->key() == own->first) below = below_->value();
    std::string buffer;
    std::optional<std::string_view> value =
        transaction_.ValueOver(tree_, own->first, own->second, below, &buffer);
    if (value) {
      key_ = own->first;
      made_.assign(*value);  // the entry may change before the cursor moves on
      value_ = made_;
      valid_ = true;
      return absl::OkStatus();
    }
    from = {own->first, false};
  }
}

absl::Status TransactionCursor::StartForward(std::string_view from) {
  std::string begin(std::max<std::string_view>(from, interval_.low));
  valid_ = false;
  walk_ = nullptr;
  MORAINE_RETURN_IF_ERROR(CheckUsable());
  direction_ = Direction::kForward;
  MORAINE_RETURN_IF_ERROR(below_->Seek(begin));
  MORAINE_RETURN_IF_ERROR(Advance({begin, true}));
  if (transaction_.records_reads()) walk_ = &transaction_.reads_.NewWalk(tree_, begin);
  SawUpward();
  return absl::OkStatus();
}

absl::Status TransactionCursor::StartBackward(const Place& from) {
  valid_ = false;
  walk_ = nullptr;
  MORAINE_RETURN_IF_ERROR(CheckUsable());
  direction_ = Direction::kBackward;
  MORAINE_RETURN_IF_ERROR(from.key ? below_->SeekForPrevious(*from.key) : below_->SeekToLast());
  MORAINE_RETURN_IF_ERROR(Advance(from));
  if (!transaction_.records_reads()) return absl::OkStatus();
  ReadSet& reads = transaction_.reads_;
  walk_ = &reads.NewWalk(tree_, valid_ ? std::string_view(key_) : interval_.low);
  if (!from.key) {
    reads.ExtendToEnd(*walk_);
  } else if (from.inclusive) {
    reads.ExtendThrough(*walk_, *from.key);
  } else {
    reads.ExtendBelow(*walk_, *from.key);
  }
  return absl::OkStatus();
}

void TransactionCursor::SawUpward() {
  if (walk_ == nullptr) return;
  ReadSet& reads = transaction_.reads_;
  if (valid_) {
    reads.ExtendThrough(*walk_, key_);
  } else if (interval_.high) {
    reads.ExtendBelow(*walk_, *interval_.high);
  } else {
    reads.ExtendToEnd(*walk_);
  }
}

void TransactionCursor::SawDownward() {
  if (walk_ == nullptr) return;
  transaction_.reads_.ExtendDownTo(*walk_, valid_ ? std::string_view(key_) : interval_.low);
}

absl::Status TransactionCursor::Seek(std::string_view key) { return StartForward(key); }

absl::Status TransactionCursor::SeekToFirst() { return StartForward(interval_.low); }

absl::Status TransactionCursor::SeekForPrevious(std::string_view key) {
  if (interval_.high && key >= *interval_.high) return SeekToLast();
  return StartBackward({std::string(key), true});
}

absl::Status TransactionCursor::SeekToLast() { return StartBackward({interval_.high, false}); }

absl::Status TransactionCursor::Step(Direction direction) {
  if (!valid_) return absl::FailedPreconditionError("the cursor is not on a key; seek first");
  MORAINE_RETURN_IF_ERROR(CheckUsable());
  if (direction != direction_) {
    direction_ = direction;
    MORAINE_RETURN_IF_ERROR(direction == Direction::kForward ? below_->Seek(key_)
                                                             : below_->SeekForPrevious(key_));
  }
  return Advance({key_, false});
}

absl::Status TransactionCursor::Next() {
  MORAINE_RETURN_IF_ERROR(Step(Direction::kForward));
  SawUpward();
  return absl::OkStatus();
}

absl::Status TransactionCursor::Previous() {
  MORAINE_RETURN_IF_ERROR(Step(Direction::kBackward));
  SawDownward();
  return absl::OkStatus();
}

}  // namespace moraine
