// Private to api: the way from a public Tree handle to the engine's tree, and the words for a
// handle that leads nowhere.
#ifndef MORAINE_API_TREE_ACCESS_H_
#define MORAINE_API_TREE_ACCESS_H_

#include "absl/status/status.h"

#include "storage/engine.h"
#include <moraine/tree.h>

namespace moraine::internal {

// The engine's Tree under a name that public headers can mention without declaring a second
// moraine::Tree; only ever a pointer, converted here and back.
struct EngineTree;

struct TreeAccess {
  static moraine::Tree* Get(const v1::Tree& handle) {
    return reinterpret_cast<moraine::Tree*>(handle.tree_);
  }
  static v1::Tree Make(const moraine::Tree* tree) {
    v1::Tree handle;
    handle.tree_ = reinterpret_cast<EngineTree*>(const_cast<moraine::Tree*>(tree));
    return handle;
  }
};

inline absl::Status EmptyTreeHandle() {
  return absl::FailedPreconditionError("the Tree handle is empty: get one from OpenTree");
}

inline absl::Status EmptyView() {
  return absl::FailedPreconditionError("the snapshot was moved from or its database is closed");
}

}  // namespace moraine::internal

#endif  // MORAINE_API_TREE_ACCESS_H_
