// Entries and how they are taken back.
#include "txn/write_set.h"

#include <utility>

#include "storage/base/check.h"

namespace moraine {

uint64_t WriteSet::SizeOf(std::string_view key, const PendingWrite& write) {
  uint64_t bytes = kEntryBytes + key.size() + write.value.size();
  for (const std::string& operand : write.operands) bytes += kEntryBytes + operand.size();
  return bytes;
}

uint64_t WriteSet::SizeOf(const Undo& undo) {
  return undo.before ? SizeOf(undo.key, *undo.before) : kEntryBytes + undo.key.size();
}

WriteSet::TreeWrites& WriteSet::Writes(Tree& tree) {
  for (OfTree& known : trees_) {
    if (known.tree == &tree) return *known.writes;
  }
  return *trees_.emplace_back(OfTree{&tree, std::make_unique<TreeWrites>()}).writes;
}

const PendingWrite* WriteSet::Find(const Tree& tree, std::string_view key) const {
  for (const OfTree& known : trees_) {
    if (known.tree != &tree) continue;
    auto found = known.writes->find(key);
    return found != known.writes->end() ? &found->second : nullptr;
  }
  return nullptr;
}

void WriteSet::Remember(Undo undo) {
  size_bytes_ += SizeOf(undo);
  undo_.push_back(std::move(undo));
}

// Gives `key` a new entry, or none, keeping what was there if a savepoint wants it back.
void WriteSet::Replace(Tree& tree, std::string_view key, std::optional<PendingWrite> write) {
  TreeWrites& writes = Writes(tree);
  auto found = writes.find(key);
  std::optional<PendingWrite> before;
  if (found != writes.end()) {
    size_bytes_ -= SizeOf(key, found->second);
    before = std::move(found->second);
  }
  if (!savepoints_.empty()) Remember({&tree, std::string(key), false, std::move(before)});
  if (!write) {
    if (found != writes.end()) writes.erase(found);
    return;
  }
  size_bytes_ += SizeOf(key, *write);
  if (found != writes.end()) {
    found->second = *std::move(write);
  } else {
    writes.emplace(key, *std::move(write));
  }
}

void WriteSet::Put(Tree& tree, std::string_view key, std::string_view value) {
  Replace(tree, key, PendingWrite{WriteKind::kPut, std::string(value), {}});
}

void WriteSet::Delete(Tree& tree, std::string_view key) {
  Replace(tree, key, PendingWrite{WriteKind::kDelete, {}, {}});
}

void WriteSet::Merge(Tree& tree, std::string_view key, std::string_view operand,
                     const MergeOperator& merge) {
  TreeWrites& writes = Writes(tree);
  auto found = writes.find(key);
  if (found == writes.end()) {
    Replace(tree, key, PendingWrite{WriteKind::kMerge, {}, {std::string(operand)}});
    return;
  }
  PendingWrite& known = found->second;
  if (known.kind == WriteKind::kMerge) {
    known.operands.emplace_back(operand);
    size_bytes_ += kEntryBytes + operand.size();
    if (!savepoints_.empty()) Remember({&tree, std::string(key), true, std::nullopt});
    return;
  }
  std::optional<std::string_view> existing;
  if (known.kind == WriteKind::kPut) existing = known.value;
  std::string merged = merge.Merge(key, existing, std::span(&operand, 1));
  Replace(tree, key, PendingWrite{WriteKind::kPut, std::move(merged), {}});
}

size_t WriteSet::SetSavepoint() {
  savepoints_.push_back(undo_.size());
  return savepoints_.size() - 1;
}

void WriteSet::RollBackTo(size_t savepoint) {
  MORAINE_CHECK(savepoint < savepoints_.size());
  size_t target = savepoints_[savepoint];
  std::vector<size_t> kept(savepoints_.begin(),
                           savepoints_.begin() + static_cast<ptrdiff_t>(savepoint) + 1);
  savepoints_.clear();  // taking back is not to be taken back
  while (undo_.size() > target) {
    Undo undo = std::move(undo_.back());
    undo_.pop_back();
    size_bytes_ -= SizeOf(undo);
    if (undo.drop_operand) {
      PendingWrite& write = Writes(*undo.tree).find(undo.key)->second;
      size_bytes_ -= kEntryBytes + write.operands.back().size();
      write.operands.pop_back();
    } else {
      Replace(*undo.tree, undo.key, std::move(undo.before));
    }
  }
  savepoints_ = std::move(kept);
}

void WriteSet::Release(size_t savepoint) {
  MORAINE_CHECK(savepoint < savepoints_.size());
  savepoints_.resize(savepoint);
  if (!savepoints_.empty()) return;
  for (const Undo& undo : undo_) size_bytes_ -= SizeOf(undo);
  undo_.clear();
}

bool WriteSet::empty() const {
  for (const OfTree& known : trees_) {
    if (!known.writes->empty()) return false;
  }
  return true;
}

std::vector<WriteOperation> WriteSet::Operations() const {
  std::vector<WriteOperation> operations;
  for (const OfTree& known : trees_) {
    for (const auto& [key, write] : *known.writes) {
      if (write.kind != WriteKind::kMerge) {
        operations.push_back({write.kind, known.tree, key, write.value});
        continue;
      }
      for (const std::string& operand : write.operands)
        operations.push_back({WriteKind::kMerge, known.tree, key, operand});
    }
  }
  return operations;
}

}  // namespace moraine
