// Reads the chunks of a page table at opening, many at a time.
#ifndef MORAINE_STORAGE_TABLE_READER_H_
#define MORAINE_STORAGE_TABLE_READER_H_

#include <cstdint>
#include <map>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

#include "storage/io/io.h"
#include "storage/segments/segment_store.h"

namespace moraine {

class TableReader {
 public:
  TableReader(Io& io, SegmentStore& store) : io_(io), store_(store) {}
  // Calls `take` with the payload of every chunk, in no particular order.
  absl::Status Read(const std::map<uint32_t, PieceLocation>& chunks,
                    absl::FunctionRef<absl::Status(uint32_t chunk, std::string_view payload)> take);

 private:
  Io& io_;
  SegmentStore& store_;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_TABLE_READER_H_
