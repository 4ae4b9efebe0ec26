// Draws the graph of a history: which transaction each transaction depends on, and why.
#ifndef MORAINE_TOOLS_HISTORY_DEPENDENCIES_H_
#define MORAINE_TOOLS_HISTORY_DEPENDENCIES_H_

#include "tools/history/graph.h"
#include "tools/history/history.h"
#include "tools/history/version_orders.h"

namespace moraine::history {

// With the edges of sessions and of time when `with_time`. Transactions that did not take effect
// have no edges. Linear in the history, except where it is broken anyway.
Graph DrawDependencies(const History& history, const VersionOrders& orders, bool with_time);

}  // namespace moraine::history

#endif  // MORAINE_TOOLS_HISTORY_DEPENDENCIES_H_
