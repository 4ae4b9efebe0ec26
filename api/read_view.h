// Everything that can be read: from the latest state (a Database is a ReadView), from one instant (a
// Snapshot is a ReadView), or from one instant with own writes laid over it (a Transaction is a
// ReadView). Write a function once over `const ReadView&` and it serves all three.
//
// Thread safety: any number of threads at once, but one for a Transaction. Progress: reads take no locks and wait for no
// writer; they wait for the device when a page is not in memory. Errors of every call: NotFound
// (the tree was dropped), FailedPrecondition (empty handle, closed database), DataLoss, Unavailable
// (see status.h). An absent key is a value, never an error.
#ifndef MORAINE_API_READ_VIEW_H_
#define MORAINE_API_READ_VIEW_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

#include <moraine/namespace.h>
#include <moraine/range.h>
#include <moraine/scan.h>
#include <moraine/tree.h>
#include <moraine/value.h>

namespace moraine::internal {
struct OpenTransaction;
}  // namespace moraine::internal

namespace moraine::MORAINE_V1 {

// A key with its value, both owned.
struct Record {
  std::string key;
  Value value;
};

class ReadView {
 public:
  // The value of `key`, or nullopt when it is absent. O(log n). An empty value is a value.
  absl::StatusOr<std::optional<Value>> Get(const Tree& tree, std::string_view key) const;

  // The same into a string of the caller's, whose memory is used again: false (and `value` as it
  // was) when the key is absent.
  absl::StatusOr<bool> Get(const Tree& tree, std::string_view key, std::string* value) const;

  absl::StatusOr<bool> Contains(const Tree& tree, std::string_view key) const;

  // The values of many keys as of one instant, in the order of `keys`.
  absl::StatusOr<std::vector<std::optional<Value>>> MultiGet(
      const Tree& tree, std::span<const std::string_view> keys) const;

  // The keys of `range` in order; see scan.h. Errors are in the scan's status().
  v1::Scan Scan(const Tree& tree, Range range = All(),
                Direction direction = Direction::kForward) const;

  // The first and the last record of `range`, or nullopt when it has none. O(log n).
  absl::StatusOr<std::optional<Record>> First(const Tree& tree, Range range = All()) const;
  absl::StatusOr<std::optional<Record>> Last(const Tree& tree, Range range = All()) const;

  // The neighbours of `key`, which itself need not be there. O(log n).
  absl::StatusOr<std::optional<Record>> Before(const Tree& tree, std::string_view key) const;
  absl::StatusOr<std::optional<Record>> AtOrBefore(const Tree& tree, std::string_view key) const;
  absl::StatusOr<std::optional<Record>> AtOrAfter(const Tree& tree, std::string_view key) const;
  absl::StatusOr<std::optional<Record>> After(const Tree& tree, std::string_view key) const;

 protected:
  ReadView() = default;
  ReadView(const ReadView&) = default;
  ReadView& operator=(const ReadView&) = default;
  ~ReadView() = default;

  moraine::Engine* engine_ = nullptr;                  // null: closed or moved from
  const moraine::EngineSnapshot* snapshot_ = nullptr;  // null: the latest state
  internal::OpenTransaction* transaction_ = nullptr;   // not null: what it sees

 private:
  absl::StatusOr<bool> Read(const Tree& tree, std::string_view key,
                            absl::FunctionRef<void(std::string_view)> found) const;
  absl::StatusOr<std::optional<Record>> FirstOf(v1::Scan scan) const;
};

}  // namespace moraine::MORAINE_V1

#endif  // MORAINE_API_READ_VIEW_H_
