// Distinct integer types for everything that is counted in the engine, so that a page id can never
// be passed for a log position. Each is a thin, trivially copyable wrapper; arithmetic is spelled
// out through value().
#ifndef MORAINE_STORAGE_BASE_IDS_H_
#define MORAINE_STORAGE_BASE_IDS_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace moraine {

template <class Tag, class Rep>
class StrongId {
 public:
  using rep = Rep;
  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }
  constexpr auto operator<=>(const StrongId&) const = default;

 private:
  Rep value_ = 0;
};

// A page: one node of one tree, addressed through the page table. Zero names no page.
using PageId = StrongId<struct PageIdTag, uint32_t>;
// A byte position in the log. Positions only grow; a record's position is also its commit
// timestamp.
using Lsn = StrongId<struct LsnTag, uint64_t>;
// The position in the commit order that a version or a snapshot has. A version is visible at
// snapshot S iff ts < S.
using Timestamp = StrongId<struct TimestampTag, uint64_t>;
// A file of the log, of the segment store or a checkpoint.
using SegmentId = StrongId<struct SegmentIdTag, uint64_t>;
// A named tree; zero is the catalog of trees.
using TreeId = StrongId<struct TreeIdTag, uint32_t>;

inline constexpr PageId kNoPage{0};
inline constexpr TreeId kCatalogTree{0};

// The timestamp of the record at `lsn`: the same number, by design (one fetch_add gives space,
// order and time).
constexpr Timestamp TimestampOf(Lsn lsn) { return Timestamp(lsn.value()); }

}  // namespace moraine

template <class Tag, class Rep>
struct std::hash<moraine::StrongId<Tag, Rep>> {
  size_t operator()(moraine::StrongId<Tag, Rep> id) const { return std::hash<Rep>()(id.value()); }
};

#endif  // MORAINE_STORAGE_BASE_IDS_H_
