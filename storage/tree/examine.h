// Whether a leaf holds a version that a transaction should have seen and did not (architecture.md
// 4.5, step 4). Pure but for one thing: an undecided single write is pushed beyond the transaction's
// own position, so that it no longer matters.
#ifndef MORAINE_STORAGE_TREE_EXAMINE_H_
#define MORAINE_STORAGE_TREE_EXAMINE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/ids.h"
#include "storage/tree/page_contents.h"
#include "storage/tree/read_item.h"
#include "storage/tree/version.h"

namespace moraine {

// Who asks. Versions of `self` are no obstacle. Without `self` (an early look, which decides
// nothing) undecided versions are none either.
struct Examiner {
  uint64_t since = 0;     // the position of the reads: versions at or above it are news
  uint64_t position = 0;  // where the transaction would commit
  const StatusObject* self = nullptr;
};

struct Examination {
  enum class Finding : uint8_t {
    kClear,      // nothing in this leaf; look at `next` if there is `more`
    kNewer,      // `key` was written at `ts`
    kUndecided,  // `version` is another transaction's and may become news
    kMissing,    // page `missing` has to be loaded first
  };
  Finding finding = Finding::kClear;
  bool more = false;
  std::string next;  // where the item goes on, right of this leaf
  std::string key;
  uint64_t ts = 0;
  Version* version = nullptr;  // valid under the guard of the call
  PageId missing;
};

// Examines the part of `item` from key `from` on that lies in this leaf, which covers `from`. Inside
// the guard under which the page word was read.
Examination ExamineLeaf(const PageImage& image, const ReadItem& item, std::string_view from,
                        const Examiner& examiner);

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_EXAMINE_H_
