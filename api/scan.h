// Walking the keys of a tree in order, as a C++20 input range:
//
//   moraine::Scan scan = snapshot.Scan(stock, moraine::Prefix("pen/"));
//   for (auto [key, value] : scan | std::views::take(10)) Print(key, value);
//   if (!scan.status().ok()) return scan.status();
//
// A scan that meets an error ends early, so ask status() after the loop; keep the scan in a
// variable for that, and pass the variable (not a temporary) to a view.
#ifndef MORAINE_API_SCAN_H_
#define MORAINE_API_SCAN_H_

#include <cstddef>
#include <iterator>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include <moraine/namespace.h>
#include <moraine/range.h>
#include <moraine/tree.h>

namespace moraine {

class Cursor;
class Engine;
class EngineSnapshot;

}  // namespace moraine

namespace moraine::MORAINE_V1 {

// One record under the scan. The views are valid until the iterator moves on.
struct Entry {
  std::string_view key;
  std::string_view value;
};

// Move-only and for one thread at a time; it must not outlive the Database, Snapshot or
// Transaction that made it. It sees one state of the tree, also when it was made by a Database: the one of its creation.
// Writers never wait for it. Each step costs amortised constant time, the first one the depth of
// the tree.
class Scan {
 private:
  struct State;

 public:
  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = Entry;
    using difference_type = std::ptrdiff_t;

    iterator() = default;
    Entry operator*() const;
    iterator& operator++();
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& i, std::default_sentinel_t) { return i.AtEnd(); }

   private:
    friend class Scan;
    explicit iterator(State* state) : state_(state) {}
    bool AtEnd() const;

    State* state_ = nullptr;
  };

  Scan(Scan&& other) noexcept;
  Scan& operator=(Scan&& other) noexcept;
  ~Scan();

  // Goes to the first record (the last, going backward). Calling it again starts again.
  iterator begin();
  std::default_sentinel_t end() const { return std::default_sentinel; }

  // OK, or what ended the scan before its end.
  const absl::Status& status() const;

 private:
  friend class ReadView;
  Scan(absl::StatusOr<std::unique_ptr<moraine::Cursor>> cursor, Range range, Direction direction);

  std::unique_ptr<State> state_;
};

}  // namespace moraine::MORAINE_V1

#endif  // MORAINE_API_SCAN_H_
