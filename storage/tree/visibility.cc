// The reader's decision, as the engine calls it.
#include "storage/tree/visibility.h"

namespace moraine {

bool VisibleAt(const Version& version, ReadPoint point, const Log* log, uint64_t* ts) {
  return DecideVisible<DefaultPolicy, StatusObject>(version, point, log, ts);
}

}  // namespace moraine
