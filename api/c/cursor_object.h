// A cursor over the C++ interface's Scan, which goes one way and does not seek: turning round and
// seeking begin another Scan of the same snapshot, at the price of one descent.
#ifndef MORAINE_API_C_CURSOR_OBJECT_H_
#define MORAINE_API_C_CURSOR_OBJECT_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

#include <moraine/c.h>
#include <moraine/read_view.h>

namespace moraine::c {

// For one thread at a time. After an error it stands nowhere.
class CursorObject {
 public:
  // `keep` keeps `reader` alive. The natural direction is that of First and Move(kWith).
  CursorObject(std::shared_ptr<const void> keep, const ReadView* reader, const Tree& tree,
               Range range, Direction natural)
      : keep_(std::move(keep)),
        reader_(reader),
        tree_(tree),
        range_(std::move(range)),
        natural_(natural) {}

  enum class Way { kWith, kAgainst };  // the natural direction, or the other

  absl::Status Move(Way way);
  // To the record that a walk this way begins with.
  absl::Status MoveToStart(Way way);
  absl::Status Seek(std::string_view target);
  // Whether it stands at a record, and which.
  bool at_record() const { return place_ == Place::kRecord; }
  Entry entry() const { return *iterator_; }

  // Lets the scan go, since what it reads ends. It must not be moved afterwards.
  void Detach();

  // Copies up to `most` next records; the slices point into the cursor until its next use.
  absl::Status Fetch(size_t most, moraine_slice* keys, moraine_slice* values, size_t* count);

 private:
  enum class Place { kNowhere, kRecord, kBelowAll, kAboveAll };
  static constexpr size_t kFetchBytes = size_t{256} << 10;

  Direction DirectionOf(Way way) const;
  absl::Status Start(Range range, Direction direction);
  absl::Status Settle();

  const std::shared_ptr<const void> keep_;
  const ReadView* const reader_;
  const Tree tree_;
  const Range range_;
  const Direction natural_;

  std::optional<Scan> scan_;  // ends before keep_
  Scan::iterator iterator_;
  Direction walking_ = Direction::kForward;
  Place place_ = Place::kNowhere;

  std::string fetched_;
  std::vector<size_t> fetched_sizes_;  // key, value, key, ...
};

}  // namespace moraine::c

#endif  // MORAINE_API_C_CURSOR_OBJECT_H_
