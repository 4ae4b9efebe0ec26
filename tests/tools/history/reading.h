// Histories of tests as text, one transaction a line.
#ifndef MORAINE_TESTS_TOOLS_HISTORY_READING_H_
#define MORAINE_TESTS_TOOLS_HISTORY_READING_H_

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"

#include "tools/history/history.h"
#include "tools/history/history_reader.h"

namespace moraine::history {

inline absl::StatusOr<History> ReadText(std::string_view text) {
  HistoryReader reader;
  for (uint64_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() < text.size() ? line.size() + 1 : line.size());
    absl::Status added = reader.AddLine(line, number);
    if (!added.ok()) return added;
  }
  return reader.Finish();
}

}  // namespace moraine::history

#endif  // MORAINE_TESTS_TOOLS_HISTORY_READING_H_
