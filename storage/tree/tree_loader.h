// Fills an empty tree from leaf blocks in key order, bottom up: how a checkpoint comes back,
// without a single descent.
#ifndef MORAINE_STORAGE_TREE_TREE_LOADER_H_
#define MORAINE_STORAGE_TREE_TREE_LOADER_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

#include "storage/tree/tree.h"

namespace moraine {

// No other thread may use the tree until Finish has returned.
class Tree::Loader {
 public:
  explicit Loader(Tree* tree) : tree_(*tree) {}
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;
  ~Loader();  // frees the pages unless Finish put them into the tree

  // `block`: a leaf, not yet trusted: it is validated, and must begin where the one before ended.
  // Copied.
  absl::Status Add(std::string_view block);
  // Builds the inner pages. DataLoss when the last leaf does not reach the end of the key space.
  absl::Status Finish();

 private:
  struct Child {
    std::string low_fence;
    PageId page;
  };
  absl::Status BuildLevel(uint32_t level, std::vector<Child>* children);
  absl::Status ReplaceRootBlock(char* block);

  Tree& tree_;
  std::vector<Child> leaves_;
  std::vector<PageId> loose_;   // pages of all levels that the tree does not reach yet
  char* last_block_ = nullptr;  // its right link is set when the next one comes
  std::string expected_low_;
  bool complete_ = false;
};

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_TREE_LOADER_H_
