// Filling a batch: one growing buffer holds the bytes of all its operations.
#include <moraine/batch.h>

namespace moraine::MORAINE_V1 {

void Batch::Put(const Tree& tree, std::string_view key, std::string_view value) {
  Add(Kind::kPut, tree, key, value);
}

void Batch::Delete(const Tree& tree, std::string_view key) { Add(Kind::kDelete, tree, key, {}); }

void Batch::Merge(const Tree& tree, std::string_view key, std::string_view operand) {
  Add(Kind::kMerge, tree, key, operand);
}

void Batch::Clear() {
  operations_.clear();
  bytes_.clear();
}

void Batch::Add(Kind kind, const Tree& tree, std::string_view key, std::string_view value) {
  operations_.push_back({tree, bytes_.size(), key.size(), value.size(), kind});
  bytes_.append(key).append(value);
}

}  // namespace moraine::MORAINE_V1
