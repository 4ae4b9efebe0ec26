// Names that every place can keep: files, objects, keys of a table.
#include "storage/segments/segment_backend.h"

#include <algorithm>

namespace moraine {

bool ValidSegmentName(std::string_view name) {
  auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
  auto valid = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '-'; };
  return !name.empty() && name.size() <= kMostSegmentNameBytes && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), valid);
}

absl::Status CheckSegmentName(std::string_view name) {
  if (ValidSegmentName(name)) return absl::OkStatus();
  return absl::InvalidArgumentError("'" + std::string(name) + "': a segment's name has 1 to " +
                                    std::to_string(kMostSegmentNameBytes) +
                                    " characters of a-z, 0-9 and '-', the first a letter");
}

}  // namespace moraine
