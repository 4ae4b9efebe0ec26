// A range over an engine cursor: where to start, when to stop, and what went wrong.
#include <utility>

#include "storage/engine.h"
#include <moraine/scan.h>

namespace moraine::MORAINE_V1 {

struct Scan::State {
  Range range;
  Direction direction = Direction::kForward;
  std::unique_ptr<moraine::Cursor> cursor;  // null when it could not be made
  absl::Status status;

  bool forward() const { return direction == Direction::kForward; }

  bool AtEnd() const {
    if (!status.ok() || !cursor->Valid()) return true;
    return forward() ? !range.BelowUpper(cursor->key()) : !range.AboveLower(cursor->key());
  }

  void Step() { status = forward() ? cursor->Next() : cursor->Previous(); }

  void Start() {
    if (cursor == nullptr) return;
    const Bound& bound = forward() ? range.lower : range.upper;
    if (bound.kind == Bound::Kind::kUnbounded) {
      status = forward() ? cursor->SeekToFirst() : cursor->SeekToLast();
      return;
    }
    status = forward() ? cursor->Seek(bound.key) : cursor->SeekForPrevious(bound.key);
    const bool on_bound = status.ok() && cursor->Valid() && cursor->key() == bound.key;
    if (on_bound && bound.kind == Bound::Kind::kExclusive) Step();
  }
};

Scan::Scan(absl::StatusOr<std::unique_ptr<moraine::Cursor>> cursor, Range range,
           Direction direction)
    : state_(std::make_unique<State>()) {
  state_->range = std::move(range);
  state_->direction = direction;
  if (cursor.ok()) {
    state_->cursor = *std::move(cursor);
  } else {
    state_->status = cursor.status();
  }
}

Scan::Scan(Scan&& other) noexcept = default;
Scan& Scan::operator=(Scan&& other) noexcept = default;
Scan::~Scan() = default;

Scan::iterator Scan::begin() {
  state_->Start();
  return iterator(state_.get());
}

const absl::Status& Scan::status() const { return state_->status; }

Entry Scan::iterator::operator*() const { return {state_->cursor->key(), state_->cursor->value()}; }

Scan::iterator& Scan::iterator::operator++() {
  state_->Step();
  return *this;
}

bool Scan::iterator::AtEnd() const { return state_ == nullptr || state_->AtEnd(); }

}  // namespace moraine::MORAINE_V1
