// A list of writes to any number of trees that Database::Apply commits as one: all or nothing, for
// readers at once and after a crash.
#ifndef MORAINE_API_BATCH_H_
#define MORAINE_API_BATCH_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <moraine/namespace.h>
#include <moraine/tree.h>

namespace moraine::MORAINE_V1 {

// For one thread at a time. Keys and values are copied in. A later operation on a key wins over an
// earlier one of the same batch. Clear keeps the memory, so one Batch can be filled again and
// again.
class Batch {
 public:
  void Put(const Tree& tree, std::string_view key, std::string_view value);
  void Delete(const Tree& tree, std::string_view key);
  void Merge(const Tree& tree, std::string_view key, std::string_view operand);

  void Clear();
  bool empty() const { return operations_.empty(); }
  size_t size() const { return operations_.size(); }   // operations
  size_t size_bytes() const { return bytes_.size(); }  // of all keys and values

 private:
  friend class Database;

  enum class Kind : uint8_t { kPut, kDelete, kMerge };
  struct Operation {
    Tree tree;
    size_t offset;  // into bytes_: the key, then the value
    size_t key_size;
    size_t value_size;
    Kind kind;
  };

  void Add(Kind kind, const Tree& tree, std::string_view key, std::string_view value);

  std::vector<Operation> operations_;
  std::string bytes_;
};

}  // namespace moraine::MORAINE_V1

#endif  // MORAINE_API_BATCH_H_
