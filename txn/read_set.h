// What a transaction has read, as its commit will examine it: single keys, and for every walk of a
// cursor the interval that it has seen. An interval is what was asked for, gaps included, not what
// was found: a key that appears in a gap later is a change too. A walk that stops early has seen
// only up to where it stopped.
#ifndef MORAINE_TXN_READ_SET_H_
#define MORAINE_TXN_READ_SET_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "storage/engine.h"

namespace moraine {

// One thread.
class ReadSet {
 public:
  // An interval that grows at both ends: every key from low (inclusive) to high (exclusive).
  class Walk {
   public:
    std::string_view low() const { return low_; }
    std::string_view high() const { return high_; }
    bool to_end() const { return to_end_; }

   private:
    friend class ReadSet;
    Walk(Tree* tree, std::string_view from) : tree_(tree), low_(from), high_(from) {}
    Tree* tree_;
    std::string low_;
    std::string high_;
    bool to_end_ = false;
  };

  void AddKey(Tree& tree, std::string_view key);
  // An empty interval at `from`; the reference stays valid.
  Walk& NewWalk(Tree& tree, std::string_view from);
  void ExtendThrough(Walk& walk, std::string_view key);  // upward, `key` included
  void ExtendBelow(Walk& walk, std::string_view key);    // upward, `key` excluded
  void ExtendToEnd(Walk& walk) { walk.to_end_ = true; }
  void ExtendDownTo(Walk& walk, std::string_view key);  // `key` included

  bool empty() const { return keys_.empty() && walks_.empty(); }
  uint64_t size_bytes() const { return key_bytes_.size() + keys_.size() * kKeyBytes + walk_bytes_; }
  // In order, without repetition. Borrows from this object until it changes.
  std::vector<ReadItem> Items();

 private:
  static constexpr uint64_t kKeyBytes = 32;
  static constexpr uint64_t kWalkBytes = 128;
  struct Key {
    Tree* tree;
    size_t offset;  // into key_bytes_
    size_t size;
  };

  std::string_view TextOf(const Key& key) const {
    return std::string_view(key_bytes_).substr(key.offset, key.size);
  }
  void DropRepeatedKeys();

  std::string key_bytes_;
  std::vector<Key> keys_;
  size_t next_cleaning_ = 64;  // keys are sorted and made unique when there are so many
  std::deque<Walk> walks_;
  uint64_t walk_bytes_ = 0;
};

}  // namespace moraine

#endif  // MORAINE_TXN_READ_SET_H_
