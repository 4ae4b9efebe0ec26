// How a cursor moves: which scan it walks, and when it begins another one.
#include "api/c/cursor_object.h"

#include <iterator>
#include <utility>

namespace moraine::c {

namespace {

// `range` without what lies before `key` in the given direction, and without `key` itself when the
// kind of the bound says so.
Range Behind(Range range, Direction direction, std::string_view key, Bound::Kind kind) {
  const Bound bound = {kind, std::string(key)};
  if (direction == Direction::kForward) {
    if (range.AboveLower(key)) range.lower = bound;
  } else {
    if (range.BelowUpper(key)) range.upper = bound;
  }
  return range;
}

}  // namespace

Direction CursorObject::DirectionOf(Way way) const {
  if (way == Way::kWith) return natural_;
  return natural_ == Direction::kForward ? Direction::kBackward : Direction::kForward;
}

absl::Status CursorObject::Settle() {
  // A scan that met an error is at its end.
  if (iterator_ != std::default_sentinel) {
    place_ = Place::kRecord;
    return absl::OkStatus();
  }
  place_ = walking_ == Direction::kForward ? Place::kAboveAll : Place::kBelowAll;
  if (!scan_->status().ok()) place_ = Place::kNowhere;
  return scan_->status();
}

absl::Status CursorObject::Start(Range range, Direction direction) {
  scan_.emplace(reader_->Scan(tree_, std::move(range), direction));
  walking_ = direction;
  iterator_ = scan_->begin();
  return Settle();
}

absl::Status CursorObject::MoveToStart(Way way) { return Start(range_, DirectionOf(way)); }

absl::Status CursorObject::Move(Way way) {
  const Direction direction = DirectionOf(way);
  switch (place_) {
    case Place::kNowhere:
      return Start(range_, direction);
    case Place::kBelowAll:
    case Place::kAboveAll: {
      const bool leaving = (place_ == Place::kAboveAll) == (direction == Direction::kForward);
      return leaving ? absl::OkStatus() : Start(range_, direction);
    }
    case Place::kRecord:
      break;
  }
  if (direction != walking_) {
    // The key belongs to the scan that Start ends.
    return Start(Behind(range_, direction, entry().key, Bound::Kind::kExclusive), direction);
  }
  ++iterator_;
  return Settle();
}

absl::Status CursorObject::Seek(std::string_view target) {
  return Start(Behind(range_, natural_, target, Bound::Kind::kInclusive), natural_);
}

void CursorObject::Detach() {
  scan_.reset();
  place_ = Place::kNowhere;
}

absl::Status CursorObject::Fetch(size_t most, moraine_slice* keys, moraine_slice* values,
                                 size_t* count) {
  *count = 0;
  fetched_.clear();
  fetched_sizes_.clear();
  const size_t parts = values == nullptr ? 1 : 2;
  while (*count < most && fetched_.size() < kFetchBytes) {
    absl::Status moved = Move(Way::kWith);
    if (!moved.ok()) {
      *count = 0;
      return moved;
    }
    if (!at_record()) break;
    const Entry record = entry();
    fetched_.append(record.key);
    fetched_sizes_.push_back(record.key.size());
    if (values != nullptr) {
      fetched_.append(record.value);
      fetched_sizes_.push_back(record.value.size());
    }
    ++*count;
  }
  const char* bytes = fetched_.data();
  for (size_t i = 0; i < *count; ++i) {
    keys[i] = {bytes, fetched_sizes_[i * parts]};
    bytes += keys[i].size;
    if (values == nullptr) continue;
    values[i] = {bytes, fetched_sizes_[i * parts + 1]};
    bytes += values[i].size;
  }
  return absl::OkStatus();
}

}  // namespace moraine::c
