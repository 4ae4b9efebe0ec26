// Growing, and the tidy form that validation gets.
#include "txn/read_set.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace moraine {

void ReadSet::AddKey(Tree& tree, std::string_view key) {
  keys_.push_back({&tree, key_bytes_.size(), key.size()});
  key_bytes_ += key;
  if (keys_.size() < next_cleaning_) return;
  DropRepeatedKeys();
  next_cleaning_ = 64 + 2 * keys_.size();
}

void ReadSet::DropRepeatedKeys() {
  std::sort(keys_.begin(), keys_.end(), [this](const Key& a, const Key& b) {
    return a.tree != b.tree ? std::less<>()(a.tree, b.tree) : TextOf(a) < TextOf(b);
  });
  auto last = std::unique(keys_.begin(), keys_.end(), [this](const Key& a, const Key& b) {
    return a.tree == b.tree && TextOf(a) == TextOf(b);
  });
  keys_.erase(last, keys_.end());
  std::string bytes;
  for (Key& key : keys_) {
    size_t offset = bytes.size();
    bytes += TextOf(key);
    key.offset = offset;
  }
  key_bytes_ = std::move(bytes);
}

ReadSet::Walk& ReadSet::NewWalk(Tree& tree, std::string_view from) {
  walk_bytes_ += kWalkBytes + 2 * from.size();
  walks_.push_back(Walk(&tree, from));
  return walks_.back();
}

void ReadSet::ExtendThrough(Walk& walk, std::string_view key) {
  if (walk.to_end_ || key < walk.high_) return;
  walk_bytes_ += key.size() + 1 - walk.high_.size();
  walk.high_.assign(key);
  walk.high_ += '\0';  // the next key of all
}

void ReadSet::ExtendBelow(Walk& walk, std::string_view key) {
  if (walk.to_end_ || key <= walk.high_) return;
  walk_bytes_ += key.size() - walk.high_.size();
  walk.high_.assign(key);
}

void ReadSet::ExtendDownTo(Walk& walk, std::string_view key) {
  if (key >= walk.low_) return;
  walk_bytes_ += key.size() - walk.low_.size();
  walk.low_.assign(key);
}

std::vector<ReadItem> ReadSet::Items() {
  DropRepeatedKeys();
  std::vector<ReadItem> items;
  items.reserve(keys_.size() + walks_.size());
  for (const Walk& walk : walks_) {
    if (walk.to_end_) {
      items.push_back({walk.tree_, ReadKind::kRest, walk.low_, {}});
    } else if (walk.low_ < walk.high_) {
      items.push_back({walk.tree_, ReadKind::kRange, walk.low_, walk.high_});
    }
  }
  std::sort(items.begin(), items.end(), [](const ReadItem& a, const ReadItem& b) {
    return a.tree != b.tree ? std::less<>()(a.tree, b.tree) : a.low < b.low;
  });
  // Intervals that touch become one.
  size_t kept = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    ReadItem& item = items[i];
    ReadItem* last = kept > 0 ? &items[kept - 1] : nullptr;
    bool rest = last != nullptr && last->kind == ReadKind::kRest;
    if (last == nullptr || last->tree != item.tree || (!rest && last->high < item.low)) {
      items[kept++] = item;
      continue;
    }
    if (rest) continue;
    if (item.kind == ReadKind::kRest) last->kind = ReadKind::kRest;
    last->high = std::max(last->high, item.high);
  }
  items.resize(kept);
  for (const Key& key : keys_) items.push_back({key.tree, ReadKind::kKey, TextOf(key), {}});
  return items;
}

}  // namespace moraine
