// A handle to one named, ordered map of a database.
#ifndef MORAINE_API_TREE_H_
#define MORAINE_API_TREE_H_

#include <string>

#include <moraine/namespace.h>

namespace moraine::internal {
struct EngineTree;
struct TreeAccess;
}  // namespace moraine::internal

namespace moraine::MORAINE_V1 {

// The name of the tree that every database has.
inline constexpr char kDefaultTreeName[] = "default";

// A small value: copy it freely, use it from any number of threads. It is valid until the Database
// it came from is destroyed; after the tree was dropped, operations on it return NotFound.
class Tree {
 public:
  // A handle to no tree; operations on it return FailedPrecondition.
  Tree() = default;

  explicit operator bool() const { return tree_ != nullptr; }
  friend bool operator==(const Tree&, const Tree&) = default;

 private:
  friend struct internal::TreeAccess;

  internal::EngineTree* tree_ = nullptr;  // owned by the engine
};

// One row of Database::ListTrees.
struct TreeDescription {
  std::string name;
  std::string merge_operator;  // empty: none
};

}  // namespace moraine::MORAINE_V1

#endif  // MORAINE_API_TREE_H_
