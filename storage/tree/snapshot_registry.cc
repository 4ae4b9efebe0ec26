// What a pruner may drop, and the engine's registry.
#include "storage/tree/snapshot_registry.h"

#include <algorithm>

namespace moraine {

bool PruneView::Needed(uint64_t ts, uint64_t successor_ts) const {
  if (successor_ts >= horizon) return true;
  auto first_above = std::upper_bound(active.begin(), active.end(), ts);
  return first_above != active.end() && *first_above <= successor_ts;
}

template class BasicSnapshotRegistry<DefaultPolicy, Log>;

}  // namespace moraine
