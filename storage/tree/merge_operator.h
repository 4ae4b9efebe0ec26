// Combines operands with the value below them, so that a counter can be changed without reading it.
// Operands are versions like any other; they are combined when a key is read and when a page is
// consolidated.
#ifndef MORAINE_STORAGE_TREE_MERGE_OPERATOR_H_
#define MORAINE_STORAGE_TREE_MERGE_OPERATOR_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moraine {

// Pure, thread-safe and bounded: called at any time, more than once, on any thread.
class MergeOperator {
 public:
  virtual ~MergeOperator() = default;
  virtual std::string_view name() const = 0;
  // `existing`: nullopt when the key is absent below the operands. `operands`: oldest first, at
  // least one.
  virtual std::string Merge(std::string_view key, std::optional<std::string_view> existing,
                            std::span<const std::string_view> operands) const = 0;
};

// add, max, min (decimal 64-bit integers as text; an unreadable value counts as absent; add wraps),
// append, bit_or.
std::vector<std::shared_ptr<const MergeOperator>> BuiltInMergeOperators();

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_MERGE_OPERATOR_H_
