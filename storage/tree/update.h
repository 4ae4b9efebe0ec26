// The decision of a read-and-write step, shared by the tree and the doors above it.
#ifndef MORAINE_STORAGE_TREE_UPDATE_H_
#define MORAINE_STORAGE_TREE_UPDATE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"

namespace moraine {

// What an update decides after it saw the current value.
struct UpdateDecision {
  enum class Action : uint8_t { kKeep, kPut, kDelete } action = Action::kKeep;
  std::string value;
};

// Called with the committed value (nullopt: absent); may be called again when the key changed
// meanwhile; must be pure and must neither block nor call back into the engine: it runs inside an
// epoch guard.
using UpdateFunction = absl::FunctionRef<UpdateDecision(std::optional<std::string_view>)>;

}  // namespace moraine

#endif  // MORAINE_STORAGE_TREE_UPDATE_H_
