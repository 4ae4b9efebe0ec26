// How a tree combines a merge operand with the value that is there. A tree has at most one
// operator, chosen by name when it is created (TreeOptions::merge_operator); merging then writes
// without reading, so that counters and sets do not conflict.
//
// Built in:
//   add      values and operands are 64-bit integers in decimal; the sum wraps around
//   max min  the larger or smaller of such integers
//   append   operand after operand
//   bit_or   byte by byte; the shorter one is padded with zero bytes
// The first operand on an absent key becomes the value. To add, max and min, a value that is no
// integer counts as absent, and such an operand changes nothing.
#ifndef MORAINE_API_MERGE_OPERATOR_H_
#define MORAINE_API_MERGE_OPERATOR_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <moraine/namespace.h>

namespace moraine::MORAINE_V1 {

// An operator of your own: derive, give it to Options::merge_operators at every open, and name it
// in TreeOptions. It must be pure, safe to call from any number of threads, must not throw and must
// not call the database: it runs at any time, more than once for the same operands, also while
// recovering.
class MergeOperator {
 public:
  virtual ~MergeOperator() = default;

  // 1 to 255 bytes; stored with the tree, so never give a name a new meaning.
  virtual std::string_view name() const = 0;

  // The value after `operands`, oldest first, were applied to `existing` (nullopt: absent).
  // Combining must be associative: operands may be folded in several steps.
  virtual std::string Merge(std::string_view key, std::optional<std::string_view> existing,
                            std::span<const std::string_view> operands) const = 0;
};

}  // namespace moraine::MORAINE_V1

#endif  // MORAINE_API_MERGE_OPERATOR_H_
