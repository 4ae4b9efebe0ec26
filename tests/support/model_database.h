// The reference that engine tests compare with: every version of every key in ordered maps, written
// at commit positions and readable at any of them. Slow and obvious on purpose. One thread only.
//
// A read at S sees the versions with a position < S, as the engine's snapshots do.
#ifndef MORAINE_TESTS_SUPPORT_MODEL_DATABASE_H_
#define MORAINE_TESTS_SUPPORT_MODEL_DATABASE_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moraine {

inline constexpr uint64_t kLatest = std::numeric_limits<uint64_t>::max();

struct ModelWrite {
  enum class Kind : uint8_t { kPut, kDelete, kMerge } kind = Kind::kPut;
  std::string tree;
  std::string key;
  std::string value;
};

using ModelRecord = std::pair<std::string, std::string>;

class ModelDatabase {
 public:
  // What a merge of `operand` over `existing` yields.
  using MergeFunction = std::function<std::string(std::optional<std::string_view> existing,
                                                  std::string_view operand)>;

  void CreateTree(const std::string& tree, MergeFunction merge = nullptr);
  void DropTree(const std::string& tree);
  bool HasTree(const std::string& tree) const { return trees_.contains(tree); }
  std::vector<std::string> TreeNames() const;

  // All writes at one position, in order: a later one sees the earlier ones. Positions only grow.
  void Apply(uint64_t position, std::span<const ModelWrite> writes);
  void Apply(uint64_t position, const ModelWrite& write) { Apply(position, std::span(&write, 1)); }
  // Puts `desired`, or deletes for nullopt, if the latest value is `expected`; whether it was.
  bool CompareAndSet(uint64_t position, const std::string& tree, const std::string& key,
                     const std::optional<std::string>& expected,
                     const std::optional<std::string>& desired);

  std::optional<std::string> Get(const std::string& tree, const std::string& key,
                                 uint64_t at = kLatest) const;
  // The records with begin <= key, and key < end unless `end` is nullopt, in order.
  std::vector<ModelRecord> Scan(const std::string& tree, const std::string& begin = "",
                                const std::optional<std::string>& end = std::nullopt,
                                uint64_t at = kLatest) const;

  // Forgets every write at a position >= `position`: what a crash may do to an unsynced tail.
  void TruncateFrom(uint64_t position);
  uint64_t last_position() const { return last_position_; }

 private:
  using Versions = std::map<uint64_t, std::optional<std::string>>;  // nullopt: deleted
  struct TreeState {
    MergeFunction merge;
    std::map<std::string, Versions> keys;
  };

  static std::optional<std::string> VersionAt(const Versions& versions, uint64_t at);

  std::map<std::string, TreeState> trees_;
  uint64_t last_position_ = 0;
};

// The merge functions that the engine has built in: add, max and min of decimal numbers, append and
// bit_or of bytes.
ModelDatabase::MergeFunction ModelMerge(std::string_view name);

}  // namespace moraine

#endif  // MORAINE_TESTS_SUPPORT_MODEL_DATABASE_H_
