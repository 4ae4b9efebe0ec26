// What a transaction read, and what became of it: shared by the trees, which examine it, and the
// doors above them, which collect it.
#ifndef MORAINE_STORAGE_TREE_READ_ITEM_H_
#define MORAINE_STORAGE_TREE_READ_ITEM_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace moraine {

class Tree;

enum class ReadKind : uint8_t {
  kKey,    // one key, present or not
  kRange,  // every key of [low, high), present or not
  kRest,   // every key from low on
};

// Borrows its keys.
struct ReadItem {
  Tree* tree = nullptr;
  ReadKind kind = ReadKind::kKey;
  std::string_view low;   // the key, or where the range begins
  std::string_view high;  // kRange only
};

// Why a transaction may not commit: somebody else wrote what it had read.
struct ReadConflict {
  size_t item = 0;         // which of the read items
  std::string key;         // which key was written
  uint64_t winner_ts = 0;  // the commit position of the write
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_READ_ITEM_H_
