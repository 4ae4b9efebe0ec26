// Reads a history from JSON lines, one transaction a line (README.md has the format). Every line
// comes from somebody else's program, so anything may be in it.
#ifndef MORAINE_TOOLS_HISTORY_HISTORY_READER_H_
#define MORAINE_TOOLS_HISTORY_HISTORY_READER_H_

#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "tools/history/history.h"

namespace moraine::history {

class HistoryReader {
 public:
  HistoryReader();
  ~HistoryReader();

  // Line `number`, without its end; empty ones are skipped. InvalidArgument "line N: WHAT".
  absl::Status AddLine(std::string_view line, uint64_t number);
  // The whole of it; the reader is used up.
  absl::StatusOr<History> Finish();

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace moraine::history

#endif  // MORAINE_TOOLS_HISTORY_HISTORY_READER_H_
