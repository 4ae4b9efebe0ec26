// What a transaction has written and not committed: per tree an ordered map, so that scans can lay
// it over what the tree holds, and a list of what to take back when a savepoint is rolled back to.
#ifndef MORAINE_TXN_WRITE_SET_H_
#define MORAINE_TXN_WRITE_SET_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/engine.h"

namespace moraine {

// What becomes of one key.
struct PendingWrite {
  WriteKind kind = WriteKind::kPut;
  std::string value;                  // kPut
  std::vector<std::string> operands;  // kMerge: over what the tree holds, oldest first
};

// One thread. Writes are folded as they come: a merge on a put or delete of this transaction
// becomes a put, so an entry is a put, a delete, or merges only.
class WriteSet {
 public:
  using TreeWrites = std::map<std::string, PendingWrite, std::less<>>;

  // The writes to `tree`; the reference stays valid.
  const TreeWrites& Of(Tree& tree) { return Writes(tree); }
  const PendingWrite* Find(const Tree& tree, std::string_view key) const;

  void Put(Tree& tree, std::string_view key, std::string_view value);
  void Delete(Tree& tree, std::string_view key);
  void Merge(Tree& tree, std::string_view key, std::string_view operand,
             const MergeOperator& merge);

  // Savepoints are numbered from 0 as they are set; those set later end with an earlier one.
  size_t SetSavepoint();
  size_t savepoints() const { return savepoints_.size(); }
  void RollBackTo(size_t savepoint);  // the savepoint stays
  void Release(size_t savepoint);     // the writes stay

  bool empty() const;
  // An upper bound of what the next write to a key may add to size_bytes().
  static uint64_t CostOf(std::string_view key, std::string_view value) {
    return 2 * (key.size() + value.size() + kEntryBytes);
  }
  // What all this takes in memory, about.
  uint64_t size_bytes() const { return size_bytes_; }
  // In the order they are to be applied. Borrows from this object until it changes.
  std::vector<WriteOperation> Operations() const;

 private:
  static constexpr uint64_t kEntryBytes = 128;  // nodes, string objects, allocator rounding

  // How to take back one write: the entry as it was, or, of a merge upon merges, one operand less.
  struct Undo {
    Tree* tree;
    std::string key;
    bool drop_operand = false;
    std::optional<PendingWrite> before;
  };
  struct OfTree {
    Tree* tree;
    std::unique_ptr<TreeWrites> writes;
  };

  static uint64_t SizeOf(std::string_view key, const PendingWrite& write);
  static uint64_t SizeOf(const Undo& undo);
  TreeWrites& Writes(Tree& tree);
  void Replace(Tree& tree, std::string_view key, std::optional<PendingWrite> write);
  void Remember(Undo undo);

  std::vector<OfTree> trees_;  // few
  std::vector<Undo> undo_;     // only while there are savepoints
  std::vector<size_t> savepoints_;
  uint64_t size_bytes_ = 0;
};

}  // namespace moraine

#endif  // MORAINE_TXN_WRITE_SET_H_
