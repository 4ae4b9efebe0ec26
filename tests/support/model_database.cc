// Versions in maps; see the header.
#include "tests/support/model_database.h"

#include <algorithm>
#include <charconv>

#include "storage/base/check.h"

namespace moraine {

void ModelDatabase::CreateTree(const std::string& tree, MergeFunction merge) {
  MORAINE_CHECK(trees_.emplace(tree, TreeState{std::move(merge), {}}).second);
}

void ModelDatabase::DropTree(const std::string& tree) { MORAINE_CHECK(trees_.erase(tree) == 1); }

std::vector<std::string> ModelDatabase::TreeNames() const {
  std::vector<std::string> names;
  for (const auto& [name, state] : trees_) names.push_back(name);
  return names;
}

std::optional<std::string> ModelDatabase::VersionAt(const Versions& versions, uint64_t at) {
  auto next = at == kLatest ? versions.end() : versions.lower_bound(at);
  return next == versions.begin() ? std::nullopt : std::prev(next)->second;
}

void ModelDatabase::Apply(uint64_t position, std::span<const ModelWrite> writes) {
  MORAINE_CHECK(position > last_position_ && position != kLatest);
  last_position_ = position;
  for (const ModelWrite& write : writes) {
    TreeState& tree = trees_.at(write.tree);
    Versions& versions = tree.keys[write.key];
    switch (write.kind) {
      case ModelWrite::Kind::kPut:
        versions[position] = write.value;
        break;
      case ModelWrite::Kind::kDelete:
        versions[position] = std::nullopt;
        break;
      case ModelWrite::Kind::kMerge:
        MORAINE_CHECK(tree.merge != nullptr);
        versions[position] = tree.merge(VersionAt(versions, kLatest), write.value);
        break;
    }
  }
}

bool ModelDatabase::CompareAndSet(uint64_t position, const std::string& tree,
                                  const std::string& key,
                                  const std::optional<std::string>& expected,
                                  const std::optional<std::string>& desired) {
  if (Get(tree, key) != expected) return false;
  const auto kind = desired ? ModelWrite::Kind::kPut : ModelWrite::Kind::kDelete;
  Apply(position, ModelWrite{kind, tree, key, desired.value_or("")});
  return true;
}

std::optional<std::string> ModelDatabase::Get(const std::string& tree, const std::string& key,
                                              uint64_t at) const {
  const TreeState& state = trees_.at(tree);
  auto found = state.keys.find(key);
  return found == state.keys.end() ? std::nullopt : VersionAt(found->second, at);
}

std::vector<ModelRecord> ModelDatabase::Scan(const std::string& tree, const std::string& begin,
                                             const std::optional<std::string>& end,
                                             uint64_t at) const {
  std::vector<ModelRecord> records;
  const TreeState& state = trees_.at(tree);
  for (auto key = state.keys.lower_bound(begin); key != state.keys.end(); ++key) {
    if (end && key->first >= *end) break;
    if (auto value = VersionAt(key->second, at)) records.emplace_back(key->first, *value);
  }
  return records;
}

void ModelDatabase::TruncateFrom(uint64_t position) {
  for (auto& [name, state] : trees_) {
    for (auto& [key, versions] : state.keys) {
      versions.erase(versions.lower_bound(position), versions.end());
    }
    std::erase_if(state.keys, [](const auto& entry) { return entry.second.empty(); });
  }
  last_position_ = std::min(last_position_, position == 0 ? 0 : position - 1);
}

namespace {

int64_t ParseNumber(std::string_view text) {
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::string Append(std::optional<std::string_view> existing, std::string_view operand) {
  return std::string(existing.value_or("")).append(operand);
}

std::string BitOr(std::optional<std::string_view> existing, std::string_view operand) {
  std::string result(existing.value_or(""));
  result.resize(std::max(result.size(), operand.size()), '\0');
  for (size_t i = 0; i < operand.size(); ++i) result[i] = static_cast<char>(result[i] | operand[i]);
  return result;
}

}  // namespace

ModelDatabase::MergeFunction ModelMerge(std::string_view name) {
  if (name == "append") return Append;
  if (name == "bit_or") return BitOr;
  int64_t (*combine)(int64_t, int64_t) = nullptr;
  if (name == "add") combine = [](int64_t a, int64_t b) { return a + b; };
  if (name == "max") combine = [](int64_t a, int64_t b) { return std::max(a, b); };
  if (name == "min") combine = [](int64_t a, int64_t b) { return std::min(a, b); };
  MORAINE_CHECK(combine != nullptr);
  return [combine](std::optional<std::string_view> existing, std::string_view operand) {
    if (!existing) return std::string(operand);
    return std::to_string(combine(ParseNumber(*existing), ParseNumber(operand)));
  };
}

}  // namespace moraine
