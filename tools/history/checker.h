// Does a history keep what an isolation level promises? Everything the command does, as a function.
#ifndef MORAINE_TOOLS_HISTORY_CHECKER_H_
#define MORAINE_TOOLS_HISTORY_CHECKER_H_

#include "tools/history/history.h"
#include "tools/history/report.h"

namespace moraine::history {

// `history` is finished. Linear in its size as long as nothing is wrong with it.
Report CheckHistory(const History& history, Level level);

}  // namespace moraine::history

#endif  // MORAINE_TOOLS_HISTORY_CHECKER_H_
