// What trees and the service that moves pages between memory and disk say to each other. Trees know
// what a page holds: they capture, load and drop pages. The service knows when: it writes captures,
// publishes where they are, and keeps memory within its budget.
#ifndef MORAINE_STORAGE_TREE_PAGING_H_
#define MORAINE_STORAGE_TREE_PAGING_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "storage/base/ids.h"
#include "storage/cache/disk_refs.h"
#include "storage/segments/address.h"
#include "storage/segments/piece.h"

namespace moraine {

// One page's part of a flush. `payload` is valid during the call that hands it out.
struct PageCapture {
  PieceHeader header;
  Stream stream = Stream::kHot;
  std::string_view payload;
  DiskCopy disk;         // the pieces the capture builds on
  bool replaces = true;  // the piece is the page's only one from now on; else it comes on top
  // Of a page that was split off and never written before: its separator in its parent, which a
  // checkpoint carries until the parent's own image holds it.
  std::string_view low_fence;
  bool first_time = false;
  uint64_t interval = 0;  // log bytes since the page was written before; 0: never, or not known
  uint32_t deletes = 0;   // of a fragment's entries: tombstones
};

enum class EvictResult : uint8_t {
  kEvicted,  // nothing of it, or only versions that are not written yet, is in memory
  kDirty,    // flush it first
  kBusy,     // changed meanwhile; try again later
  kGone,     // was not in memory, or is no page any more
  kPinned,   // must stay: a split of it is not posted, or it was never written
};

// The service's side; all may be called by any thread.
class PageService {
 public:
  virtual ~PageService() = default;
  // A page came into memory, or took its first version while it was out. Inside a guard or not;
  // never waits.
  virtual void Admit(PageId page) = 0;
  // Called outside guards by whoever needs memory: evicts, or waits for the service to write dirty
  // pages, until `bytes` can be charged. ResourceExhausted says what to do.
  virtual absl::Status MakeRoom(uint64_t bytes) = 0;
  // Foreground work calls this now and then, outside guards: evicts a little when memory is above
  // its high-water mark. Cheap when it is not.
  virtual void Assist() = 0;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_PAGING_H_
